"""A process of the host as the system sees it, before and after it is born."""

from __future__ import annotations

import signal
import subprocess

from rig.standby.system.child import ForkedChild
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
