"""A process of the host as the system sees it, before and after it is born."""

from __future__ import annotations

import asyncio
import signal
import subprocess

from rig.standby.system.child import LAST_STEPS_S, ForkedChild
from rig.standby.wire.supervision import Forked
from tests.standby.virtual_time import virtual


@virtual
async def test_one_that_is_killed_before_its_pid_is_known_does_not_live_on() -> None:
    """The grace of a run may be over while its process is still being forked; nobody kills it twice."""
    with subprocess.Popen(["sleep", "60"]) as process:
        try:
            child = ForkedChild("1.1")
            child.kill()
            child.is_born(Forked(process.pid, process.pid))
            assert process.wait(5) == -signal.SIGKILL
        finally:
            process.kill()


@virtual
async def test_how_one_ended_that_was_killed_is_what_the_supervisor_tells_however_late() -> None:
    child = ForkedChild("1.1")
    child.kill()
    asyncio.get_running_loop().call_later(10 * LAST_STEPS_S, child.has_ended, "signal SIGKILL")
    assert await child.end() == "signal SIGKILL"


@virtual
async def test_one_that_hangs_after_it_hung_up_is_killed() -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        try:
            child = ForkedChild("1.1")
            child.is_born(Forked(process.pid, process.pid))
            asyncio.get_running_loop().call_later(2 * LAST_STEPS_S, child.has_ended, "signal SIGKILL")
            assert await child.end() == "it hung up and was killed"
            assert process.wait(5) == -signal.SIGKILL
        finally:
            process.kill()
