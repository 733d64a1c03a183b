"""What a socket says of a write that is under way, to who holds a duplicate of it."""

from __future__ import annotations

import errno
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from rig.clock import WAIT_S, Deadline
from rig.standby.api.byte_stream import ByteStream
from rig.standby.wire.half_written import is_half_written

MUCH = bytes(16 << 20)
"""More than the kernel takes of a peer that does not read."""


class Ends:
    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.sock = socket.create_connection(listener.getsockname())
            self.peer, _ = listener.accept()
        self.peer.settimeout(WAIT_S)
        self.duplicate = self.sock.dup()
        self.stream = ByteStream(self.sock, shared=True)
        self._threads = ThreadPoolExecutor()

    def begin(self) -> Future[None]:
        """A write that waits for the peer to read."""
        write = self._threads.submit(self.stream.write, MUCH)
        deadline = Deadline(WAIT_S)
        while self.stream._waiter is None:
            assert not deadline.expired
            deadline.pause()
        return write

    def read(self, count: int) -> None:
        while count:
            count -= len(self.peer.recv(count))

    @property
    def half_written(self) -> bool:
        return is_half_written(self.duplicate)

    def close(self) -> None:
        self.stream.cancel_writes()
        self._threads.shutdown()
        for sock in (self.sock, self.duplicate, self.peer):
            sock.close()


@pytest.fixture
def ends() -> Iterator[Ends]:
    ends = Ends()
    yield ends
    ends.close()


def test_it_is_from_the_first_piece_to_the_last(ends: Ends) -> None:
    assert not ends.half_written
    write = ends.begin()
    assert ends.half_written
    ends.read(len(MUCH))
    write.result(WAIT_S)
    assert not ends.half_written


def test_what_is_written_goes_out_at_once(ends: Ends) -> None:
    """No piece waits for more to come. 200 ms is what the kernel keeps back a small one that is corked."""
    for _ in range(100):
        ends.stream.write(b"small")
        ends.read(len(b"small"))
        assert not ends.half_written


def test_after_a_cancelled_write_it_stays_half_a_message_until_another_one_is_whole(ends: Ends) -> None:
    write = ends.begin()
    ends.stream.cancel_writes()
    assert isinstance(error := write.exception(WAIT_S), OSError)
    assert error.errno == errno.ECANCELED
    assert ends.half_written
    reader = threading.Thread(target=lambda: _read_all(ends.peer), daemon=True)
    reader.start()
    ends.stream.write(b"whole")
    assert not ends.half_written
    ends.sock.shutdown(socket.SHUT_WR)
    reader.join(WAIT_S)


def test_an_app_that_has_corked_it_goes_on_with_its_message(ends: Ends) -> None:
    ends.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
    ends.stream.write(b"half a mes")
    assert ends.half_written
    ends.stream.write(b"sage")
    assert ends.half_written
    ends.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)
    ends.read(len(b"half a message"))


def _read_all(sock: socket.socket) -> None:
    while sock.recv(1 << 20):
        pass
