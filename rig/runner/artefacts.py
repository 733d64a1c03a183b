"""What stays of a test's files: everything of a failing one, of a passing one the timeline for its picture."""

from __future__ import annotations

from pathlib import Path

from rig.runner.verdict import Verdict

TIMELINE = "timeline.jsonl"


def keep(directory: Path, outcome: Verdict) -> list[Path]:
    """Delete what is not needed; the files that stay, sorted."""
    if outcome in (Verdict.PASSED, Verdict.SKIPPED):
        for path in directory.iterdir():
            if path.name != TIMELINE and path.is_file():
                path.unlink()
    if not any(directory.iterdir()):
        directory.rmdir()
        return []
    return sorted(path for path in directory.rglob("*") if path.is_file())
