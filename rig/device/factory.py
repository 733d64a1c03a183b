"""Devices by kind."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING

from rig.device.board import BoardDevice, ResetLine
from rig.device.images import FILES
from rig.device.native import NativeDevice
from rig.device.qemu import QemuDevice
from rig.device.reference_device import ReferenceDevice
from rig.errors import UsageError

if TYPE_CHECKING:
    from rig.device.base import Device
    from rig.device.emulated import EmulatedDevice
    from rig.device.flash_memory import FlashMemory
    from rig.device.process_device import ProcessDevice


def create(
    kind: str,
    images_dir: Path | None = None,
    *,
    eth: socket.socket | None = None,
    link: socket.socket | None = None,
    tap_fd: int | None = None,
    flash: FlashMemory | None = None,
    port: str = "",
    baudrate: int = 115200,
    reset_line: ResetLine = "none",
) -> Device:
    """A device that is still off. `eth` is for native and reference, `link` for native,
    `tap_fd` for qemu, what follows `flash` for board.

    Raises RIG-C05 for a board without a port, RIG-C10 for a kind that there is not.
    """
    if kind == "board":
        if not port:
            raise UsageError("RIG-C05", "device board needs its serial port", "--port /dev/ttyACM0; `rig devices` lists them")
        return BoardDevice(port, baudrate=baudrate, reset_line=reset_line)
    if kind == ReferenceDevice.kind:
        return ReferenceDevice(eth)
    return emulated(kind, images_dir, eth=eth, link=link, tap_fd=tap_fd, flash=flash)


def emulated(
    kind: str,
    images_dir: Path | None = None,
    *,
    eth: socket.socket | None = None,
    link: socket.socket | None = None,
    tap_fd: int | None = None,
    flash: FlashMemory | None = None,
) -> EmulatedDevice:
    """As `create`, for the kinds that run on this machine."""
    check_emulated(kind)
    if kind == "native":
        return NativeDevice(images_dir, eth, flash, link)
    return QemuDevice(images_dir, tap_fd, flash)


def alone(kind: str, flash: FlashMemory | None = None) -> ProcessDevice:
    """One that runs on this machine without a network, still off. Raises RIG-C10 for a kind that does not."""
    return ReferenceDevice() if kind == ReferenceDevice.kind else emulated(kind, flash=flash)


def check_emulated(kind: str) -> None:
    """Raise RIG-C10 for a kind that does not run on this machine by itself."""
    if kind not in FILES:
        raise UsageError("RIG-C10", f'there is no device "{kind}" to run here', f"--device {' or '.join(FILES)}")
