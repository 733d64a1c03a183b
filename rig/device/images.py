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
OPTIONAL = {
    "image": str,
    "version": str,
    "profile": str,
    "machine": str,
    "flash_bytes": int,
    "flash_memory_bytes": int,
    "sizes": dict,
}
"""Of a row of MANIFEST, beside board and boot."""
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
    profile: str = "full"
    """What of the engine it has: firmware/README.md."""
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
    """The devices that the built firmware is for, by name; none when nothing is built. Raises RIG-T02 for a broken list."""
    return {name: _read(name, row, images_root(images_dir)) for name, row in _rows(images_dir).items()}


def names() -> list[str]:
    """Of the devices that run on this machine by themselves."""
    return sorted([*(name for name, row in listed().items() if row.kind not in NOT_BUILT), "reference"])


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
    facts = {key: row[key] for key in ("version", "profile", "machine", "flash_bytes", "flash_memory_bytes") if key in row}
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
    """None when nothing is built. Raises BenchError RIG-T02 for a file that the build did not write so."""
    path = images_root(images_dir) / MANIFEST
    try:
        content = path.read_text()
    except OSError:
        return {}
    except ValueError as error:
        raise _no_list(path, str(error)) from error
    try:
        rows = json.loads(content)["devices"]
        wrong = [name for name, row in rows.items() if not _is_device(row)]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise _no_list(path, f"{type(error).__name__}: {error}") from error
    if wrong:
        raise _no_list(path, f"of {wrong[0]!r} it needs board and boot as texts, and flash sizes as numbers")
    found: dict[str, Any] = rows
    return found


def _is_device(row: Any) -> bool:
    wanted = {"board": str, "boot": str, **{key: kind for key, kind in OPTIONAL.items() if key in row}}
    return isinstance(row, dict) and all(type(row.get(key)) is kind for key, kind in wanted.items())


def _no_list(path: Path, why: str) -> BenchError:
    return BenchError("RIG-T02", f"{path} is no list of devices ({why})", _how_to_build())


def image_sizes(images_dir: Path | None = None) -> tuple[int, int]:
    """Flash and RAM bytes of the qemu device's image, as the build counted them; 0 when it was not built."""
    sizes = _rows(images_dir).get("qemu", {}).get("sizes", {}).get("image", {})
    return sizes.get("flash", 0), sizes.get("ram", 0)
