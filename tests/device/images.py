"""Images for tests: the built firmware signed again, with another version, key or board."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

from rig.device import image
from rig.device import signing_key as keys
from rig.device.images import firmware

ROOT = Path(__file__).parents[2]
BOARDS = {"native": "native", "qemu": "mps2-an385"}


def signing_key() -> Path:
    """The key whose public half the built boot loader has."""
    return keys.path()


def imgtool(*arguments: str) -> None:
    subprocess.run([Path(sys.executable).parent / "imgtool", *arguments], check=True, capture_output=True)


def payload(kind: str) -> tuple[bytes, int]:
    """The program inside the built image, and its load address."""
    data = firmware(kind).image.read_bytes()
    _, load_addr, hdr_size, _, size = struct.unpack_from("<IIHHI", data)
    return data[hdr_size : hdr_size + size], load_addr


def signed(
    kind: str,
    folder: Path,
    *,
    version: str = "9.9.9",
    key: Path | None = None,
    sign: bool = True,
    board: str = "",
    contents: bytes | None = None,
) -> Path:
    """An image file; `key` None is the right one, `board` "" the right one, `contents` None the built firmware."""
    program, load_addr = payload(kind)
    raw, path = folder / "payload.bin", folder / f"{kind}-{version}.signed.bin"
    raw.write_bytes(program if contents is None else contents)
    options = ["--version", version, "--header-size", "0x20", "--pad-header", "--slot-size", "0x60000", "--align", "4"]
    options += ["--custom-tlv", "0x00A0", board or BOARDS[kind]]
    options += ["--load-addr", hex(load_addr)] if load_addr else []
    options += ["--key", str(key or signing_key())] if sign else []
    imgtool("sign", *options, str(raw), str(path))
    return path


def unchecked(path: Path) -> image.Image:
    """An Image of a file as it is, past the checks of this side, so that the device's own are met."""
    data = path.read_bytes()
    return image.Image(path, data, "9.9.9+0", bytes(32), "", b"")
