"""The firmware for a board, on QEMU's machine of it: its stdin and stdout as serial line, a tap as Ethernet.

QEMU writes each byte of the emulated UART by itself. Into a pipe that takes a quarter of what it takes into a socket, where each
byte is a buffer of the kernel's own and 277 fill it. Its character devices take no descriptor of a pipe but those two.

mux=on lets QEMU take in bytes for the emulated UART in bulk: 7.5 µs a byte instead of 38. It brings an escape character;
ESCAPE is no byte, so none can be mistaken for it.

dump-guest-core=off: the board's memory, with the host's secrets in it, is in no core file of QEMU (edge case 108).
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rig.children import Child
from rig.device.emulated import EmulatedDevice
from rig.device.pipe_line import PipeLine
from rig.device.qmp import Monitor
from rig.errors import BenchError

if TYPE_CHECKING:
    from rig.device.flash_memory import FlashMemory

QEMU = "qemu-system-arm"
ESCAPE = "0x100"
CABLE = "cable"
"""Id of the Ethernet's other end in QEMU."""


class QemuDevice(EmulatedDevice):
    """`tap_fd`: an open tap; stays the caller's. None: no Ethernet."""

    kind: ClassVar[str] = "qemu"

    def __init__(
        self,
        images_dir: Path | None = None,
        tap_fd: int | None = None,
        flash: FlashMemory | None = None,
        *,
        name: str = kind,
    ) -> None:
        if shutil.which(QEMU) is None:
            raise BenchError("RIG-T01", f"{QEMU} is not installed; only the qemu device needs it", "apt install qemu-system-arm")
        super().__init__(name, images_dir, flash)
        self._tap_fd = tap_fd
        self._link_up = True
        self._monitor = Monitor()
        self._line = self._new_line()
        self.port, self.pass_fds = self._line.port, self._line.port_fds

    def _new_line(self) -> PipeLine:
        return PipeLine()

    def _launch(self) -> Child:
        nic, nic_fd = self._nic()
        argv = [QEMU, *self._machine()]
        self._monitor.close()
        self._monitor = Monitor()
        argv += ["-kernel", str(self.firmware.boot), "-display", "none", "-echr", ESCAPE]
        argv += ["-chardev", f"socket,id=q,fd={self._monitor.theirs.fileno()}", "-mon", "chardev=q,mode=control"]
        argv += ["-chardev", "stdio,id=s,mux=on,signal=off", "-serial", "chardev:s", "-nic", nic]
        fds = (self._monitor.theirs.fileno(), self.flash_fd, nic_fd)
        child = Child(argv, [fd for fd in fds if fd >= 0], self._line.stdin, self._line.stdout)
        if not self._link_up:
            self._monitor.execute("set_link", name=CABLE, up=False)
        return child

    def _machine(self) -> list[str]:
        """The board, with its flash where it has one that can be written."""
        machine, size = f"{self.firmware.machine},dump-guest-core=off", self.firmware.flash_memory_bytes
        if not size:
            return ["-M", machine]
        memory = f"memory-backend-file,id=m,size={size},mem-path=/proc/self/fd/{self.flash_fd},share=on"
        return ["-M", f"{machine},memory-backend=m", "-object", memory]

    def set_link(self, up: bool) -> None:
        """The cable stays as it is over power cuts. Raises BenchError RIG-B06."""
        if self.pid:
            self._monitor.execute("set_link", name=CABLE, up=up)
        self._link_up = up

    def _nic(self) -> tuple[str, int]:
        """QEMU's -nic argument and the descriptor it names, -1 for none."""
        return ("none", -1) if self._tap_fd is None else (f"tap,id={CABLE},fd={self._tap_fd}", self._tap_fd)

    def _drop_input(self) -> None:
        self._line.drop_input()

    def _close_port(self) -> None:
        self._line.close()
        self._monitor.close()
