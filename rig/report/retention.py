"""Old runs are deleted when somebody asks for it, never by themselves."""

from __future__ import annotations

import re
import shutil
import time
from pathlib import Path

from rig.errors import UsageError
from rig.results.record import RESULTS, read

NAME = re.compile(r"\d{8}-\d{6}-[0-9a-f]{4}")
"""What `new_run_dir` calls a run. Nothing else is touched, whatever it holds."""

FOR_GOOD_S = 86_400.0
"""A run without an end may be going on; not after a day."""


def prune(reports: Path, keep: int, drawn: Path | None = None) -> list[Path]:
    """Delete all but the newest `keep` runs of `reports`; gives those that are gone.

    `drawn` stays, however old: its reports have just been asked for. So does a run that may be going on.
    """
    runs = sorted((path for path in reports.iterdir() if _is_run(path)), reverse=True)
    gone = [path for path in runs[keep:] if path != drawn and _ended(path)]
    for path in gone:
        shutil.rmtree(path)
    return gone


def _is_run(path: Path) -> bool:
    return bool(NAME.fullmatch(path.name)) and not path.is_symlink() and (path / RESULTS).is_file()


def _ended(run: Path) -> bool:
    if time.time() - (run / RESULTS).stat().st_mtime > FOR_GOOD_S:
        return True
    try:
        lines = read(run)
    except UsageError:  # damaged: nobody can tell
        return False
    return bool(lines) and lines[-1]["kind"] == "end"
