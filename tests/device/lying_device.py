"""Between a device and who asks it: replies that the device never gave."""

from __future__ import annotations

import contextlib
import os
import threading
import tty
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import cbor2

from rig.device import framing
from rig.device.port import open_port
from rig.device.smp_header import HEADER
from rig.readable import readable_of, writable

Lie: TypeAlias = Callable[[int, int, Any], Any]
"""Operation of the reply, command, body; what is to come in the body's place: a value, bytes as they stand, or SILENCE."""
SILENCE = object()
OTHER_HEAD = object()
"""The reply as it was, to another command than was asked for."""


class LyingDevice:
    def __init__(self, inner: str, lie: Lie) -> None:
        self._lie = lie
        self._inner = open_port(inner, 115200)
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.port = os.ttyname(self._slave)
        self._receiver = framing.Receiver(self._reply, lambda text: None)
        self._stop_r, self._stop_w = os.pipe()
        self._thread = threading.Thread(target=self._relay, daemon=True)
        self._thread.start()

    def close(self) -> None:
        os.write(self._stop_w, b"x")
        self._thread.join()
        self._inner.close()
        for fd in (self._master, self._slave, self._stop_r, self._stop_w):
            os.close(fd)

    def _relay(self) -> None:
        while True:
            ready = readable_of((self._master, self._inner.fd, self._stop_r), None)
            if self._stop_r in ready:
                return
            if self._master in ready:
                self._to_device(os.read(self._master, 65536))
            if self._inner.fd in ready:
                self._receiver.feed(os.read(self._inner.fd, 65536))

    def _to_device(self, data: bytes) -> None:
        self._all(self._inner.fd, data)

    def _reply(self, message: bytes) -> None:
        head = HEADER.unpack_from(message)
        said = self._lie(head[0] & 7, head[5], cbor2.loads(message[HEADER.size :]))
        if said is SILENCE:
            return
        if said is OTHER_HEAD:
            self._all(self._master, framing.encode(message[:7] + b"\x7e" + message[8:]))
            return
        body = said if isinstance(said, bytes) else cbor2.dumps(said, canonical=True)
        self._all(self._master, framing.encode(HEADER.pack(head[0], head[1], len(body), *head[3:]) + body))

    @staticmethod
    def _all(fd: int, data: bytes) -> None:
        while data:
            writable(fd, None)
            data = data[os.write(fd, data) :]


@contextlib.contextmanager
def lying(inner: str, lie: Lie) -> Iterator[str]:
    """Its port."""
    device = LyingDevice(inner, lie)
    try:
        yield device.port
    finally:
        device.close()
