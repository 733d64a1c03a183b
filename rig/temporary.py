"""Where temporary files go, found without leaving anything there.

tempfile tries a folder, once a process, by a file with a name: what a SIGKILL in that moment leaves behind.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

NAMED = ("TMPDIR", "TEMP", "TMP")
USUAL = "/tmp"


def settle() -> None:
    """tempfile takes its first candidate if that holds a file without a name (O_TMPFILE), and tries nothing; else, as on a file
    system that knows none, it goes on as ever."""
    if tempfile.tempdir is not None:
        return
    folder = Path(next((os.environ[name] for name in NAMED if os.environ.get(name)), USUAL)).absolute()
    try:
        with os.fdopen(os.open(folder, os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o600), "wb") as probe:
            probe.write(b"there is room")
    except OSError:
        return
    tempfile.tempdir = str(folder)
