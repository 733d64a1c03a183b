"""Names of the timeline's events: known ones only, each one written somewhere, all on the help's page."""

from __future__ import annotations

import ast
import time
from pathlib import Path

import pytest

from rig.cli import main
from rig.events import TimelineEvent, UnknownEvent
from rig.timeline import Timeline

RIG = Path(__file__).parents[2] / "rig"


def test_a_misspelt_event_is_said_at_once(tmp_path: Path) -> None:
    timeline = Timeline(tmp_path / "timeline.jsonl")
    started_s = time.monotonic()
    for wait in (timeline.wait, timeline.find):
        with pytest.raises(UnknownEvent, match=r"RIG-R22 the timeline has no event RUN_EXITED\n  fix: did you mean RUN_EXIT"):
            wait("RUN_EXITED")
    assert time.monotonic() - started_s < 1
    timeline.close()


def test_an_apps_own_events_are_its_own(tmp_path: Path) -> None:
    timeline = Timeline(tmp_path / "timeline.jsonl")
    timeline.add("draft-saved", words=3)
    assert timeline.wait("draft-saved", timeout_s=0.1).words == 3
    timeline.close()


WRITERS = ("add", "_record", "tell", "_tell")
"""A timeline's own, and those that give it a record with what theirs have in common."""


def written() -> set[str]:
    """Upper-case words that the rig's code gives to a timeline: at once, as `event` a line before, or as what is to be
    written of a process that has `ended`."""
    found: set[str] = set()
    for file in RIG.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            match node:
                case ast.Call(func=ast.Attribute(attr=attr), args=[said, *_]) if attr in WRITERS:
                    found |= upper_case(said)
                case ast.Assign(targets=[ast.Name(id="event")], value=chosen) | ast.keyword(arg="ended", value=chosen):
                    found |= upper_case(chosen)
    return found


def upper_case(node: ast.expr) -> set[str]:
    """Texts, and members of TimelineEvent."""
    texts = [word.value for word in ast.walk(node) if isinstance(word, ast.Constant)]
    members = [word.attr for word in ast.walk(node) if isinstance(word, ast.Attribute) and ast.unparse(word.value) == "E"]
    return {word for word in [*texts, *members] if isinstance(word, str) and word.isupper()}


def test_every_event_that_is_written_has_a_name_and_a_meaning() -> None:
    assert written() - set(TimelineEvent) == set()
    assert set(TimelineEvent) - written() == set()
    assert all(event.meaning.endswith(".") for event in TimelineEvent)


def test_help_lists_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help", "events"]) == 0
    page = capsys.readouterr().out
    assert [event for event in TimelineEvent if f"\n{event} " not in page] == []
    assert max(map(len, page.splitlines())) <= 150
