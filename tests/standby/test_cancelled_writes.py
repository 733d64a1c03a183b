"""Writes that wait, and are cancelled: of one stream, with and without a layer."""

from __future__ import annotations

import errno
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from rig.clock import WAIT_S, Deadline
from rig.standby.api.byte_stream import ByteStream
from rig.standby.wire.hresult import HostError
from tests.standby.test_posted_reads import Lines

MUCH = bytes(16 << 20)
"""More than the kernel takes of a peer that does not read."""


class Counted:
    """A lock that knows how many have asked for it."""

    def __init__(self) -> None:
        self.asked = 0
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        self.asked += 1
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


class Writing:
    def __init__(self) -> None:
        self.sock, self.peer = socket.socketpair()
        self.peer.settimeout(WAIT_S)
        self.stream = ByteStream(self.sock)
        self._threads = ThreadPoolExecutor()

    def begin(self, data: bytes = MUCH) -> Future[None]:
        return self._threads.submit(self.stream.write, data)

    def wait_full(self) -> None:
        deadline = Deadline(WAIT_S)
        while self.stream._waiter is None:
            assert not deadline.expired
            deadline.pause()

    def close(self) -> None:
        self.stream.cancel_writes()
        self._threads.shutdown()
        self.sock.close()
        self.peer.close()


@pytest.fixture
def writing() -> Iterator[Writing]:
    writing = Writing()
    yield writing
    writing.close()


def cancelled(write: Future[None]) -> None:
    error = write.exception(WAIT_S)
    assert isinstance(error, OSError)
    assert error.errno == errno.ECANCELED


def test_the_one_that_waits_and_those_behind_it_are_over(writing: Writing) -> None:
    lock = Counted()
    writing.stream._writing = lock  # type: ignore[assignment]
    first = writing.begin()
    writing.wait_full()
    behind = [writing.begin(b"behind") for _ in range(3)]
    deadline = Deadline(WAIT_S)
    while lock.asked < 4:
        assert not deadline.expired
        deadline.pause()
    writing.stream.cancel_writes()
    assert first.done()
    for write in (first, *behind):
        cancelled(write)
    writing.sock.setblocking(False)
    came = bytearray()
    writing.peer.setblocking(False)
    while True:
        try:
            came += writing.peer.recv(1 << 20)
        except BlockingIOError:
            break
    assert came.strip(b"\0") == b"", "of those behind nothing was written"


def test_nobody_writes_and_the_next_write_is_well(writing: Writing) -> None:
    writing.stream.cancel_writes()
    writing.stream.write(b"news")
    assert writing.peer.recv(100) == b"news"


def test_half_of_what_a_layer_made_is_the_end_of_the_connection(writing: Writing) -> None:
    """Whatever followed it would be taken for the rest of it."""
    writing.stream.put_on(Lines())
    first = writing.begin()
    writing.wait_full()
    writing.stream.cancel_writes()
    cancelled(first)
    with pytest.raises(BrokenPipeError):
        writing.stream.write(b"more")
    while writing.peer.recv(1 << 20):
        pass


def test_one_that_waits_for_the_hand_back_is_cancelled_too(writing: Writing) -> None:
    """Until then the kernel refuses it with EINVAL."""
    asked = threading.Event()

    class Frozen(socket.socket):
        def send(self, *_: object) -> int:
            asked.set()
            raise OSError(errno.EINVAL, "in TCP_REPAIR")

    with Frozen() as frozen:
        stream = ByteStream(frozen)
        with ThreadPoolExecutor() as threads:
            write = threads.submit(stream.write, b"news")
            assert asked.wait(WAIT_S)
            stream.cancel_writes()
            cancelled(write)


def test_while_somebody_writes_nobody_has_it_to_himself(writing: Writing) -> None:
    writing.begin()
    writing.wait_full()
    with pytest.raises(HostError, match="somebody writes"), writing.stream.not_writing():
        pass
    writing.stream.cancel_writes()
    with writing.stream.not_writing():
        pass
