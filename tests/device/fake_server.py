"""An SMP server on a PTY that misbehaves on order: the stand-in for faults that real firmware cannot be made to have.

Not a model of the firmware: it answers what a test registers, and keeps what it was asked. Everything that real firmware
can do is tested on real firmware.
"""

from __future__ import annotations

import os
import threading
import time
import tty
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cbor2

from rig.clock import WAIT_S, Deadline
from rig.device import framing
from rig.device.smp_header import HEADER, VERSION_2
from rig.readable import readable_of

Handler = Callable[[dict[str, Any]], dict[str, Any] | None]
"""Takes the request's map, returns the reply's; None: no answer (yet)."""


@dataclass(frozen=True)
class Request:
    op: int
    group: int
    command: int
    seq: int
    body: dict[str, Any]


class FakeServer:
    """`port` is the path to open. `faults` holds, for the replies to come, how each is sent: see `_send_faulty`."""

    def __init__(self) -> None:
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.port = os.ttyname(self._slave)
        self.handlers: dict[tuple[int, int, int], Handler] = {(2, 0, 0): lambda body: {"r": body["d"]}}
        self.requests: list[Request] = []
        self.faults: deque[str] = deque()
        self.late_s = 0.3
        self._receiver = framing.Receiver(self._on_message, lambda line: None)
        self._stop_r, self._stop_w = os.pipe()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __enter__(self) -> FakeServer:
        return self

    def __exit__(self, *_: object) -> None:
        os.write(self._stop_w, b"x")
        self._thread.join()
        for fd in (self._master, self._slave, self._stop_r, self._stop_w):
            os.close(fd)

    def write(self, data: bytes) -> None:
        """Raw bytes towards the host: text, noise, halves of frames."""
        while data:
            data = data[os.write(self._master, data) :]

    def reply(self, request: Request, body: dict[str, Any]) -> None:
        """Answer a request now, as often as wanted."""
        self.write(self.reply_frame(request, body))

    @staticmethod
    def reply_frame(request: Request, body: dict[str, Any]) -> bytes:
        payload = cbor2.dumps(body, canonical=True)
        op = VERSION_2 | request.op | 1
        return framing.encode(HEADER.pack(op, 0, len(payload), request.group, request.seq, request.command) + payload)

    def asked(self, group: int, command: int) -> list[Request]:
        return [r for r in list(self.requests) if (r.group, r.command) == (group, command)]

    def wait_asked(self, count: int) -> None:
        """Until so many requests have come."""
        deadline = Deadline(WAIT_S)
        while len(self.requests) < count:
            assert not deadline.expired, f"{len(self.requests)} of {count} requests came"
            deadline.pause()

    def _run(self) -> None:
        while True:
            ready = readable_of((self._master, self._stop_r), None)
            if self._stop_r in ready:
                return
            self._receiver.feed(os.read(self._master, 65536))

    def _on_message(self, message: bytes) -> None:
        op, _, _, group, seq, command = HEADER.unpack_from(message)
        request = Request(op & 7, group, command, seq, cbor2.loads(message[HEADER.size :]))
        self.requests.append(request)
        handler = self.handlers.get((request.op, group, command))
        body = handler(request.body) if handler else {"rc": 8}
        if body is not None:
            self._send_faulty(self.reply_frame(request, body))

    def _send_faulty(self, frame: bytes) -> None:
        fault = self.faults.popleft() if self.faults else ""
        if fault == "late":
            time.sleep(self.late_s)
        if fault == "corrupt":
            frame = frame[:8] + bytes([frame[8] ^ 1]) + frame[9:]
        if fault == "half":
            frame = frame[: len(frame) // 2]
        if fault == "noisy":
            frame = b"\xff" * 65536 + frame + b"\x06\x09AAAA\n\x04\x14????\n\n\x00"
        if fault != "lost":
            self.write(frame * (2 if fault == "double" else 1))
