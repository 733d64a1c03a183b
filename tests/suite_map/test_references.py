"""What a text of this tree points to is in this tree, or is a public document."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from rig import catalogue

ROOT = Path(__file__).parents[2]
PLACES = ("rig", "tests", "firmware", "netns", "README.md", "Makefile", "pyproject.toml", "reports/README.md")
LEFT_OUT = ("firmware/build", "rig/firmware_images", "__pycache__")
ELSEWHERE = re.compile(
    "|".join(
        [r"\bspec/\w", r"\bdesign/\w", r"\b(?:host|offload|harness|architecture)\.md\b", r"\bC[1-6]\.\d", r"\bappendix [A-E]\b"]
    )
)
"""Pages of working papers, and their numbering of the edge cases, which nobody has who has the tree."""
ID = re.compile(r"\b(CCT|CWS|CHC|CXR|SAT|RAW|BGT|APT|BTR|EDGE)-(\d+)\b")


def texts() -> Iterator[tuple[Path, int, str]]:
    """(file, line number, line) of every text file but this one."""
    for place in PLACES:
        paths = [ROOT / place] if (ROOT / place).is_file() else sorted((ROOT / place).rglob("*"))
        for path in paths:
            name = path.relative_to(ROOT).as_posix()
            if not path.is_file() or path == Path(__file__) or any(part in name for part in LEFT_OUT):
                continue
            try:
                lines = path.read_text(encoding="utf-8").splitlines()
            except UnicodeDecodeError:
                continue
            yield from ((path.relative_to(ROOT), number, line) for number, line in enumerate(lines, 1))


def test_no_text_sends_a_reader_to_a_page_that_is_not_here() -> None:
    found = [f"{path}:{number}: {line.strip()}" for path, number, line in texts() if ELSEWHERE.search(line)]
    assert not found, "say the requirement's id, the RFC, or the thing itself:\n" + "\n".join(found)


def test_ids_that_texts_name_are_in_the_catalogue() -> None:
    strange = {"CCT-999", "CCT-099", "EDGE-109"}  # of tests of the refusal
    found = [
        f"{path}:{number}: {match.group()}"
        for path, number, line in texts()
        for match in ID.finditer(line)
        if match.group() not in strange and catalogue.unknown([match.group()])
    ]
    assert not found, "\n".join(found)
