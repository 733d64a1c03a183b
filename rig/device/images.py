"""The built firmware, and the devices that it is for: what manifest.json lists in the folder that RIG_FIRMWARE_DIR names, else in
rig/firmware_images in the package.

The build writes it from firmware/port/*/devices.toml: nothing here knows a port by its name.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rig.errors import BenchError, UsageError

PACKAGED = Path(__file__).parents[1] / "firmware_images"
MANIFEST = "manifest.json"
NOT_BUILT = ("reference", "board")
"""Devices that need no firmware of ours to run."""


@dataclass(frozen=True)
class Firmware:
    """What one device runs, and how it is started."""

    name: str
    """What --device takes: a kind, or KIND:VARIANT."""
    board: str
    """As hello gives it."""
    boot: Path
    """What is started: an executable (native) or ELF (qemu)."""
    signed: Path | None
    """`image`, None for a device without a flash that the rig can write."""
    version: str = ""
    machine: str = ""
    """QEMU's name of it."""
    flash_bytes: int = 0
    flash_memory_bytes: int = 0
    """Of the machine's memory that holds the flash at its begin; 0: the flash is by itself."""

    @property
    def kind(self) -> str:
        return kind_of(self.name)

    @property
    def image(self) -> Path:
        """The signed image to flash. Raises UsageError RIG-C05 where there is no flash."""
        if self.signed is None:
            raise no_flash(self.name)
        return self.signed


def kind_of(name: str) -> str:
    """native of native:minimal, board of board:/dev/ttyACM0."""
    return name.partition(":")[0]


def listed(images_dir: Path | None = None) -> dict[str, Firmware]:
    """The devices that the built firmware is for, by name; none when nothing is built."""
    return {name: _read(name, row, images_root(images_dir)) for name, row in _rows(images_dir).items()}


def names() -> list[str]:
    """Of the devices that run on this machine by themselves."""
    return [*(name for name, row in listed().items() if row.kind not in NOT_BUILT), "reference"]


def firmware(name: str, images_dir: Path | None = None) -> Firmware:
    """The files for a device. Raises RIG-T02 when they were not built, RIG-C10 for a name that the build does not have."""
    rows = listed(images_dir)
    if not rows:
        raise _missing(name, images_root(images_dir) / MANIFEST)
    if name not in rows:
        raise no_such_device(name)
    found = rows[name]
    for path in (found.boot, found.signed):
        if path is not None and not path.is_file():
            raise _missing(name, path)
    return found


def no_such_device(name: str) -> UsageError:
    """RIG-C10, with the names there are."""
    return UsageError("RIG-C10", f"there is no device {name!r}", f"--device {', '.join(names())} or board:PORT")


def no_flash(name: str) -> UsageError:
    return UsageError("RIG-C05", f"a {name} device has no flash that the rig writes", "leave out what is for the flash")


def of_board(board: str) -> str:
    """The device whose image a board takes, by the name that hello gives; "" when the build has none."""
    return next((name for name, row in listed().items() if row.board == board and row.signed), "")


def _read(name: str, row: Mapping[str, Any], root: Path) -> Firmware:
    signed = root / row["image"] if "image" in row else None
    facts = {key: row[key] for key in ("version", "machine", "flash_bytes", "flash_memory_bytes") if key in row}
    return Firmware(name, row["board"], root / row["boot"], signed, **facts)


def _missing(name: str, path: Path) -> BenchError:
    return BenchError("RIG-T02", f"the {name} firmware is not built: {path} is missing", _how_to_build())


def _how_to_build() -> str:
    """In its source tree the project builds them; an installed one has no Makefile."""
    if (PACKAGED.parents[1] / "firmware" / "Makefile").is_file():
        return "make firmware"
    return "make firmware in the project's source tree, then install it anew; or RIG_FIRMWARE_DIR=/its/rig/firmware_images"


def images_root(images_dir: Path | None = None) -> Path:
    """The directory with manifest.json and a folder for each build."""
    if images_dir is not None:
        return images_dir
    named = os.environ.get("RIG_FIRMWARE_DIR")
    return Path(named) if named else PACKAGED


def _rows(images_dir: Path | None = None) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads((images_root(images_dir) / MANIFEST).read_text())
    except (OSError, ValueError):
        return {}
    found: dict[str, Any] = content.get("devices", {})
    return found


def image_sizes(images_dir: Path | None = None) -> tuple[int, int]:
    """Flash and RAM bytes of the qemu device's image, as the build counted them; 0 when it was not built."""
    sizes = _rows(images_dir).get("qemu", {}).get("sizes", {}).get("image", {})
    return sizes.get("flash", 0), sizes.get("ram", 0)
