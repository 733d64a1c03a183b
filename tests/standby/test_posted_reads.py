"""Posted reads over a layer of their own: what completes one is not what the kernel has, and the system knows when it is over."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rig.clock import WAIT_S
from rig.standby.api.byte_stream import ByteStream
from rig.standby.api.posted_read import PostedRead
from rig.standby.api.read_operation import ReadOperation
from rig.standby.app.crew import Crew
from rig.standby.app.faults import AppFaults
from rig.standby.app.posted_reads import PostedReads
from rig.standby.wire.from_app import ReadBegin, ReadWithoutEffect
from rig.standby.wire.hresult import HostError
from rig.standby.wire.message import Notice
from rig.timeline import Timeline


class Lines:
    """A layer whose peer sends whole lines: each is answered with a dot; an empty one is for nobody."""

    def __init__(self) -> None:
        self._in, self._out, self._lines, self._ended = b"", b"", list[bytes](), False

    def receive(self, data: bytes) -> None:
        if data == b"!\n":
            self._out += b"?"
            raise ConnectionAbortedError("no line")
        *lines, self._in = (self._in + data).split(b"\n")
        self._lines += [line for line in lines if line]
        self._out += b"." * len(lines)
        self._ended |= not data

    def take(self, count: int) -> bytes | None:
        return self._lines.pop(0) if self._lines else (b"" if self._ended else None)

    @property
    def buffered(self) -> bool:
        return bool(self._lines) or self._ended

    def send(self, data: bytes) -> None:
        self._out += data + b"\n"

    def can_seal(self) -> bool:
        return True

    def outgoing(self) -> bytes:
        out, self._out = self._out, b""
        return out

    @property
    def owes(self) -> bool:
        return bool(self._out)

    def close(self) -> None:
        self._out += b"bye"


class Reading:
    """One end of a connection, as an app has it, with all that the app's process tells the system of it."""

    def __init__(self, timeline: Timeline) -> None:
        ours, self.peer = socket.socketpair()
        self.stream = ByteStream(ours)
        self.stream.put_on(Lines())
        self.crew = Crew(AppFaults("small", 1, timeline))
        self.told: list[Notice] = []
        self.done: list[PostedRead] = []
        self._changed = threading.Condition()
        self.reads = PostedReads(self.crew, self.told.append, self._completed)

    def _completed(self, read: PostedRead) -> None:
        with self._changed:
            self.done.append(read)
            self._changed.notify_all()

    def wait_done(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.done) >= count, WAIT_S)

    def post(self) -> ReadOperation:
        read = ReadOperation(self.stream, 100, lambda _: None, lambda _: None, socket_id=1, channel_id="c")
        self.reads.post(read)
        return read


@pytest.fixture
def reading(tmp_path: Path) -> Iterator[Reading]:
    timeline = Timeline(tmp_path / "timeline.jsonl")
    reading = Reading(timeline)
    with reading.stream.sock, reading.peer:
        yield reading
    timeline.close()


BEGUN, NOTHING = ReadBegin("c"), ReadWithoutEffect("c")


def test_what_is_half_of_something_leaves_the_read_posted_and_the_system_knows(reading: Reading) -> None:
    read = reading.post()
    for half in (b"new", b"s\n"):
        reading.peer.send(half)
        reading.crew.turn()
    assert (reading.told, reading.done) == ([BEGUN, NOTHING, BEGUN], [read])
    assert read.get_results() == b"news"


def test_what_is_for_nobody_is_answered_and_completes_nothing(reading: Reading) -> None:
    reading.post()
    reading.peer.send(b"\n")
    reading.crew.turn()
    assert (reading.told, reading.done) == ([BEGUN, NOTHING], [])
    assert reading.peer.recv(10) == b"."


def test_a_read_of_what_came_with_the_last_one_completes_without_the_kernel(reading: Reading) -> None:
    """The system hears of it before `post` returns: it could stop the app, and no data would come to continue it for."""
    first = reading.post()
    reading.peer.send(b"one\ntwo\n")
    reading.crew.turn()
    second = reading.post()
    assert reading.told == [BEGUN, BEGUN]
    reading.crew.start()
    reading.wait_done(2)
    assert (first.get_results(), second.get_results()) == (b"one", b"two")


def test_a_read_that_is_withdrawn_before_what_is_there_was_taken_is_cancelled_and_over(reading: Reading) -> None:
    reading.post()
    reading.peer.send(b"one\ntwo\n")
    reading.crew.turn()
    second = reading.post()
    reading.reads.withdraw(second)
    assert second.cancelled
    third = reading.post()
    reading.crew.start()
    reading.wait_done(3)
    assert third.get_results() == b"two"
    assert reading.told.count(NOTHING) == 1


def test_the_layers_last_words_go_out_though_what_came_ends_it(reading: Reading) -> None:
    read = reading.post()
    reading.peer.send(b"!\n")
    reading.crew.turn()
    assert reading.peer.recv(10) == b"?"
    assert read.over
    with pytest.raises(ConnectionAbortedError):
        read.get_results()


def test_what_must_be_first_goes_before_what_is_written_once(reading: Reading) -> None:
    kept = [b"kept "]
    reading.stream.before_write = lambda: kept.pop() if kept else b""
    reading.stream.write(b"one")
    reading.stream.write(b"two")
    assert reading.peer.recv(100) == b"kept one\ntwo\n"


def test_what_a_protocol_does_not_foresee_ends_the_read_with_an_error(reading: Reading) -> None:
    """The host would be awake for it for ever."""

    class Unforeseen(PostedRead):
        def take(self) -> bool:
            raise IndexError("no such frame")

    read = Unforeseen(reading.stream.sock, lambda _: None, lambda _: None, socket_id=1, channel_id="c")
    reading.reads.post(read)
    reading.peer.send(b"news")
    reading.crew.turn()
    assert (reading.told, reading.done) == ([BEGUN], [read])
    with pytest.raises(OSError, match="IndexError: no such frame"):
        read.check_completed()


@pytest.mark.parametrize(
    ("count", "error"), [(0, HostError), (-1, HostError), ("1", TypeError), (1.5, TypeError), (None, TypeError)]
)
def test_a_read_of_what_is_no_count_is_refused_before_it_is_posted(reading: Reading, count: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        ReadOperation(reading.stream, count, lambda _: None, lambda _: None, socket_id=1, channel_id=None)


def test_a_read_of_very_much_takes_no_more_memory_than_a_large_one(reading: Reading) -> None:
    read = ReadOperation(reading.stream, 2**62, lambda _: None, lambda _: None, socket_id=1, channel_id=None)
    assert read.count == 1 << 20
