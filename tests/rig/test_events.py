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


def written() -> set[str]:
    """Upper-case words that the rig's code gives to a timeline, by itself or through a `_record` of its own."""
    found = set()
    for file in RIG.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("add", "_record"):
                words = [word.value for arg in node.args[:1] for word in ast.walk(arg) if isinstance(word, ast.Constant)]
                found |= {word for word in words if isinstance(word, str) and word.isupper()}
    return found


def test_every_event_that_is_written_has_a_name_and_a_meaning() -> None:
    assert written() - set(TimelineEvent) == set()
    assert set(TimelineEvent) - written() == {"SLOT_GRANT"}  # chosen between it and SLOT_DENY a line before it is written
    assert all(event.meaning.endswith(".") for event in TimelineEvent)


def test_help_lists_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help", "events"]) == 0
    page = capsys.readouterr().out
    assert [event for event in TimelineEvent if f"\n{event} " not in page] == []
    assert max(map(len, page.splitlines())) <= 150
