"""What a request that the device did not do says of the thing that it was about."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from rig.device.codes import says
from rig.device.numbers import OffloadRc
from rig.errors import BenchError, DeviceError
from rig.standby.nic.standby import OUT_OF_STEP

T = TypeVar("T")

GONE_ALREADY = (OffloadRc.STALE_HANDLE, OffloadRc.RESUME_REQUIRED, OffloadRc.NOT_FOUND)
"""The device has no such slot or pattern any more, as after a reset or the end of the lease: that is what was wanted."""
NOT_NOW = (*OUT_OF_STEP, OffloadRc.RESUME_REQUIRED)
"""Said of the device's state, not of the connection or pattern that it was asked to take."""
NOT_THERE = ("RIG-B03", "RIG-S06", "RIG-S07")
"""The device does not answer, or its port is gone."""


def is_for_good(error: BenchError) -> bool:
    """Whether the device would not have what it was asked to take; else it is to be asked again."""
    return error.code not in NOT_THERE and not (isinstance(error, DeviceError) and says(error, *NOT_NOW))


def unless_gone(remove: Callable[[T], object], what: T) -> None:
    """Raises BenchError for what the device has still."""
    try:
        remove(what)
    except DeviceError as error:
        if not says(error, *GONE_ALREADY):
            raise
