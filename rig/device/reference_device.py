"""The device in Python (rig/device/reference): a PTY as serial line, a packet socket as Ethernet. It has no flash."""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import ClassVar

from rig.children import Child
from rig.device.process_device import ProcessDevice
from rig.device.pty_line import PtyLine

PACKAGE_PARENT = str(Path(__file__).resolve().parents[2])


class ReferenceDevice(ProcessDevice):
    """`eth`: an AF_PACKET SOCK_RAW socket, bound; stays the caller's. None: no Ethernet."""

    kind: ClassVar[str] = "reference"

    def __init__(self, eth: socket.socket | None = None) -> None:
        super().__init__()
        self._eth = eth
        self._line: PtyLine | None = PtyLine()
        self._serial_fd = self._line.fd
        self.port = self._line.port

    def _launch(self) -> Child:
        eth_fd = self._eth.fileno() if self._eth is not None else -1
        argv = ["env", f"PYTHONPATH={PACKAGE_PARENT}", sys.executable, "-P", "-m", "rig.device.reference"]
        argv += ["--serial-fd", str(self._serial_fd), "--eth-fd", str(eth_fd)]
        return Child(argv, [fd for fd in (self._serial_fd, eth_fd) if fd >= 0])

    def stop(self) -> None:
        if self._line is not None:
            self.power_cut()
            self._line.close()
            self._line = None

    def _drop_input(self) -> None:
        if self._line is not None:
            self._line.drop_input()
