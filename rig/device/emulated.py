"""What the native and the QEMU devices share: the built firmware, and its flash."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path

from rig.device.flash_memory import FlashMemory
from rig.device.images import Firmware, firmware
from rig.device.process_device import ProcessDevice


class EmulatedDevice(ProcessDevice):
    """`name`: which of its kind. `flash`: taken over and closed at stop; None: an erased one, where the device has any."""

    def __init__(self, name: str, images_dir: Path | None, flash: FlashMemory | None) -> None:
        super().__init__()
        self.firmware: Firmware = firmware(name, images_dir)
        self.flash = flash or FlashMemory(name)
        self.flash_fd = self.flash.fd

    def stop(self) -> None:
        if self.flash_fd < 0:
            return
        self.power_cut()
        self._close_port()
        self.flash.close()
        self.flash_fd = -1

    @abstractmethod
    def _close_port(self) -> None: ...
