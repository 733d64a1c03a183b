"""WebSocket frames as bytes (RFC 6455, section 5.2): what a host sent, mask and all, and any frame to send, the forbidden too."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from websockets.frames import Opcode
from websockets.utils import apply_mask

FIN, MASKED = 0x80, 0x80
TWO_BYTES_FOLLOW, EIGHT_BYTES_FOLLOW = 126, 127
MASK_BYTES = 4


@dataclass(frozen=True)
class ReceivedFrame:
    """One frame of the host's. `payload` is unmasked; `mask` is the key that it came with, b"" without one."""

    opcode: int
    payload: bytes
    fin: bool
    reserved: int
    """RSV1 to RSV3 as a number from 0 to 7."""
    mask: bytes

    @property
    def masked(self) -> bool:
        return bool(self.mask)

    def __str__(self) -> str:
        name = Opcode(self.opcode).name if self.opcode in list(Opcode) else f"opcode {self.opcode}"
        return f"{name}{'' if self.fin else '...'} {self.payload[:60]!r}"


class FrameReader:
    """Cuts a stream into frames."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> Iterator[ReceivedFrame]:
        """The frames that `data` completes."""
        self._data += data
        while (frame := self._next()) is not None:
            yield frame

    def _next(self) -> ReceivedFrame | None:
        header = _header(self._data)
        if header is None:
            return None
        start, length, mask = header
        if len(self._data) < start + length:
            return None
        first, payload = self._data[0], bytes(self._data[start : start + length])
        del self._data[: start + length]
        return ReceivedFrame(
            opcode=first & 0x0F,
            payload=bytes(apply_mask(payload, mask)) if mask else payload,
            fin=bool(first & FIN),
            reserved=first >> 4 & 0x07,
            mask=mask,
        )


def _header(data: bytes | bytearray) -> tuple[int, int, bytes] | None:
    """(bytes of the header, bytes of the payload, mask); None while the header is not whole."""
    if len(data) < 2:
        return None
    length, start = data[1] & ~MASKED, 2
    extra = {TWO_BYTES_FOLLOW: 2, EIGHT_BYTES_FOLLOW: 8}.get(length, 0)
    masking = MASK_BYTES if data[1] & MASKED else 0
    if len(data) < start + extra + masking:
        return None
    if extra:
        length = int.from_bytes(data[start : start + extra], "big")
    start += extra
    return start + masking, length, bytes(data[start : start + masking])


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, reserved: int = 0, mask: bytes = b"") -> bytes:
    """Any frame, also one that RFC 6455 forbids. `reserved`: RSV1 to RSV3 as a number from 0 to 7; `mask`: 4 bytes, or none."""
    first = (FIN if fin else 0) | reserved << 4 | opcode
    second, count = MASKED if mask else 0, len(payload)
    if count < TWO_BYTES_FOLLOW:
        header = struct.pack("!BB", first, second | count)
    elif count < 1 << 16:
        header = struct.pack("!BBH", first, second | TWO_BYTES_FOLLOW, count)
    else:
        header = struct.pack("!BBQ", first, second | EIGHT_BYTES_FOLLOW, count)
    return header + mask + (bytes(apply_mask(payload, mask)) if mask else payload)
