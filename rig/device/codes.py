"""Names of the error codes that an SMP server answers with."""

from __future__ import annotations

from typing import Any

from rig.device.brief import brief
from rig.device.numbers import GROUP_OFFLOAD, OffloadRc
from rig.errors import DeviceError

GROUP_OS, GROUP_IMAGE = 0, 1
NO_CODE = -1
"""Where a code should stand, and something else does."""
NO_SUCH_COMMAND = "ENOTSUP"
"""SMP's own rc 8: a group or command that the device does not have. By its name: the offload group has another 8."""


def code_name(group: int, rc: int) -> str:
    """The name of `rc`, "rc 99" when the group has no such code. `group` -1: codes of SMP itself."""
    try:
        if group == GROUP_OFFLOAD:
            return OffloadRc(rc).name
        return _smp_name(group, rc)
    except ValueError:
        return f"rc {brief(rc)}"


def _smp_name(group: int, rc: int) -> str:
    from smp.error import MGMT_ERR
    from smp.image_management import IMG_MGMT_ERR
    from smp.os_management import OS_MGMT_RET_RC

    if group == GROUP_IMAGE:
        return IMG_MGMT_ERR(rc).name
    if group == GROUP_OS:
        return OS_MGMT_RET_RC(rc).name
    return MGMT_ERR(rc).name


def says(error: DeviceError, *rcs: OffloadRc) -> bool:
    """Whether the offload group refuses with one of these. By group and name: SMP itself, whose refusals carry no group, and
    other groups have the same small numbers for other things."""
    return error.group == GROUP_OFFLOAD and error.name in {rc.name for rc in rcs}


def error_in(reply: dict[str, Any], group: int, what: str) -> DeviceError | None:
    """The error a reply carries: SMP v2's {"err": {"group", "rc"}}, or the plain {"rc"} of SMP itself."""
    err = reply.get("err")
    if isinstance(err, dict):
        at, rc = _number(err.get("group", group), group), err.get("rc", 1)
        return DeviceError(at, _number(rc, NO_CODE), code_name(at, rc), what)
    rc = reply.get("rc", 0)
    return DeviceError(group, _number(rc, NO_CODE), code_name(-1, rc), what) if rc else None


def _number(value: Any, instead: int) -> int:
    """A device may answer anything."""
    return value if type(value) is int and 0 <= value < 2**32 else instead
