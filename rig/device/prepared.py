"""Flash contents prepared once in a process, so that benches need no flashing."""

from __future__ import annotations

from pathlib import Path

from rig.device.factory import emulated
from rig.device.flash import OnProgress, flash
from rig.device.flash_memory import FlashMemory
from rig.device.images import firmware
from rig.device.link import Link

_prepared: dict[tuple[str, Path, int], FlashMemory] = {}
"""By kind, image file and its time of change: a new build is flashed anew."""


def prepared_flash(kind: str, images_dir: Path | None = None, on_progress: OnProgress | None = None) -> FlashMemory:
    """A copy of a flash that holds the built firmware, confirmed. The first call flashes; the caller owns the copy."""
    image = firmware(kind, images_dir).image
    key = kind, image, image.stat().st_mtime_ns
    if key not in _prepared:
        _prepared[key] = _flashed(kind, images_dir, image, on_progress)
    return _prepared[key].copy()


def _flashed(kind: str, images_dir: Path | None, image: Path, on_progress: OnProgress | None) -> FlashMemory:
    with emulated(kind, images_dir) as device:
        with Link(device.port) as link:
            flash(link, image, on_progress)
        device.power_cut()
        return device.flash.copy()
