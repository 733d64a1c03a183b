"""README and the pages behind it: short, every path in the tree, every command one that the rig takes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer.main

from rig.cli import build
from rig.commands import pages
from rig.plugin import MARKS

ROOT = Path(__file__).parents[2]
PAGES = (
    "README.md",
    "netns/README.md",
    "rig/suite/README.md",
    "firmware/README.md",
    "firmware/boot/README.md",
    "reports/README.md",
)
FIXTURES = frozenset({"bench", "device", "host", "server", "inject", "timeline", "capture"})
"""Of rig/plugin.py."""
LONGEST_LINES = 120
"""Of README: what a newcomer reads in five minutes."""
COMMAND = re.compile(r"^(?:    |  )(rig \w+[^#`]*?)(?: {2,}|\s#|$|; (?=rig)|\s&(?=\s))", re.MULTILINE)
IN_TEXT = re.compile(r"`(rig [^`]+)`")


def texts() -> dict[str, str]:
    topics = {name: getattr(pages, name) for name in ("TOUR", "TESTS", "BOARD", "FIGURES")}
    return {name: (ROOT / name).read_text(encoding="utf-8") for name in PAGES} | topics


def commands() -> list[str]:
    found: set[str] = set()
    for text in texts().values():
        for line in text.splitlines():
            for part in line.partition(" # ")[0].split("; "):
                indented = part if part.startswith("  ") else f"    {part}"
                found |= {match.group(1).strip() for match in COMMAND.finditer(indented)}
        found |= set(IN_TEXT.findall(text))
    words = {"...": "x", "COMMAND --help": "run --help"}
    return sorted(command for command in found if not any(word in command for word in words))


def test_the_readme_is_a_page() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= LONGEST_LINES


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_points_to_is_there(page: str) -> None:
    text, folder = (ROOT / page).read_text(encoding="utf-8"), (ROOT / page).parent
    links = re.findall(r"\]\(([^)#]+)\)", text)
    paths = re.findall(r"`((?:[\w.-]+/)*[\w.-]+/|(?:[\w.-]+/)+[\w.-]+\.\w+)`", text)
    made = re.compile(r"^(reports/latest|rig/firmware_images|tests/<)")
    missing = [link for link in links if not (folder / link).exists()]
    missing += [path for path in paths if not made.match(path) and not _is_there(folder, path)]
    assert missing == []


def _is_there(folder: Path, path: str) -> bool:
    """From the root, from the page, or a folder that a row of a table has named before: `system/`."""
    return (ROOT / path).exists() or (folder / path).exists() or any(ROOT.glob(f"*/*/{path}"))


def test_there_are_commands_to_look_at() -> None:
    assert len(commands()) > 30
    assert {"rig doctor", 'rig run -k "wakes and not vlan"', "rig help tour"} <= set(commands())


@pytest.mark.parametrize("command", commands())
def test_a_command_of_a_page_is_one_that_the_rig_takes(command: str) -> None:
    """Its options and arguments; nothing runs."""
    _, name, *arguments = shlex.split(command.partition(" > ")[0])
    known = typer.main.get_command(build())
    context = known.make_context("rig", [name], resilient_parsing=True)
    found = known.get_command(context, name)  # type: ignore[attr-defined]
    assert found is not None, name
    values = [{"N": "3"}.get(word, word) for word in arguments]
    found.make_context(name, values)


def test_the_page_on_tests_has_all_fixtures_and_marks() -> None:
    rows = [line.split()[0].partition("(")[0] for line in pages.TESTS.splitlines() if line.startswith("  ")]
    assert set(rows) >= FIXTURES
    marks = {mark.partition(":")[0].partition("(")[0] for mark in MARKS} - {"edge"}
    assert set(rows) >= marks
    assert "edge(7)" in pages.TESTS
