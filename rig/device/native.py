"""The firmware compiled for this machine: its own process, a PTY as serial line, a packet socket as Ethernet."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rig.children import Child
from rig.device.emulated import EmulatedDevice
from rig.device.pty_line import PtyLine

if TYPE_CHECKING:
    from rig.device.flash_memory import FlashMemory


class NativeDevice(EmulatedDevice):
    """`eth`: an AF_PACKET SOCK_RAW socket, bound; stays the caller's. None: no Ethernet.

    `link`: an rtnetlink socket of that socket's namespace that hears of links; None: the device cannot tell the state of its own.
    """

    kind: ClassVar[str] = "native"

    def __init__(
        self,
        images_dir: Path | None = None,
        eth: socket.socket | None = None,
        flash: FlashMemory | None = None,
        link: socket.socket | None = None,
        *,
        name: str = kind,
    ) -> None:
        super().__init__(name, images_dir, flash)
        self._eth = eth
        self._link = link
        self._line = PtyLine()
        self.port = self._line.port

    def _launch(self) -> Child:
        eth_fd = self._eth.fileno() if self._eth is not None else -1
        argv = [str(self.firmware.boot), "--serial-fd", str(self._line.fd), "--eth-fd", str(eth_fd)]
        argv += ["--flash-fd", str(self.flash_fd)]
        link_fd = self._link.fileno() if self._link is not None else -1
        if link_fd >= 0:
            argv += ["--link-fd", str(link_fd)]
        return Child(argv, [fd for fd in (self._line.fd, eth_fd, self.flash_fd, link_fd) if fd >= 0])

    def _drop_input(self) -> None:
        self._line.drop_input()

    def _close_port(self) -> None:
        self._line.close()
