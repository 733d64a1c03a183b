"""What `rig monitor --run` shows: the timelines and verdicts of a run that goes on, read from the files that it writes.

Nothing is asked of the run, its processes or its devices, so that watching changes nothing and works from anywhere.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rig.printable import printable
from rig.results.record import RESULTS
from rig.results.tail import Tail

POLL_S = 0.1
"""How often to look for more: a person reads no faster."""
VALUE_CHARS = 60
QUIET = ("FRAME",)
"""Written by the thousand when a bench is closed; wire.pcapng and the report have them."""


class RunFollower:
    """One run's directory. `lines` gives what is new; `over` is true when the run has ended."""

    def __init__(self, run_dir: Path) -> None:
        self.run_dir = run_dir
        self.over = False
        self._results = Tail(run_dir / RESULTS, from_end=True)
        self._shown = ""
        self._wall_ns = time.time_ns() - time.monotonic_ns()
        old = sorted(self._timelines(), key=lambda path: path.stat().st_mtime_ns)[:-1]
        self._tails = {path: Tail(path, from_end=True) for path in old}

    def lines(self) -> Iterator[str]:
        for path in sorted(set(self._timelines()) - set(self._tails), key=lambda path: path.stat().st_mtime_ns):
            self._tails[path] = Tail(path)
        for path, tail in self._tails.items():
            for record in tail.lines():
                if record.get("ev") not in QUIET:
                    yield from self._heading(path.parent.name)
                    yield self._record(record)
        for line in self._results.lines():
            yield from self._result(line)

    def _timelines(self) -> list[Path]:
        return list(self.run_dir.glob("tests/*/timeline.jsonl"))

    def _heading(self, test: str) -> Iterator[str]:
        if test != self._shown:
            self._shown = test
            yield f"--- {test}"

    def _record(self, record: dict[str, Any]) -> str:
        at = record.pop("t", 0)
        at_ns = (at if isinstance(at, int) else 0) + self._wall_ns
        stamp = time.strftime("%H:%M:%S", time.localtime(at_ns / 1e9)) + f".{at_ns // 1_000_000 % 1000:03}"
        who, event = record.pop("src", "?"), record.pop("ev", "?")
        detail = " ".join(f"{key}={_short(value)}" for key, value in record.items() if value is not None)
        return f"{stamp} {who:10} {event} {detail}".rstrip()

    def _result(self, line: dict[str, Any]) -> Iterator[str]:
        if line.get("kind") == "attempt":
            yield f"=== {line.get('verdict')}: {line.get('id')}"
        elif line.get("kind") == "end":
            self.over = True
            yield f"=== the run has ended, exit code {line.get('exit')}"


def _short(value: object) -> str:
    text = printable(str(value))
    return text if len(text) <= VALUE_CHARS else f"{text[:VALUE_CHARS]}... ({len(text)} characters)"


def follow(directory: Path, show: Callable[[str], None], seconds: float) -> None:
    """Show what a run does until it ends, or for so long. `directory`: a run's own, or that of all runs: then the one that goes
    on, or the next to begin.
    """
    end_s = time.monotonic() + seconds
    run = _going_on(directory)
    if run is None:
        show(f"no run goes on in {directory}: waiting for one to begin")
    while run is None and time.monotonic() < end_s:
        time.sleep(POLL_S)
        run = _going_on(directory)
    if run is None:
        return
    show(f"following {run}")
    follower = RunFollower(run)
    while not follower.over and time.monotonic() < end_s:
        for line in follower.lines():
            show(line)
        time.sleep(POLL_S)


def _going_on(directory: Path) -> Path | None:
    """A killed run has no end: it goes on until the next one begins."""
    for run in (directory, directory / "latest"):
        results = run / RESULTS
        if results.is_file() and not any(line.get("kind") == "end" for line in Tail(results).lines()):
            return run.resolve()
    return None
