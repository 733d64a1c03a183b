"""Whose an exception is: the bench's, or that of what is under test."""

from __future__ import annotations

import re

from rig.errors import BenchError, DeviceError, RigError
from rig.results.verdict import Verdict
from rig.room import out_of_room
from rig.runner.limits import TimeLimitExceeded
from rig.timeline import DeviceDied

DEVICES = ("RIG-B04", "RIG-B11")
"""The device's process ended by itself, or it answered against the contract."""
ENDED_BY_OTHERS = re.compile(r"died, (signal SIG(KILL|TERM|INT|HUP|QUIT)\b|exit status 0\b.*terminating on signal )", re.DOTALL)
"""As where memory ran out, or whoever started the machine's programs ends them. QEMU says so, and ends by itself."""


def verdict_of(phase: str, error: BaseException) -> Verdict:
    """What an exception in `phase` (setup, call, teardown) means.

    In the call, the device's refusal, a hang and any exception of the test's own are failures; the bench's errors are
    not, but for a firmware's that crashed: repeated, it might not. Around the call, only an assertion is a failure, and such a
    crash behind it: of the last frame. A full disk is never the device's, nor is what others did to its process.
    """
    if out_of_room(error) or _ended_by_others(error):
        return Verdict.BENCH_ERROR
    if phase != "setup" and _is_the_devices(error):
        return Verdict.FAILED
    if phase == "call":
        bench = isinstance(error, RigError) and not isinstance(error, (DeviceError, TimeLimitExceeded))
        return Verdict.BENCH_ERROR if bench else Verdict.FAILED
    if isinstance(error, AssertionError) and not isinstance(error, BenchError):
        return Verdict.FAILED
    return Verdict.BENCH_ERROR


def _is_the_devices(error: BaseException) -> bool:
    return isinstance(error, RigError) and error.code in DEVICES


def _ended_by_others(error: BaseException) -> bool:
    died = isinstance(error, DeviceDied) or (isinstance(error, RigError) and error.code == "RIG-B04")
    return died and ENDED_BY_OTHERS.search(str(error)) is not None
