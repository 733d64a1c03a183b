"""What stays of a test's files: everything of a failing one, of a passing one the timeline for its picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rig.results.verdict import Verdict

TIMELINE = "timeline.jsonl"
OUTPUT = "output.txt"

OUTPUT_CHARS = 20_000
"""Of each stream in the record: its end says what went wrong. output.txt has the whole."""


def write_output(directory: Path, sections: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Write what an attempt and its processes wrote to output.txt; gives the end of each stream, for the record."""
    written = [(name, text) for name, text in sections if text.strip()]
    if written:
        directory.mkdir(parents=True, exist_ok=True)  # somebody may have deleted it
        whole = "".join(f"----- {name} -----\n{text.rstrip()}\n" for name, text in written)
        (directory / OUTPUT).write_text(whole, encoding="utf-8", errors="backslashreplace")
    return [(name, text[-OUTPUT_CHARS:]) for name, text in written]


def keep(directory: Path, outcome: Verdict) -> list[Path]:
    """Delete what is not needed; the files that stay, sorted. None when somebody has deleted them all."""
    if not directory.is_dir():
        return []
    if outcome in (Verdict.PASSED, Verdict.SKIPPED):
        for path in directory.iterdir():
            if path.name != TIMELINE and path.is_file():
                path.unlink()
    if not any(directory.iterdir()):
        directory.rmdir()
        return []
    return sorted(path for path in directory.rglob("*") if path.is_file())
