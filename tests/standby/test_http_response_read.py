"""Posted reads of responses: what completes one, when the push task is due, and that no peer can hold them for ever."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.clock import WAIT_S
from rig.standby.api.byte_stream import CHUNK_BYTES, ByteStream
from rig.standby.api.enums import AsyncStatus
from rig.standby.api.http.exchange import Exchange, Limits
from rig.standby.api.http.message import Request
from rig.standby.api.http.response_read import ROUNDS, ResponseRead, Until
from rig.standby.api.posted_read import PostedRead
from rig.standby.app.crew import Crew
from rig.standby.app.faults import AppFaults
from rig.standby.app.posted_reads import PostedReads
from rig.standby.wire.from_app import DataDispatched, ReadBegin, ReadWithoutEffect
from rig.standby.wire.message import Notice
from rig.timeline import Timeline

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
RESPONSE = HEAD + b"hello"


class Reading:
    """A connection of an app's, with all that its process tells the system; the test takes the crew's turns."""

    def __init__(self, timeline: Timeline, limits: Limits | None = None) -> None:
        ours, self.peer = socket.socketpair()
        self.stream = ByteStream(ours)
        self.exchange = Exchange(Request("GET", "/", (("Host", "h"),)), limits)
        self.crew = Crew(AppFaults("small", 1, timeline))
        """Its turns are the test's, unless it starts the crew: what the kernel does not announce needs that."""
        self.told: list[Notice] = []
        self.done: list[PostedRead] = []
        self._changed = threading.Condition()
        self.reads = PostedReads(self.crew, self.told.append, self._completed)
        self._dispatched = False

    def _completed(self, read: PostedRead) -> None:
        with self._changed:
            self.done.append(read)
            self._changed.notify_all()

    def wait_done(self, count: int) -> PostedRead:
        """The last of so many."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.done) >= count, WAIT_S)
            return self.done[-1]

    def post(self, until: Until) -> ResponseRead:
        read = ResponseRead(
            self.stream,
            self.exchange,
            until,
            lambda _: None,
            lambda _: None,
            self._dispatch,
            lambda: False,
            socket_id=1,
            channel_id="c",
        )
        self.reads.post(read)
        return read

    def _dispatch(self) -> bool:
        first, self._dispatched = not self._dispatched, True
        return first

    def close(self) -> None:
        self.stream.sock.close()
        self.peer.close()


@pytest.fixture
def timeline(tmp_path: Path) -> Iterator[Timeline]:
    timeline = Timeline(tmp_path / "timeline.jsonl")
    yield timeline
    timeline.close()


@pytest.fixture
def reading(timeline: Timeline) -> Iterator[Reading]:
    reading = Reading(timeline)
    yield reading
    reading.close()


def told(reading: Reading) -> list[str]:
    return [type(notice).__name__ for notice in reading.told]


def test_the_push_task_is_due_with_the_head_and_the_read_completes_with_the_whole(reading: Reading) -> None:
    read = reading.post(Until.WHOLE)
    reading.peer.send(HEAD[:-1])
    reading.crew.turn()
    assert told(reading) == [ReadBegin.__name__, ReadWithoutEffect.__name__]
    reading.peer.send(HEAD[-1:] + b"hel")
    reading.crew.turn()
    assert told(reading)[2:] == [ReadBegin.__name__, DataDispatched.__name__, ReadWithoutEffect.__name__]
    assert not reading.done
    reading.peer.send(b"lo")
    reading.crew.turn()
    assert told(reading)[5:] == [ReadBegin.__name__]
    assert reading.done == [read]
    assert (read.exchange.take(9), read.over) == (b"hello", True)


@pytest.mark.parametrize("cut", range(len(RESPONSE)))
def test_the_server_ends_it_at_any_byte_and_the_push_task_is_due_once(reading: Reading, cut: int) -> None:
    read = reading.post(Until.WHOLE)
    if cut:
        reading.peer.send(RESPONSE[:cut])
        reading.crew.turn()
    reading.peer.close()
    reading.crew.turn()
    assert reading.done == [read]
    assert (read.status, read.over) == (AsyncStatus.ERROR, True)
    assert told(reading).count(DataDispatched.__name__) == 1


@pytest.mark.parametrize("cut", range(1, len(RESPONSE)))
def test_it_is_withdrawn_at_any_byte(reading: Reading, cut: int) -> None:
    read = reading.post(Until.WHOLE)
    reading.peer.send(RESPONSE[:cut])
    reading.crew.turn()
    reading.reads.withdraw(read)
    assert reading.done == [read]
    assert read.cancelled


def test_a_body_is_read_in_parts_as_from_a_socket(reading: Reading) -> None:
    """Also what came together with the head, of which the kernel knows nothing any more."""
    reading.crew.start()
    reading.post(Until.HEAD)
    reading.peer.send(HEAD + b"hel")
    reading.wait_done(1)
    parts = []
    for done, more in enumerate((b"", b"lo", b""), 2):
        read = reading.post(Until.PART)
        reading.peer.send(more)
        assert reading.wait_done(done) is read
        assert not read.pushes_by_itself
        parts.append((read.exchange.take(1024), read.over))
    assert parts == [(b"hel", False), (b"lo", True), (b"", True)]


def test_a_peer_that_never_pauses_does_not_hold_who_closes(timeline: Timeline) -> None:
    """Its body is wanted as a whole and has no bound: the turn is given back in between."""
    reading = Reading(timeline, Limits(body_bytes=None))
    stop = threading.Event()

    def flood() -> None:
        with contextlib.suppress(OSError):  # the app's end is closed at last
            reading.peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            while not stop.is_set():
                reading.peer.send(b"1;" + b"x" * 1000 + b"\r\na\r\n")

    flooding = threading.Thread(target=flood)
    flooding.start()
    try:
        read = reading.post(Until.WHOLE)
        for _ in range(3):
            reading.crew.turn()
        assert told(reading).count(ReadWithoutEffect.__name__) == 3, f"each turn ends after {ROUNDS} rounds at most"
        reading.reads.withdraw(read)
        assert read.cancelled
    finally:
        stop.set()
        reading.stream.sock.close()
        flooding.join(WAIT_S)
        reading.peer.close()


def test_a_body_that_is_read_in_parts_is_not_kept_ahead_of_its_reader(timeline: Timeline) -> None:
    """The kernel's window holds the server back: a part is read, and no more is taken than one receive gives."""
    reading = Reading(timeline, Limits(body_bytes=None))
    reading.crew.start()
    try:
        reading.peer.setblocking(False)
        reading.peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n")
        reading.post(Until.HEAD)
        reading.wait_done(1)
        for number in range(2, 12):
            with contextlib.suppress(BlockingIOError):
                while True:
                    reading.peer.send(b"x" * 65536)
            read = reading.post(Until.PART)
            reading.wait_done(number)
            assert len(read.exchange.take(1024)) == 1024
            assert read.exchange.buffered_bytes < CHUNK_BYTES
    finally:
        reading.close()
