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
from rig.device.images import NOT_BUILT, firmware, kind_of
from rig.device.link import Link

_prepared: dict[tuple[str, Path, int], FlashMemory] = {}
"""By device, image file and its time of change: a new build is flashed anew."""

_shared: dict[str, int] = {}
"""By device, anonymous memory that other processes read: empty until there is a prepared flash."""
_adopted: dict[str, str] = {}
"""By device, where another process has it."""


def share(name: str) -> str:
    """The path by which `adopt` finds this device's flash, once it is prepared here, for as long as this process lives."""
    if name not in _shared:
        _shared[name] = os.memfd_create(f"shared-flash-{name}", os.MFD_CLOEXEC)
    return f"/proc/{os.getpid()}/fd/{_shared[name]}"


def adopt(paths: Mapping[str, str]) -> None:
    """Use what another process has shared, by device. One that it has not prepared is flashed here."""
    _adopted.update(paths)


def takes_an_image(name: str) -> bool:
    """Whether this is a device whose flash can be prepared. Raises as `firmware` for one that is to be built, and is not."""
    return kind_of(name) not in NOT_BUILT and firmware(name).signed is not None


def prepared_flash(name: str, images_dir: Path | None = None, on_progress: OnProgress | None = None) -> FlashMemory:
    """A copy of a flash that holds the built firmware, confirmed. The first call flashes; the caller owns the copy.

    Of a device that takes no image: none.
    """
    if (image := firmware(name, images_dir).signed) is None:
        return FlashMemory(name)
    key = name, image, image.stat().st_mtime_ns
    if key not in _prepared:
        _prepared[key] = _from_elsewhere(name) or _flashed(name, images_dir, image, on_progress)
        if name in _shared:
            os.pwrite(_shared[name], _prepared[key].contents(), 0)
    return _prepared[key].copy()


def _from_elsewhere(name: str) -> FlashMemory | None:
    with contextlib.suppress(OSError, KeyError):  # none shared, or the process that did is no more
        if contents := Path(_adopted[name]).read_bytes():
            return FlashMemory(name, contents)
    return None


def _flashed(name: str, images_dir: Path | None, image: Path, on_progress: OnProgress | None) -> FlashMemory:
    with emulated(name, images_dir) as device:
        with Link(device.port) as link:
            flash(link, image, on_progress)
        device.power_cut()
        return device.flash.copy()
