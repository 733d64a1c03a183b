"""Flash contents prepared once in a process, so that benches need no flashing.

Processes that this one starts later may have them too: `share` before they are started, `adopt` in them.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

from rig.device.factory import emulated
from rig.device.flash import OnProgress, flash
from rig.device.flash_memory import FlashMemory
from rig.device.images import firmware
from rig.device.link import Link

_prepared: dict[tuple[str, Path, int], FlashMemory] = {}
"""By kind, image file and its time of change: a new build is flashed anew."""

_shared: dict[str, int] = {}
"""By kind, anonymous memory that other processes read: empty until there is a prepared flash."""
_adopted: dict[str, str] = {}
"""By kind, where another process has it."""


def share(kind: str) -> str:
    """The path by which `adopt` finds the flash of this kind, once it is prepared here, for as long as this process lives."""
    if kind not in _shared:
        _shared[kind] = os.memfd_create(f"shared-flash-{kind}", os.MFD_CLOEXEC)
    return f"/proc/{os.getpid()}/fd/{_shared[kind]}"


def adopt(paths: Mapping[str, str]) -> None:
    """Use what another process has shared, by kind. One that it has not prepared is flashed here."""
    _adopted.update(paths)


def prepared_flash(kind: str, images_dir: Path | None = None, on_progress: OnProgress | None = None) -> FlashMemory:
    """A copy of a flash that holds the built firmware, confirmed. The first call flashes; the caller owns the copy."""
    image = firmware(kind, images_dir).image
    key = kind, image, image.stat().st_mtime_ns
    if key not in _prepared:
        _prepared[key] = _from_elsewhere(kind) or _flashed(kind, images_dir, image, on_progress)
        if kind in _shared:
            os.pwrite(_shared[kind], _prepared[key].contents(), 0)
    return _prepared[key].copy()


def _from_elsewhere(kind: str) -> FlashMemory | None:
    with contextlib.suppress(OSError, KeyError):  # none shared, or the process that did is no more
        if contents := Path(_adopted[kind]).read_bytes():
            return FlashMemory(kind, contents)
    return None


def _flashed(kind: str, images_dir: Path | None, image: Path, on_progress: OnProgress | None) -> FlashMemory:
    with emulated(kind, images_dir) as device:
        with Link(device.port) as link:
            flash(link, image, on_progress)
        device.power_cut()
        return device.flash.copy()
