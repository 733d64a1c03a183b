"""Room for a run's files: a run stops while its reports can still be drawn, and says so in one line."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from rig.errors import BenchError

RESERVE_BYTES = 16 << 20
"""Kept free for the files of one more test (a few MiB at most) and the reports (12 MiB for the whole suite on two devices)."""

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""Full, over the user's quota, over the process's limit (ulimit -f)."""


def lack(directory: Path) -> BenchError | None:
    """RIG-R14 when the file system below `directory` has less left than the reserve."""
    found = os.statvfs(directory)
    left = found.f_bavail * found.f_frsize
    if left >= RESERVE_BYTES:
        return None
    return no_room(directory, f"{left >> 10} KiB are left, a run needs {RESERVE_BYTES >> 20} MiB")


def no_room(directory: Path, cause: str) -> BenchError:
    """RIG-R14, with what led to it."""
    fix = "make room there (rig report --keep N deletes old runs), or give another directory"
    return BenchError("RIG-R14", f"no room for this run's files in {directory}: {cause}", fix)


def out_of_room(error: BaseException | None) -> BaseException | None:
    """The one that says so, of an error and of what led to it: an OSError, or SQLite's word for it."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            return error
        if getattr(error, "sqlite_errorname", "") == "SQLITE_FULL":
            return error
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return None


def of_files(error: BaseException, directory: Path) -> BenchError:
    """What a run's files have met: they found no room, or somebody has taken them away."""
    if (lacking := out_of_room(error)) is not None:
        return no_room(directory, words(lacking))
    fix = "nobody but rig may change a run's directory while it runs; give another one"
    return BenchError("RIG-T03", f"the files of a test in {directory} could not be written: {words(error)}", fix)


def words(error: BaseException) -> str:
    return error.strerror if isinstance(error, OSError) and error.strerror else str(error)
