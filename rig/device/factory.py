"""Devices by name."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING

from rig.device.board import BoardDevice, ResetLine
from rig.device.images import kind_of, no_such_device
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
    name: str,
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

    Raises RIG-C05 for a board without a port, RIG-C10 for a name that there is not.
    """
    if kind_of(name) == "board":
        if not port:
            raise UsageError("RIG-C05", "device board needs its serial port", "--port /dev/ttyACM0; `rig devices` lists them")
        return BoardDevice(port, baudrate=baudrate, reset_line=reset_line)
    if name == ReferenceDevice.kind:
        return ReferenceDevice(eth)
    return emulated(name, images_dir, eth=eth, link=link, tap_fd=tap_fd, flash=flash)


def emulated(
    name: str,
    images_dir: Path | None = None,
    *,
    eth: socket.socket | None = None,
    link: socket.socket | None = None,
    tap_fd: int | None = None,
    flash: FlashMemory | None = None,
) -> EmulatedDevice:
    """As `create`, for the firmware of ours that runs on this machine. Raises RIG-C10, and RIG-T02 when it is not built."""
    if kind_of(name) == NativeDevice.kind:
        return NativeDevice(images_dir, eth, flash, link, name=name)
    if kind_of(name) == QemuDevice.kind:
        return QemuDevice(images_dir, tap_fd, flash, name=name)
    raise no_such_device(name)


def alone(name: str, flash: FlashMemory | None = None) -> ProcessDevice:
    """One that runs on this machine without a network, still off. Raises as `emulated`."""
    return ReferenceDevice() if name == ReferenceDevice.kind else emulated(name, flash=flash)
