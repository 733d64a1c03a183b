"""The process that is a shaped cable where the kernel has no netem: it takes frames from one packet socket, and gives them to the
other when they are due. Two processors carry some 200 Mbit/s so, which is more than a cable has that somebody shapes.

    python -m rig.net.shaping.forwarder CONTROL MACHINE SWITCH     descriptors: of its orders, the machine's port, the switch's

Orders and answers are datagrams of JSON: {"shape": {...}} from now on, {"go": true} after which what came before is forgotten,
{"flush": true} after which no frame is taken any more, {} to be told the counts. Each is answered by the counts of both ways.
"""

from __future__ import annotations

import json
import os
import select
import socket
import sys
import time
from dataclasses import asdict
from typing import Any

from rig.net.shaping.delay_line import DelayLine
from rig.net.shaping.shape import FROM_MACHINE, TO_MACHINE, Passed, Shape
from rig.net.vlan_tag import with_tag

FRAME_BYTES, ANCILLARY_BYTES = 1 << 16, 128
AT_ONCE = 64
"""Frames that are taken from one side before the other has its turn."""
ORDER_BYTES = 1 << 12


class Way:
    """One direction: from a socket to another."""

    def __init__(self, source: socket.socket, target: socket.socket, seed: int) -> None:
        self.source, self._target = source, target
        self.line = DelayLine(seed)

    def forget(self) -> None:
        """What came while the cable was another one."""
        while self._receive() is not None:
            pass

    def take(self) -> None:
        for _ in range(AT_ONCE):
            frame = self._receive()
            if frame is None:
                return
            self.line.put(frame, time.monotonic_ns())

    def give(self) -> None:
        for frame in self.line.due(time.monotonic_ns()):
            self._send(frame)

    def flush(self) -> None:
        for frame in self.line.flush():
            self._send(frame)

    def _receive(self) -> bytes | None:
        try:
            data, ancillary, _flags, _address = self.source.recvmsg(FRAME_BYTES, ANCILLARY_BYTES)
        except OSError:  # nothing there, or its link is down
            return None
        return with_tag(data, ancillary)

    def _send(self, frame: bytes) -> None:
        try:
            self._target.send(frame)
        except OSError:  # its link is down: a real cable would lose it too
            self.line.lose()
        else:
            self.line.passed_on(frame)


class Forwarder:
    def __init__(self, control: socket.socket, machine: socket.socket, switch: socket.socket) -> None:
        self._control = control
        self._ways = {TO_MACHINE: Way(switch, machine, seed=1), FROM_MACHINE: Way(machine, switch, seed=2)}
        self._going = False

    def run(self) -> None:
        """Until the other end of `control` is closed."""
        while True:
            sources = [way.source for way in self._ways.values()] if self._going else []
            # A frame is due to the microsecond, and poll(2) and epoll(7) wait in milliseconds. `_low` is for select(2).
            ready, _, _ = select.select([self._control, *sources], [], [], self._wait_s())  # noqa: TID251
            for way in self._ways.values():
                if way.source in ready:
                    way.take()
                way.give()
            if self._control in ready and not self._obey():
                return

    def _wait_s(self) -> float | None:
        """Until a frame is due."""
        due_ns = [way.line.next_ns for way in self._ways.values() if way.line.next_ns is not None]
        return max(0, min(due_ns) - time.monotonic_ns()) / 1e9 if due_ns else None

    def _obey(self) -> bool:
        """False: nobody gives orders any more."""
        datagram = self._control.recv(ORDER_BYTES)
        if not datagram:
            return False
        order: dict[str, Any] = json.loads(datagram)
        for way in self._ways.values():
            if "shape" in order:
                way.line.shape = Shape(**order["shape"])
            if "go" in order:
                way.forget()
            if "flush" in order:
                way.flush()
        self._going = "go" in order or (self._going and "flush" not in order)
        self._control.send(json.dumps({name: asdict(way.line.passed) for name, way in self._ways.items()}).encode())
        return True


def passed_of(answer: bytes) -> dict[str, Passed]:
    """What the process says, by direction."""
    return {name: Passed(**counts) for name, counts in json.loads(answer).items()}


def _low(fd: int) -> socket.socket:
    """The same under the lowest number that is free: who has thousands open may have started this process, which has few."""
    return socket.socket(fileno=os.dup(fd))


if __name__ == "__main__":
    Forwarder(*(_low(int(fd)) for fd in sys.argv[1:4])).run()
