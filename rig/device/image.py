"""An image file in MCUboot's format, as `imgtool sign` makes it, read before it is sent anywhere.

    header, padded to hdr_size | payload | protected TLVs | TLVs

Two hashes, easily mixed up: `digest` is the SHA-256 in the TLVs, over header, payload and protected TLVs; the device lists
it and signatures cover it. `upload_sha256` is over the whole file and identifies an upload.
The board's name stands in protected TLV 0x00A0, ASCII; an image without it fits any board.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from pathlib import Path

from rig.errors import UsageError

HEADER = struct.Struct("<IIHHIIBBHI")
"""magic, load address, header size, protected TLV size, payload size, flags, version: major, minor, revision, build"""
MAGIC = 0x96F3B83D
TLV_INFO = struct.Struct("<HH")
TLV_MAGIC, TLV_PROTECTED_MAGIC = 0x6907, 0x6908
TLV_KEYHASH, TLV_SHA256, TLV_ED25519, TLV_BOARD = 0x01, 0x10, 0x24, 0xA0


@dataclass(frozen=True)
class Image:
    """A file whose structure and hash are right. Whether a device trusts its signature, only the device knows."""

    path: Path
    data: bytes
    version: str
    """As the device lists it: "1.2.3+4"."""
    digest: bytes
    """SHA-256 TLV, 32 bytes."""
    board: str
    """"" when the image names none."""
    key_hash: bytes
    """SHA-256 of the public key it was signed with; empty when unsigned."""
    signature: bytes = b""
    """Ed25519, of the digest; no part of what the digest covers."""

    @property
    def upload_sha256(self) -> bytes:
        return hashlib.sha256(self.data).digest()

    @property
    def signed(self) -> bool:
        return bool(self.key_hash)


MOST_BYTES = 16 << 20
"""Beyond any microcontroller's flash; a device file such as /dev/zero has no end."""
BUILT = "make firmware, then leave IMAGE out: what it built for the board is taken"


def load(path: Path) -> Image:
    """Read and check a file. Raises UsageError RIG-F01 that says what is wrong with it."""
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise UsageError("RIG-F01", f"cannot read the image {path}: {error.strerror}", BUILT) from error
    if len(data) > MOST_BYTES:
        raise _bad(path, f"it is longer than {MOST_BYTES} bytes")
    return parse(data, path)


def parse(data: bytes, path: Path) -> Image:
    """As `load`, from bytes; `path` is for messages."""
    if len(data) < HEADER.size:
        raise _bad(path, f"{len(data)} bytes are less than an image header")
    magic, _, hdr_size, protected_size, payload_size, _, major, minor, revision, build = HEADER.unpack_from(data)
    if magic != MAGIC:
        raise _bad(path, f"it begins with 0x{magic:08x}, not with the magic number of a signed image, 0x{MAGIC:08x}")
    hashed_end = hdr_size + payload_size + protected_size
    if hdr_size < HEADER.size or hashed_end + TLV_INFO.size > len(data):
        raise _bad(path, f"it is cut off: {len(data)} bytes, its header promises more than {hashed_end}")
    protected = _tlvs(data, hdr_size + payload_size, TLV_PROTECTED_MAGIC, path) if protected_size else {}
    tlvs = _tlvs(data, hashed_end, TLV_MAGIC, path)
    digest = tlvs.get(TLV_SHA256, b"")
    if digest != hashlib.sha256(data[:hashed_end]).digest():
        raise _bad(path, "its SHA-256 does not fit its contents" if digest else "it has no SHA-256")
    version = f"{major}.{minor}.{revision}+{build}"
    board = protected.get(TLV_BOARD, b"").decode("ascii", "replace").rstrip("\0")
    key_hash = tlvs.get(TLV_KEYHASH, b"") if TLV_ED25519 in tlvs else b""
    return Image(path, data, version, digest, board, key_hash, tlvs.get(TLV_ED25519, b""))


def _tlvs(data: bytes, start: int, magic: int, path: Path) -> dict[int, bytes]:
    """Type to value. Lengths come from the file: each is checked against the end of the area, that against the file's."""
    if start + TLV_INFO.size > len(data):
        raise _bad(path, "its TLV area is cut off")
    found, total = TLV_INFO.unpack_from(data, start)
    end = start + total
    if found != magic or end > len(data):
        raise _bad(path, f"its TLV area at byte {start} is damaged")
    tlvs, at = {}, start + TLV_INFO.size
    while at + TLV_INFO.size <= end:
        kind, length = TLV_INFO.unpack_from(data, at)
        at += TLV_INFO.size
        if at + length > end:
            raise _bad(path, f"TLV 0x{kind:02x} is longer than its area")
        tlvs[kind] = data[at : at + length]
        at += length
    return tlvs


def _bad(path: Path, why: str) -> UsageError:
    return UsageError("RIG-F01", f"{path} is no image to flash: {why}", "make firmware, or sign it with `imgtool sign`")
