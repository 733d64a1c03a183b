"""What the native and the QEMU device share: a child process, its flash, and how both come and go."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING

from rig.device.base import Device
from rig.device.flash_memory import FlashMemory
from rig.device.images import Firmware, firmware
from rig.errors import BenchError

if TYPE_CHECKING:
    from rig.device.process import Child


class EmulatedDevice(Device):
    """A device that is a process of this machine.

    `flash`: taken over and closed at stop; None: an erased one. The process dies when the rig does.
    """

    def __init__(self, images_dir: Path | None, flash: FlashMemory | None) -> None:
        self.firmware: Firmware = firmware(self.kind, images_dir)
        self.flash = flash or FlashMemory(self.kind)
        self.flash_fd = self.flash.fd
        self._child: Child | None = None

    @property
    def pid(self) -> int:
        return self._child.pid if self._child is not None else 0

    def start(self) -> None:
        if self._child is None:
            self._child = self._launch()

    def power_cut(self) -> None:
        if self._child is not None:
            self._child.close()
            self._child = None
            self._drop_input()

    def stop(self) -> None:
        if self.flash_fd < 0:
            return
        self.power_cut()
        self._close_port()
        self.flash.close()
        self.flash_fd = -1

    def check(self) -> None:
        child = self._child
        if child is None or child.running:
            return
        cause = f"the {self.kind} device ended with code {child.process.returncode}: {child.stderr() or 'no message'}"
        raise BenchError("RIG-B04", cause, "`rig doctor`; the timeline of the run holds its last words")

    @abstractmethod
    def _launch(self) -> Child:
        """Start the process."""

    @abstractmethod
    def _drop_input(self) -> None:
        """Throw away what was sent to the device and not read: a device without power hears nothing."""

    @abstractmethod
    def _close_port(self) -> None: ...
