"""SMP messages as they stand, header and all, over a device's port: sent once, under the number that they have."""

from __future__ import annotations

import os
import time
from types import TracebackType

from rig.clock import Deadline
from rig.device import framing
from rig.device.line_time import line_time_s
from rig.device.port import open_port
from rig.readable import readable, writable

BAUD = 115200
ANSWER_S = 5.0


class RawLine:
    """A context manager. Raises what opening the port calls for."""

    def __init__(self, port: str, baudrate: int = BAUD) -> None:
        self._endpoint = open_port(port, baudrate)
        self._baudrate = baudrate
        self._first_read_s = 0.0
        """When something came for the first time since `put`; 0: nothing has."""
        self._messages: list[bytes] = []
        self._receiver = framing.Receiver(self._messages.append, lambda text: None)

    def __enter__(self) -> RawLine:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._endpoint.close()

    @property
    def has_message(self) -> bool:
        """Whether `get` has one without reading."""
        return bool(self._messages)

    def line_time_s(self, *messages: bytes) -> float:
        """How long they are on the line, framed."""
        return line_time_s(sum(len(framing.encode(message)) for message in messages), self._baudrate)

    def first_byte_s(self, reply: bytes) -> float:
        """When the first byte of the message came that `get` has just given: the clock's time. No port tells. It came with the
        first byte since `put` or later, and so long ago as it takes on a line of this rate or, on one that is none, less."""
        now_s = time.monotonic()
        return max(now_s - self.line_time_s(reply), self._first_read_s or now_s)

    def put(self, message: bytes) -> None:
        """Raises TimeoutError when the line takes nothing for ANSWER_S."""
        self._first_read_s = 0.0
        self.put_bytes(b"\n" + framing.encode(message))

    def put_bytes(self, data: bytes) -> None:
        """Whatever they are."""
        rest = memoryview(data)
        while rest:
            if not writable(self._endpoint.write_fd, ANSWER_S):
                raise TimeoutError(f"the line takes no byte for {ANSWER_S:g} s")
            rest = rest[os.write(self._endpoint.write_fd, rest) :]

    def get(self, timeout_s: float = ANSWER_S) -> bytes:
        """The next message of the device. Raises TimeoutError, and OSError when the port is gone."""
        deadline = Deadline(timeout_s)
        while not self._messages:
            if not readable(self._endpoint.fd, max(0.0, deadline.remaining_s)):
                raise TimeoutError(f"no message in {timeout_s:g} s")
            data = os.read(self._endpoint.fd, 65536)
            if not data:
                raise ConnectionResetError("the port was closed by its other end")
            self._first_read_s = self._first_read_s or time.monotonic()
            self._receiver.feed(data)
        return self._messages.pop(0)
