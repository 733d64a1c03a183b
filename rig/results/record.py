"""The streamed record of a run: results.jsonl, one line written the moment something is known.

    {"kind": "run", ...facts}                        first line
    {"kind": "requirement", "id": "MY-001", ...}     one a requirement that is not of the rig's catalogue
    {"kind": "test", "id": ..., "requirements": []}  one a selected test
    {"kind": "attempt", "id": ..., "attempt": 1, "verdict": ..., "phases": [...]}
    {"kind": "end", "exit": 0, ...}                  last line; missing after SIGKILL

Every report is drawn from this file and the timelines beside it, so a killed run still has its reports.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import re
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rig import torn
from rig.errors import UsageError
from rig.results.tail import Tail

RESULTS = "results.jsonl"
LATEST_AT = 1 << 36
"""Seconds since 1970: beyond it, in the year 4147, a clock's word is no time that every library writes."""

SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]|\xed[\xa0-\xbf]")
"""In JSON, escaped or as it is."""

SLUG_CHARACTERS = 100
"""Of a test's id in the name of its directory: with what is put behind it, well below the 255 bytes of a file's name."""

NOT_JUDGED = "NOT_JUDGED"
"""In the place of a wake's reason: of wakes that nobody knows any more."""


class Recorder:
    """Appends to the record of one run."""

    def __init__(self, run_dir: Path) -> None:
        self.run_dir = run_dir
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._fd = os.open(run_dir / RESULTS, flags, 0o644)

    def add(self, kind: str, /, **fields: Any) -> None:
        """A whole line or none: what a full disk or a kill (torn.py) left of one is taken back, or the next line would go on
        where it broke off."""
        line = {"kind": kind, "at": round(time.time(), 3), **fields}
        text = json.dumps(line, default=str, separators=(",", ":")).encode() + b"\n"
        fcntl.flock(self._fd, fcntl.LOCK_EX)  # another worker's line must not come between
        try:
            before = torn.whole_bytes(self._fd)
            os.ftruncate(self._fd, before)
            if os.write(self._fd, text) < len(text):
                os.ftruncate(self._fd, before)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        finally:
            fcntl.flock(self._fd, fcntl.LOCK_UN)

    def close(self) -> None:
        os.close(self._fd)


class Attempts:
    """The attempts in a record that grows."""

    def __init__(self, run_dir: Path) -> None:
        self._tail = Tail(run_dir / RESULTS)

    def new(self) -> list[dict[str, Any]]:
        """The lines of those that ended since the last call."""
        return [line for line in self._tail.lines() if line.get("kind") == "attempt"]


def run_name() -> str:
    """<timestamp-id>, the name of a run's directory."""
    return f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"


def new_run_dir(reports: Path, name: str | None = None) -> Path:
    """Create reports/<timestamp-id> and point reports/latest at it. Raises UsageError RIG-R12."""
    run_dir = reports / (name or run_name())
    try:
        run_dir.mkdir(parents=True)
        _point_latest(reports, run_dir.name)
    except OSError as error:
        cause = f"no reports can be written to {reports}: {error.strerror}"
        raise UsageError("RIG-R12", cause, "give another directory") from error
    return run_dir


def artefact_dir(run_dir: Path, test_id: str, attempt: int) -> Path:
    """Where one attempt leaves its files; created."""
    path = _artefacts(run_dir, test_id, attempt)
    path.mkdir(parents=True, exist_ok=True)
    return path


def artefacts_of(run_dir: Path, test_id: str, attempt: int) -> list[Path]:
    """What an attempt has left that did not live to record it, sorted."""
    return sorted(found for found in _artefacts(run_dir, test_id, attempt).rglob("*") if found.is_file())


def _artefacts(run_dir: Path, test_id: str, attempt: int) -> Path:
    """A name that every file system takes: readable, and by its hash no other test's."""
    path, _, name = test_id.partition("::")
    slug = re.sub(r"[^A-Za-z0-9]+", "-", f"{path.split('/')[-1]}::{name}").strip("-")[:SLUG_CHARACTERS]
    digest = hashlib.sha256(test_id.encode(errors="surrogatepass")).hexdigest()[:8]
    again = f"-attempt-{attempt}" if attempt > 1 else ""
    return run_dir / "tests" / f"{slug}-{digest}{again}"


def read(run_dir: Path) -> list[Mapping[str, Any]]:
    """The record's lines; one that a kill cut short is left out. Raises UsageError RIG-R11 for one that is none of ours."""
    lines = (run_dir / RESULTS).read_bytes().split(b"\n")[:-1]
    return [_line(run_dir / RESULTS, number, line) for number, line in enumerate(lines, 1)]


def _line(path: Path, number: int, text: bytes) -> Mapping[str, Any]:
    try:
        line = json.loads(text)
        if SURROGATE.search(text):  # perhaps half a pair, as of a file's name that is no UTF-8: no report could be written
            line = json.loads(json.dumps(line, ensure_ascii=False).encode(errors="replace"))
    except (ValueError, RecursionError):
        line = None
    at = line.get("at") if isinstance(line, dict) and "kind" in line else None
    if not isinstance(at, (int, float)) or not 0 <= at < LATEST_AT:
        raise UsageError("RIG-R11", f"{path}:{number}: is no line of a run's record", "rig report reports/<run>")
    found: Mapping[str, Any] = line
    return found


def _point_latest(reports: Path, name: str) -> None:
    temporary = reports / f".latest-{name}"
    temporary.symlink_to(name)
    temporary.replace(reports / "latest")
