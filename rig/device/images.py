"""Where the built firmware lies: the directory RIG_FIRMWARE_DIR names, else rig/firmware_images in the package."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rig.errors import BenchError

PACKAGED = Path(__file__).parents[1] / "firmware_images"
FILES = {"native": ("native", "offload-boot"), "qemu": ("mps2", "offload-boot.elf")}
"""Device kind to its directory and the name of its boot loader."""
BOARDS = {"native": "native", "mps2-an385": "qemu"}
"""Board name, as hello gives it, to the device kind whose image it takes."""


@dataclass(frozen=True)
class Firmware:
    """What one kind of device runs."""

    kind: str
    boot: Path
    """Boot loader: executable (native) or ELF (qemu)."""
    image: Path
    """Signed image to flash."""


def firmware(kind: str, images_dir: Path | None = None) -> Firmware:
    """The files for a device kind, "native" or "qemu". Raises RIG-T02 when they were not built."""
    folder, boot = FILES[kind]
    base = images_root(images_dir) / folder
    found = Firmware(kind, base / boot, base / "offload.signed.bin")
    for path in (found.boot, found.image):
        if not path.is_file():
            raise BenchError("RIG-T02", f"the {kind} firmware is not built: {path} is missing", _how_to_build())
    return found


def _how_to_build() -> str:
    """In its source tree the project builds them; an installed one has no Makefile."""
    if (PACKAGED.parents[1] / "firmware" / "Makefile").is_file():
        return "make firmware"
    return "make firmware in the project's source tree, then install it anew; or RIG_FIRMWARE_DIR=/its/rig/firmware_images"


def images_root(images_dir: Path | None = None) -> Path:
    """The directory with manifest.json and a folder for each port."""
    if images_dir is not None:
        return images_dir
    named = os.environ.get("RIG_FIRMWARE_DIR")
    return Path(named) if named else PACKAGED


def manifest(images_dir: Path | None = None) -> dict[str, Any]:
    """What the build wrote about itself; empty when there is none."""
    try:
        content: dict[str, Any] = json.loads((images_root(images_dir) / "manifest.json").read_text())
    except (OSError, ValueError):
        return {}
    return content


def image_sizes(images_dir: Path | None = None) -> tuple[int, int]:
    """Flash and RAM bytes of the Cortex-M3 image, as the build counted them; 0 when it was not built."""
    sizes = manifest(images_dir).get("sizes", {}).get("image", {})
    return sizes.get("flash", 0), sizes.get("ram", 0)
