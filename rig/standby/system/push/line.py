"""The connection to the push service, on the system's loop: whole frames in, whole frames out, or it is over.

A frame stays in the kernel until all that comes of it is written down: it is looked at (MSG_PEEK), and taken afterwards. So the
descriptor is all there is of the line; a system that is a new one reads on where the one before has written down what it read.
Nothing is kept of what the service does not read: a service that lets the kernel's buffer fill up is none.
"""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
from collections.abc import Callable, Sequence

from rig.push_line import FRAME_BYTES, LENGTH, FrameReader, FromService, LineFault, Message, frame

LOOK_BYTES = 2 * (LENGTH.size + FRAME_BYTES)
"""At a time: a whole frame, or many small ones."""
FRAME_S = 5.0
"""Real time that a frame may take to be whole, while the host is awake for it."""


class PushLine:
    """`hear` is called with whole messages, and has written down what comes of them when it returns; `over`, once, with why
    nothing more will come, before the line is closed by its owner."""

    def __init__(self, sock: socket.socket, hear: Callable[[Sequence[FromService]], None], over: Callable[[str], None]) -> None:
        sock.setblocking(False)
        with contextlib.suppress(OSError):  # it has ended already: that is read
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sock = sock
        self._hear = hear
        self._tell_over = over
        self._loop = asyncio.get_running_loop()
        self._late: asyncio.TimerHandle | None = None
        self._is_over = False
        self._wait_for(1)

    def fileno(self) -> int:
        return self._sock.fileno()

    @property
    def local_address(self) -> str:
        return str(self._sock.getsockname()[0])

    def listen(self) -> None:
        """What is there already counts."""
        if not self._is_over:
            self._loop.add_reader(self._sock.fileno(), self._look)

    def pause(self) -> None:
        """The device may own the connection from now on. A frame that is late stays so: with half of one the host does not sleep,
        however often it tries."""
        if not self._is_over:
            self._loop.remove_reader(self._sock.fileno())

    def send(self, *messages: Message) -> None:
        data = b"".join(map(frame, messages))
        try:
            sent = self._sock.send(data)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self.end(f"it cannot be written to: {error}")
            return
        if sent < len(data):
            self.end("the service reads nothing")

    def end(self, why: str) -> None:
        """Nothing is heard or said on it any more. Safe to call twice."""
        if not self._is_over:
            self._stop()
            self._tell_over(why)

    def close(self) -> None:
        """The peer hears of it although the driver and the supervisor have duplicates."""
        self._stop()
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()

    def _stop(self) -> None:
        self.pause()
        self._in_time()
        self._is_over = True

    def _look(self) -> None:
        try:
            seen = self._sock.recv(LOOK_BYTES, socket.MSG_PEEK)
        except BlockingIOError:
            return
        except OSError as error:
            self.end(f"it has ended: {error}")
            return
        reader: FrameReader[FromService] = FrameReader(FromService)
        try:
            messages = reader.feed(seen)
        except LineFault as fault:
            self.end(str(fault))
            return
        if messages:
            self._in_time()
            try:
                self._hear(messages)
            except BaseException:
                self.end("the host has a fault")  # else it would have it again and again
                raise
            self._take(len(seen) - len(reader.rest))
        elif not seen or self._half_closed():
            self.end("the service has closed it")
        else:
            self._wait_for_rest(seen)

    def _take(self, size: int) -> None:
        """What was said and done meanwhile may have ended the line."""
        if not self._is_over:
            self._wait_for(1)
            with contextlib.suppress(OSError):
                self._sock.recv(size)

    def _wait_for_rest(self, seen: bytes) -> None:
        """Readable again when all of the frame is there: half of one would be readable without an end."""
        whole = LENGTH.size if len(seen) < LENGTH.size else LENGTH.size + LENGTH.unpack_from(seen)[0]
        self._wait_for(whole)
        if self._late is None:
            self._late = self._loop.call_later(FRAME_S, self.end, f"a frame was not whole within {FRAME_S:.0f} s")

    def _in_time(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _wait_for(self, size: int) -> None:
        with contextlib.suppress(OSError):  # what has ended is readable without it
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, size)

    def _half_closed(self) -> bool:
        """Nothing more comes: the rest of a frame never will."""
        poll = select.poll()
        poll.register(self._sock, select.POLLRDHUP)
        return bool(poll.poll(0))
