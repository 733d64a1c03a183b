"""The one ordered record that everything writes to and every report is drawn from.

A timeline is a file of JSON lines. Every process of the bench opens it with O_APPEND and writes a record with one
write(2): the kernel serialises appends, so the order of lines is the order of events, across processes, and a SIGKILL
loses nothing but the record that its process is just writing (torn.py). The line number is the record's `seq`; order assertions
compare `seq`, never time.
`t_ns` is CLOCK_MONOTONIC, which is one clock for all processes of a machine.
A record that finds no room on the disk is no reason for a process to end. It leaves a mark on the file, in its permissions, which
need no room; whoever waits for a record or looks for one then gets RIG-R14.

A line: {"t": t_ns, "src": who writes, "ev": event name, ...detail}
Event names: rig/events.py.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from rig import room, torn
from rig.clock import WAIT_S, Deadline
from rig.errors import BenchError, RigError
from rig.events import TimelineEvent, check_name

POLL_S = 0.002
"""How often a waiting reader looks at the file's size. At each half of a millisecond it took a few hundredths of what
eight workers have; to be told by inotify took as much as that."""


FULL = stat.S_ISVTX
"""A permission bit that means nothing on a file: a record is missing, or a part of one."""


SINCE = "; what came since, to the end:"
"""Behind what did not come, before lines of what did."""


class TimelineTimeout(AssertionError):
    """A record that was waited for did not come. An assertion: the system under test failed to do something."""


class DeviceDied(TimelineTimeout):
    """It cannot come any more: the device's process ended by itself, which is the firmware's fault."""


@dataclass(frozen=True)
class Record:
    """One event. `detail` holds everything but seq, time, source and name."""

    seq: int
    t_ns: int
    src: str
    event: str
    detail: Mapping[str, Any]

    def __getattr__(self, name: str) -> Any:
        try:
            return self.detail[name]
        except KeyError:
            raise AttributeError(f"record {self.event} has no {name!r}, only {sorted(self.detail)}") from None

    def matches(self, event: str, detail: Mapping[str, Any]) -> bool:
        return self.event == event and all(self.detail.get(k) == v for k, v in detail.items())


class TimelineWriter:
    """Appends records; one for each process. `fd` is an O_APPEND descriptor, inherited or opened."""

    def __init__(self, fd: int, src: str) -> None:
        self.fd = fd
        self.src = src

    def add(self, event: str, *, t_ns: int | None = None, **detail: Any) -> None:
        """Append one record. `t_ns` is for events that happened elsewhere (a frame's kernel timestamp)."""
        line = encoded({"t": time.monotonic_ns() if t_ns is None else t_ns, "src": self.src, "ev": event, **detail}) + b"\n"
        try:
            written = self._write(line)
        except OSError as error:
            if error.errno not in room.NO_ROOM:
                raise
            written = 0
        if written != len(line):
            self.is_full()

    def _write(self, line: bytes) -> int:
        return os.write(self.fd, line)

    def is_full(self) -> None:
        """Something that belongs to the run found no room: all who read the timeline are told."""
        os.fchmod(self.fd, os.fstat(self.fd).st_mode | FULL)


class Timeline(TimelineWriter):
    """The reading and writing end of a bench's record. `path` is created; its directory must exist."""

    def __init__(self, path: Path, src: str = "rig") -> None:
        super().__init__(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o644), src)
        os.fchmod(self.fd, os.fstat(self.fd).st_mode & ~FULL)
        self.path = path
        self.excuse: Callable[[], Exception | None] = lambda: None
        """Asked when a record did not come: what of the bench is to blame."""
        self.looked_at: set[int] = set()
        """Numbers of the records that `find` and `wait` have given out: what the test was about."""
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        """Held by this process's writers while they write, so that the file is not another one's by then."""
        self._records: list[Record] = []
        self._offset = 0
        self._rest = b""
        self._full = False
        self._damage = ""
        """What is wrong with a line that is no record: told to all who look, as what stands behind it is not known."""

    @property
    def lack(self) -> BenchError | None:
        """RIG-R14 when there was no room for a record."""
        return room.no_room(self.path.parent, "the timeline is not whole") if self._full else None

    def writer(self, src: str) -> TimelineWriter:
        """A writer for another part of this process. What it writes once this is closed goes nowhere: a thread of a server that a
        test leaves behind has nobody to tell."""
        return _PartsWriter(self, src)

    def write_while_open(self, line: bytes) -> int:
        """For those writers; as os.write()."""
        with self._writing:
            return os.write(self.fd, line) if self.fd >= 0 else len(line)

    def records(self, after: int = 0) -> list[Record]:
        """All records so far from `after` on, in order. Raises BenchError RIG-R14 when some are missing, RigError RIG-R10 once a
        line was none."""
        with self._lock:
            self._read_new()
            if self._full:
                raise room.no_room(self.path.parent, "the timeline is not whole")
            return self._records[after:]

    def mark(self) -> int:
        """The seq after the newest record: pass it as `after` to see only what comes."""
        with self._lock:
            self._read_new()
            return len(self._records)

    def find(self, event: str, *, after: int = 0, **detail: Any) -> list[Record]:
        """Records with this name and these detail values, seq >= after. Raises UnknownEvent."""
        check_name(event)
        found = [r for r in self.records(after) if r.matches(event, detail)]
        self.looked_at.update(r.seq for r in found)
        return found

    def wait(
        self, event: str, *, timeout_s: float = WAIT_S, after: int = 0, count: int = 1, poll_s: float = POLL_S, **detail: Any
    ) -> Record:
        """Wait for the `count`-th such record. Raises TimelineTimeout that shows what came instead, UnknownEvent at once."""
        check_name(event)
        what = f"{event} {detail}" if detail else event
        limits: dict[str, Any] = {"timeout_s": timeout_s, "after": after, "count": count, "poll_s": poll_s}
        return self.wait_until(lambda r: r.matches(event, detail), what, **limits)

    def assert_none(self, event: str, *, timeout_s: float, after: int = 0, **detail: Any) -> None:
        """No such record has come, nor does in that time. Raises AssertionError that shows the one that did, UnknownEvent."""
        try:
            came = self.wait(event, timeout_s=timeout_s, after=after, **detail)
        except DeviceDied:
            raise
        except TimelineTimeout:
            return
        raise AssertionError(f"{event} came, and none was to: {came.seq} {came.src} {dict(came.detail)}")

    def wait_until(
        self,
        wanted: Callable[[Record], bool],
        what: str,
        *,
        timeout_s: float = WAIT_S,
        after: int = 0,
        count: int = 1,
        poll_s: float = POLL_S,
    ) -> Record:
        """As `wait`, with a predicate; `what` names it in the error. `poll_s`: longer where looking disturbs what is measured."""
        deadline = Deadline(timeout_s)
        seen, position = 0, after
        news = after or self.mark()
        while True:
            for record in self.records(position):
                position = record.seq + 1
                seen += wanted(record)
                if seen == count:
                    self.looked_at.add(record.seq)
                    return record
                if record.event == TimelineEvent.DEVICE_DIED and record.seq >= news:
                    raise DeviceDied(self._missing(what, timeout_s, after, seen, count, f"the device died, {record.status}"))
            if deadline.expired:
                missing = TimelineTimeout(self._missing(what, timeout_s, after, seen, count))
                raise self.excuse() or missing
            time.sleep(poll_s)

    def close(self) -> None:
        with self._lock:
            try:
                if not self._damage:  # else somebody was told
                    self._read_new()
            finally:
                with self._writing:
                    os.close(self.fd)
                    self.fd = -1

    def _missing(self, what: str, timeout_s: float, after: int, seen: int, count: int, why: str = "") -> str:
        missing = f"{what} {f'will not come: {why}' if why else f'did not come within {timeout_s} s'} ({seen} of {count} seen)"
        if not why and (deaths := self.find(TimelineEvent.DEVICE_DIED)):
            missing += f"; the device died before, {deaths[-1].status}: {deaths[-1].output or 'it wrote nothing'}"
        came = [f"    {r.seq} {r.src} {r.event} {dict(r.detail)}" for r in self.records(after)[-12:]]
        if not came:
            return f"{missing}; nothing at all came after record {after - 1}"
        return "\n".join([missing + SINCE, *came])

    def _read_new(self) -> None:
        if self._damage:
            raise RigError("RIG-R10", self._damage)
        if self.fd < 0:
            return
        now = os.fstat(self.fd)
        self._full = bool(now.st_mode & FULL)
        if self._full or now.st_size == self._offset:  # a line that was cut short may be anywhere
            return
        while chunk := os.pread(self.fd, 1 << 20, self._offset):
            self._offset += len(chunk)
            *lines, self._rest = (self._rest + chunk).split(b"\n")
            try:
                for line in lines:
                    self._records.append(parse(line, len(self._records)))
            except RigError as error:
                self._damage = error.cause
                raise


class _PartsWriter(TimelineWriter):
    """Of this process, and not longer than its timeline."""

    def __init__(self, timeline: Timeline, src: str) -> None:
        super().__init__(timeline.fd, src)
        self._timeline = timeline

    def _write(self, line: bytes) -> int:
        return self._timeline.write_while_open(line)


def parse(line: bytes, seq: int) -> Record:
    """One line of the file, without a piece of another in front of it (torn.py). Raises RigError RIG-R10 on a line that is none
    of ours."""
    try:
        return _record(line, seq)
    except _NO_RECORD as error:
        for rest in torn.behind_a_piece(line):
            with contextlib.suppress(*_NO_RECORD):
                return _record(rest, seq)
        raise RigError("RIG-R10", f"line {seq + 1} of the timeline is no record: {line[:80]!r}") from error


def _record(line: bytes, seq: int) -> Record:
    """Raises what is in _NO_RECORD."""
    fields = _fields(line)
    return Record(seq, fields.pop("t"), fields.pop("src"), fields.pop("ev"), fields)


_NO_RECORD = ValueError, KeyError, AttributeError, TypeError, RecursionError


def _fields(line: bytes) -> Any:
    """The quick decoder takes 2 µs where the other takes 9, and not each text and number that the other does."""
    try:
        return _quick_decode(line)
    except ValueError:  # half a surrogate pair, a float beyond all
        return json.loads(line)


def load(path: Path) -> Iterator[Record]:
    """Records of a finished timeline; a last line that a kill cut short is left out, and of a full disk any that makes no
    sense."""
    full = path.stat().st_mode & FULL
    seq = 0
    for line in path.read_bytes().split(b"\n")[:-1]:
        try:
            record = parse(line, seq)
        except RigError:
            if not full:
                raise
            continue
        seq += 1
        yield record


def encoded(line: dict[str, Any]) -> bytes:
    """One line of the file. Seven records lie on the way of a wake: the quick encoder takes 1 µs for what the other takes 10 for,
    but has ways of its own with bytes, enumerations and numbers beyond 64 bits."""
    try:
        if _QUICK.issuperset(map(type, line.values())):
            return _quick(line)
    except (UnicodeError, OverflowError):  # a text with half a surrogate pair, a number of more than 64 bits
        pass
    return _slow(line).encode()


def _plain(value: object) -> object:
    if isinstance(value, (bytes, bytearray)):
        return value.hex()
    return str(value)


_QUICK = frozenset({str, int, bool, type(None)})
_quick = msgspec.json.Encoder().encode
_quick_decode = msgspec.json.Decoder().decode
_slow = json.JSONEncoder(default=_plain, separators=(",", ":")).encode
