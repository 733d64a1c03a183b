"""The service's end of a host's line: frames come in on one thread, and go out on another, so that no host delays a POST."""

from __future__ import annotations

import socket
import ssl
import threading
from collections import deque
from typing import Protocol

from rig.clock import WAIT_S
from rig.peers.connection import Connection, quietly
from rig.push_line import FrameReader, FromHost, LineFault, Message, frame
from rig.timeline import TimelineWriter

OUTGOING = 512
"""Frames that wait to go out before nothing more of the host is read: more than its window of notifications, so those that are
more are answers to a host that asks and does not read."""
UNACKNOWLEDGED_MS = 30_000
"""Real time until a host whose kernel acknowledges nothing is taken for gone (RFC 5482)."""


class Listens(Protocol):
    """What a line tells. Called on the line's own threads."""

    def said(self, line: HostLine, message: FromHost) -> None:
        """Raises LineFault for what makes no sense now."""

    def over(self, line: HostLine) -> None:
        """Once."""


class HostLine(Connection):
    """`host` is "" until it has said hello."""

    def __init__(
        self, sock: socket.socket, number: int, timeline: TimelineWriter, service: Listens, tls: ssl.SSLContext | None
    ) -> None:
        super().__init__(sock, number, timeline, tls)
        self.host = ""
        self.why = ""
        """It ended, where the host was not it."""
        self._service = service
        self._reader_of_frames: FrameReader[FromHost] = FrameReader(FromHost)
        self._outgoing: deque[bytes] = deque()
        self._held = False
        self._over = False
        self._room = threading.Condition()
        self._writer = threading.Thread(target=self._write, name=f"push-line-{number}", daemon=True)
        self._hello_is_due = threading.Timer(WAIT_S, lambda: self.end("it said no hello"))
        self._hello_is_due.daemon = True
        quietly(lambda: sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS))

    def start(self) -> None:
        self._hello_is_due.start()
        self._writer.start()
        super().start()

    def greeted(self, host: str) -> None:
        """It has said hello."""
        self.host = host
        self._hello_is_due.cancel()

    # -- for tests -----------------------------------------------------------------------------------------------------

    def hold(self) -> None:
        """Nothing goes to the host, until `go_on`; what it says is heard."""
        with self._room:
            self._held = True

    def go_on(self) -> None:
        with self._room:
            self._held = False
            self._room.notify_all()

    # -- sending -------------------------------------------------------------------------------------------------------

    @property
    def outgoing(self) -> int:
        """Frames that wait to go."""
        with self._room:
            return len(self._outgoing)

    def put(self, message: Message) -> None:
        """Behind all that was put before. What is put on a line that is over is lost with it."""
        data = frame(message)
        with self._room:
            if not self._over:
                self._outgoing.append(data)
                self._room.notify_all()

    def _write(self) -> None:
        while True:
            with self._room:
                self._room.wait_for(lambda: self._over or (self._outgoing and not self._held))
                if self._over:
                    return
                data = b"".join(self._outgoing)
                self._outgoing.clear()
                self._room.notify_all()
            try:
                self.stream.sendall(data)
            except (OSError, AssertionError):  # the host is gone: the reader hears it, too; or there was no TLS handshake
                quietly(lambda: self.sock.shutdown(socket.SHUT_RDWR))
                return

    # -- receiving -----------------------------------------------------------------------------------------------------

    def _arrived(self, data: bytes) -> None:
        if not data:
            self._is_over()
            return
        try:
            for message in self._reader_of_frames.feed(data):
                self._wait_for_room()
                self._service.said(self, message)
        except LineFault as fault:
            self.end(str(fault))

    def _wait_for_room(self) -> None:
        with self._room:
            self._room.wait_for(lambda: self._over or len(self._outgoing) < OUTGOING)

    def end(self, why: str) -> None:
        """By the service. Any thread."""
        self.why = self.why or why
        quietly(lambda: self.sock.shutdown(socket.SHUT_RDWR))

    def reset(self) -> None:
        self.why = self.why or "the service reset it"
        super().reset()

    def close(self) -> None:
        self.why = self.why or "the service is over"
        super().close()

    def _end(self, directions: int) -> None:
        self._stop_writing()
        super()._end(directions)

    def _is_over(self) -> None:
        self._hello_is_due.cancel()
        self._stop_writing()
        self._service.over(self)
        quietly(lambda: self.sock.shutdown(socket.SHUT_RDWR))  # or a writer would wait for a host that does not read
        self.sock.close()

    def _stop_writing(self) -> None:
        with self._room:
            self._over = True
            self._outgoing.clear()
            self._room.notify_all()
