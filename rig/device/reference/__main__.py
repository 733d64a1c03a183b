"""The process: `python -m rig.device.reference --serial-fd N --eth-fd M`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import secrets
import socket
import sys

from rig.device.cddl import contract
from rig.device.reference.commands import BOARD, VERSION, Commands
from rig.device.reference.ether import next_frame, tell_tags
from rig.device.reference.machine import Machine
from rig.device.reference.receive import Receiver
from rig.device.reference.server import Server, write_all

FRAMES_A_TURN = 32
"""Between two looks at the serial line and the clock."""


class Device:
    def __init__(self, serial_fd: int, eth: socket.socket | None) -> None:
        self._serial_fd, self._eth = serial_fd, eth
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self.machine = Machine(self._transmit)
        self.receiver = Receiver(self.machine)
        commands = Commands(self.machine, self.receiver, contract(), secrets.randbits(31))
        self.server = Server(commands, lambda data: write_all(serial_fd, data), self._restart)
        self._loop.add_reader(serial_fd, self._hear)
        if eth is not None:
            eth.setblocking(False)
            tell_tags(eth)
            self._loop.add_reader(eth, self._receive)
        self.server.log(f"offload {VERSION} on {BOARD}, in Python: slow, and at the minimum profile")

    def _hear(self) -> None:
        """Behind the frames that came before the request's last byte: a host that asks for the last of them loses none."""
        data = os.read(self._serial_fd, 65536)
        self._take_frames()
        self.machine.poll()
        self.server.take(data)
        self._turn()

    def _receive(self) -> None:
        self._take_frames()
        self._turn()

    def _take_frames(self) -> None:
        if self._eth is None:
            return
        for _ in range(FRAMES_A_TURN):
            try:
                frame = next_frame(self._eth)
            except OSError:  # there is none, or the link is down
                break
            if frame is not None:
                self.receiver.frame(frame)

    def _transmit(self, frame: bytes) -> bool:
        if self._eth is None:
            return False
        try:
            return self._eth.send(frame) == len(frame)
        except OSError:  # no room in its queue, or no link
            return False

    def _turn(self) -> None:
        """Whatever has happened: what is due, and what the host is to hear."""
        self.machine.poll()
        self.server.tell_events()
        if self._timer is not None:
            self._timer.cancel()
        due_us = self.machine.next_due_us()
        self._timer = None
        if due_us is not None:
            self._timer = self._loop.call_later(max(0.0, (due_us - self.machine.now_us()) / 1e6), self._turn)

    def _restart(self) -> None:
        """Once the answer is on the line."""
        self._loop.call_later(0.01, lambda: os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]]))


async def _run(serial_fd: int, eth_fd: int) -> None:
    Device(serial_fd, socket.socket(fileno=eth_fd) if eth_fd >= 0 else None)
    await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--serial-fd", type=int, required=True)
    parser.add_argument("--eth-fd", type=int, default=-1)
    given = parser.parse_args()
    for fd in (given.serial_fd, given.eth_fd):
        if fd >= 0:
            os.set_inheritable(fd, True)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_run(given.serial_fd, given.eth_fd))


main()
