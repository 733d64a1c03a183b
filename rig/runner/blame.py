"""Whose an exception is: the bench's, or that of what is under test."""

from __future__ import annotations

import re

from rig.errors import BenchError, DeviceError, RigError
from rig.results.verdict import Verdict
from rig.room import out_of_room
from rig.runner.limits import TimeLimitExceeded
from rig.timeline import DeviceDied

FIRMWARES_FAULTS = ("RIG-B04", "RIG-B11")
"""The device's process has ended, or it answered against the contract."""
ENDED_BY_OTHERS = re.compile(r"died, (signal SIG(KILL|TERM|INT|HUP|QUIT)\b|exit status 0\b.*terminating on signal )", re.DOTALL)
"""No crash: as where memory ran out, or whoever started the machine's programs ends them. QEMU says so, and ends by itself."""


def verdict_of(phase: str, error: BaseException) -> Verdict:
    """What an exception in `phase` (setup, call, teardown) means.

    In the call, the device's refusal, a hang and any exception of the test's own are failures; the bench's errors are
    not, but where firmware has crashed or answered against the contract: repeated, it might not. Around the call, only an
    assertion is a failure, and behind it what firmware does so: it may be the last frame's doing. A full disk is never the
    device's, nor is what others did to its process.
    """
    if out_of_room(error) or _ended_by_others(error):
        return Verdict.BENCH_ERROR
    if phase != "setup" and _is_the_firmwares(error):
        return Verdict.FAILED
    if phase == "call":
        bench = isinstance(error, RigError) and not isinstance(error, (DeviceError, TimeLimitExceeded))
        return Verdict.BENCH_ERROR if bench else Verdict.FAILED
    if isinstance(error, AssertionError) and not isinstance(error, BenchError):
        return Verdict.FAILED
    return Verdict.BENCH_ERROR


def _is_the_firmwares(error: BaseException) -> bool:
    return isinstance(error, RigError) and error.code in FIRMWARES_FAULTS


def _ended_by_others(error: BaseException) -> bool:
    died = isinstance(error, DeviceDied) or (isinstance(error, RigError) and error.code == "RIG-B04")
    return died and ENDED_BY_OTHERS.search(str(error)) is not None
