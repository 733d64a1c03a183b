"""A connected TCP socket of the kernel, with the layer that its bytes pass through, if any.

Sockets, WebSockets and HTTP read from one and write to one. An app that a wake continues may read and write before its socket
is the host's again: both wait for that.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rig.clock import Deadline
from rig.standby.api.layer import Layer
from rig.standby.wire.half_written import Cork
from rig.standby.wire.hresult import HostError, HResult

CHUNK_BYTES = 65_536
HAND_BACK_PAUSE_S = 0.002
HAND_BACK_PAUSES = 10_000
"""An app may be continued before its socket leaves TCP_REPAIR, by whoever can signal it; beside a driver that died on it, and a
device that restarts, that takes some seconds. Counted, as a clock would go on while the app is stopped. Until then the kernel
refuses reads with EPERM, writes with EINVAL."""


class ByteStream:
    """One thread may receive, and any write."""

    def __init__(self, sock: socket.socket, *, shared: bool = False) -> None:
        """`shared`: others may write to it while this process is stopped, but not into the middle of what is written at once."""
        self.sock = sock
        self._cork = Cork(sock) if shared else None
        self.before_write: Callable[[], bytes] = bytes
        """What the peer must have before anything else that is written; asked before each write."""
        self._layer: Layer | None = None
        self._turn = threading.Lock()
        """Of the layer; nothing is waited for under it."""
        self._writing = threading.Lock()
        """What the layer makes of two writes goes out in the order in which it was made. A peer that does not read holds it."""
        self._generation = 0
        """Of writes: those that began before the last `cancel_writes` have one that is over."""
        self._waiter: int | None = None
        """Whom to wake of `cancel_writes`: an eventfd of the thread that waits for room."""
        self._changing = threading.Lock()
        """Of the two above; nothing is waited for under it."""

    @property
    def layer(self) -> Layer | None:
        return self._layer

    def put_on(self, layer: Layer) -> None:
        """All bytes pass through it from now on, both ways; nobody reads or writes meanwhile."""
        self._layer = layer

    # -- reading -------------------------------------------------------------------------------------------------------

    @property
    def buffered(self) -> bool:
        """Whether `receive` would give something that the kernel does not have any more."""
        layer = self._layer
        if layer is None:
            return False
        with self._turn:
            return layer.buffered

    def receive(self, count: int = CHUNK_BYTES) -> bytes | None:
        """Up to `count` bytes without waiting for the peer; b"" is its end; None: nothing for the reader yet. Raises OSError."""
        layer = self._layer
        if layer is None:
            return self._from_kernel(count)
        with self._turn:
            plain = layer.take(count)
        if plain is None:
            data = self._from_kernel(CHUNK_BYTES)
            if data is not None:
                plain = self._through(layer, data, count)
        return plain

    def _through(self, layer: Layer, data: bytes, count: int) -> bytes | None:
        try:
            with self._turn:
                layer.receive(data)
                return layer.take(count)
        finally:
            with contextlib.suppress(OSError):  # of a peer that has gone: what came of it before is the reader's all the same
                self._flush(layer)

    def wait_readable(self, deadline: Deadline) -> None:
        """For a handshake. Raises TimeoutError."""
        poll = select.poll()
        poll.register(self.sock, select.POLLIN)
        if not poll.poll(deadline.remaining_s * 1000):
            raise TimeoutError(errno.ETIMEDOUT, "the peer has not answered in time")

    def _from_kernel(self, count: int) -> bytes | None:
        for pauses_left in reversed(range(HAND_BACK_PAUSES)):
            try:
                return self.sock.recv(count, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return None
            except PermissionError:
                if not pauses_left:
                    raise
                time.sleep(HAND_BACK_PAUSE_S)
        raise AssertionError("the last pause has returned or raised")

    # -- writing -------------------------------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Hand all of `data`, or what the layer makes of it, to the kernel. Raises OSError."""
        layer, generation = self._layer, self._generation
        with self._writing:
            self._check_goes_on(generation)
            if layer is not None:
                with self._turn:
                    layer.send(data)
                    data = layer.outgoing()
            self._to_kernel(data, generation)
        self.flush()

    def cancel_writes(self) -> None:
        """Those under way end with ECANCELED, before this returns; what the kernel has taken of them is sent. Half a record of a
        layer's would be all that the peer ever gets of it: the connection is shut down then."""
        with self._changing:
            self._generation += 1
            if self._waiter is not None:
                os.eventfd_write(self._waiter, 1)
        with self._writing:
            pass

    @contextmanager
    def not_writing(self) -> Iterator[None]:
        """Nobody writes for as long. Raises HostError ILLEGAL_METHOD_CALL when somebody does."""
        if not self._writing.acquire(blocking=False):
            raise HostError(HResult.ILLEGAL_METHOD_CALL, "somebody writes to the socket: cancel_io before")
        try:
            yield
        finally:
            self._writing.release()

    def flush(self) -> None:
        """What the layer has to say by itself, if anything. Raises OSError."""
        if self._layer is not None:
            self._flush(self._layer)

    def write_first(self) -> None:
        """What `before_write` has, now. Raises OSError."""
        generation = self._generation
        with self._writing:
            self._to_kernel(b"", generation)

    @contextmanager
    def sealing(self, limit_s: float) -> Iterator[Callable[[bytes], bytes] | None]:
        """Nobody writes while the block runs. What it gets makes of plain bytes what has to go out before anything that is
        written afterwards: the block's to see to, by `before_write`. None: there is no layer, it cannot just now, or
        somebody writes to a peer that does not read."""
        layer, generation = self._layer, self._generation
        if layer is None or not self._writing.acquire(timeout=limit_s):
            yield None
            return
        try:
            can = self._can_seal(layer)
            owed = self._outgoing(layer)
            if owed:
                self._to_kernel(owed, generation)
            yield (lambda data: self._sealed(layer, data)) if can else None
        finally:
            self._writing.release()

    def _sealed(self, layer: Layer, data: bytes) -> bytes:
        with self._turn:
            layer.send(data)
            return layer.outgoing()

    def _can_seal(self, layer: Layer) -> bool:
        with self._turn:
            return layer.can_seal()

    def _outgoing(self, layer: Layer) -> bytes:
        with self._turn:
            return layer.outgoing()

    def say_goodbye(self) -> None:
        """The layer's last words, before the socket is closed. Nothing is waited for: neither a writer nor the peer."""
        layer = self._layer
        if layer is None or not self._writing.acquire(blocking=False):
            return
        try:
            with self._turn:
                layer.close()
                data = layer.outgoing()
            with contextlib.suppress(OSError):
                self.sock.send(self.before_write() + data, socket.MSG_DONTWAIT)
        finally:
            self._writing.release()

    def _flush(self, layer: Layer) -> None:
        """Who writes already sees to what the layer owes when it is done: a reader does not wait for it, as the peer may wait for
        the reader."""
        generation = self._generation
        while self._owes(layer) and self._writing.acquire(blocking=False):
            try:
                self._to_kernel(self._outgoing(layer), generation)
            finally:
                self._writing.release()

    def _owes(self, layer: Layer) -> bool:
        with self._turn:
            return layer.owes

    def _to_kernel(self, data: bytes, generation: int) -> None:
        """`generation`: of before `_writing` was taken, or who cancels would wait for one that waits for ever."""
        data = self.before_write() + data
        if self._cork is None or self._layer is not None:  # nobody but a layer can write behind it
            self._all_to_kernel(data, generation)
        elif data:
            corked = self._cork.put_in()
            self._all_to_kernel(data, generation)
            if corked:
                self._cork.take_out()

    def _all_to_kernel(self, data: bytes, generation: int) -> None:
        rest, pauses_left = memoryview(data), HAND_BACK_PAUSES
        while rest:
            try:
                rest = rest[self.sock.send(rest, socket.MSG_DONTWAIT) :]
            except BlockingIOError:
                self._wait_for_room(generation)
            except OSError as error:
                if error.errno != errno.EINVAL or not pauses_left:
                    raise
                pauses_left -= 1
                time.sleep(HAND_BACK_PAUSE_S)
                self._check_goes_on(generation, begun=True)

    def _wait_for_room(self, generation: int) -> None:
        """Until the kernel takes more. Raises OSError ECANCELED."""
        waiter = os.eventfd(0, os.EFD_CLOEXEC)
        try:
            with self._changing:
                self._waiter = waiter
            self._check_goes_on(generation, begun=True)
            poll = select.poll()
            poll.register(self.sock, select.POLLOUT)
            poll.register(waiter, select.POLLIN)
            poll.poll()
            self._check_goes_on(generation, begun=True)
        finally:
            with self._changing:
                self._waiter = None
            os.close(waiter)

    def _check_goes_on(self, generation: int, *, begun: bool = False) -> None:
        """Raises OSError."""
        if generation != self._generation:
            if begun and self._layer is not None:
                with contextlib.suppress(OSError):
                    self.sock.shutdown(socket.SHUT_RDWR)
            raise OSError(errno.ECANCELED, "the write was cancelled")
