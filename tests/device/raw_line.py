"""A client that sends what it is told to, once, under the number that it is told."""

from __future__ import annotations

import os
import select

from rig.clock import Deadline
from rig.device import framing
from rig.device.port import open_port

ANSWER_S = 5.0
BAUD = 115200


class RawLine:
    """Whole SMP messages, header and all, over a device's port."""

    def __init__(self, port: str) -> None:
        self._endpoint = open_port(port, BAUD)
        self._replies: list[bytes] = []
        self._receiver = framing.Receiver(self._replies.append, lambda text: None)

    def close(self) -> None:
        self._endpoint.close()

    def put(self, message: bytes) -> None:
        data = memoryview(b"\n" + framing.encode(message))
        while data:
            select.select([], [self._endpoint.fd], [], ANSWER_S)
            data = data[os.write(self._endpoint.fd, data) :]

    def get(self) -> bytes:
        """The next message of the device."""
        deadline = Deadline(ANSWER_S)
        while not self._replies:
            assert select.select([self._endpoint.fd], [], [], deadline.remaining_s)[0], "no answer"
            self._receiver.feed(os.read(self._endpoint.fd, 65536))
        return self._replies.pop(0)
