"""The standard mcumgr commands that flashing needs, as small functions over a Requester.

Any SMP server answers these, ours or a vendor's: nothing here knows the offload group.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cbor2

from rig.device.codes import GROUP_IMAGE, GROUP_OS
from rig.device.numbers import READ, WRITE
from rig.device.requests import Requester
from rig.device.smp_header import HEADER
from rig.errors import BenchError, DeviceError

ECHO, RESET, PARAMETERS = 0, 5, 6
STATE, UPLOAD = 0, 1
SMALLEST_BUFFER_BYTES = 256
"""For a server that does not tell its buffer: every Zephyr default is larger."""
FRAME_BYTES = HEADER.size + 4
"""SMP header, and length and CRC of the serial line, which some servers keep in the same buffer."""


BOOT_S = 8.0
"""Signature check and start of an image on a slow board."""
READY_PROBE_S = 0.05


@dataclass(frozen=True)
class SlotImage:
    """A row of the image list."""

    slot: int
    version: str
    digest: bytes
    active: bool
    """It runs now."""
    confirmed: bool
    """It runs after every reset."""
    pending: bool
    """It runs once after the next reset."""
    bootable: bool
    """The boot loader would start it; false for one that was damaged since it came. Not every server tells: then true."""

    @classmethod
    def of(cls, row: dict[str, Any]) -> SlotImage:
        flags = {name: bool(row.get(name, False)) for name in ("active", "confirmed", "pending")}
        return cls(row["slot"], row["version"], row.get("hash", b""), bootable=bool(row.get("bootable", True)), **flags)


def echo(requester: Requester, text: str = "rig", *, timeout_s: float = 0.5, retries: int = 4) -> str:
    """Any SMP server answers. Raises RIG-B03 when none does."""
    return str(requester.request(WRITE, GROUP_OS, ECHO, {"d": text}, timeout_s=timeout_s, retries=retries)["r"])


def wait_ready(requester: Requester, timeout_s: float = BOOT_S) -> None:
    """Until the device answers after power-on. A first request may fall into the change from boot loader to image."""
    echo(requester, timeout_s=READY_PROBE_S, retries=int(timeout_s / READY_PROBE_S))


def reset(requester: Requester) -> None:
    """Restart the device. A lost reply is no error: a device that restarted cannot repeat it."""
    try:
        requester.request(WRITE, GROUP_OS, RESET, {}, retries=0)
    except DeviceError:
        raise
    except BenchError as error:
        if error.code != "RIG-B03":
            raise


def buffer_bytes(requester: Requester) -> int:
    """How large a whole SMP message may be."""
    try:
        reply = requester.request(READ, GROUP_OS, PARAMETERS, {})
    except DeviceError:
        return SMALLEST_BUFFER_BYTES
    return max(SMALLEST_BUFFER_BYTES, int(reply["buf_size"]))


def image_list(requester: Requester) -> list[SlotImage]:
    """What lies in the slots."""
    return _images(requester.request(READ, GROUP_IMAGE, STATE, {}))


def mark_for_test(requester: Requester, digest: bytes) -> list[SlotImage]:
    """Boot this image once at the next reset; not confirmed, the boot after that goes back."""
    return _images(requester.request(WRITE, GROUP_IMAGE, STATE, {"hash": digest, "confirm": False}, timeout_s=3))


def confirm(requester: Requester) -> list[SlotImage]:
    """Keep the running image."""
    return _images(requester.request(WRITE, GROUP_IMAGE, STATE, {"confirm": True}, timeout_s=3))


def _images(reply: dict[str, Any]) -> list[SlotImage]:
    return [SlotImage.of(row) for row in reply["images"]]


def first_piece(size_bytes: int, upload_sha256: bytes, data: bytes) -> dict[str, Any]:
    """What an upload begins, or begins again, with."""
    return {"image": 0, "len": size_bytes, "off": 0, "sha": upload_sha256, "data": data}


def piece_bytes(message_bytes: int, size_bytes: int, upload_sha256: bytes, offset: int) -> int:
    """How much image data fits into the message at this offset."""
    empty = first_piece(size_bytes, upload_sha256, b"") if offset == 0 else {"off": offset, "data": b""}
    return message_bytes - FRAME_BYTES - len(cbor2.dumps(empty)) - 2  # 2: the length of data grows from 1 to 3 bytes
