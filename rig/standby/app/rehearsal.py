"""What a process does while it waits to be a task host: a run of a task that does nothing, for no system.

A fork shares its memory with the process that it was forked from, and copies each page at the moment in which it first writes to
it; Python writes to all that it looks at, as it counts who does. So whatever a process does first takes some times as long as
what it does again. After this the run that it is wanted for is its second.
"""

from __future__ import annotations

import os

from rig.standby.app.crew import Crew
from rig.standby.app.limits import Limits
from rig.standby.app.runtime import Runtime
from rig.standby.wire.from_app import FromApp
from rig.standby.wire.line import Line, pair
from rig.standby.wire.supervision import AppBirth
from rig.standby.wire.to_app import RunTask
from rig.standby.wire.triggers import Time
from rig.timeline import TimelineWriter

TASK = RunTask(1, "", "", "rig.standby.app.nothing.Nothing", Time(15))
"""Its module is not imported before, as that of the run to come is not."""


def rehearse(crew: Crew, path: list[str]) -> None:
    """Nobody reads what is written down of it, or said. The crew's threads are where this one is."""
    ours, theirs = pair()
    null_fd = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
    birth = AppBirth("", 0, "", path, theirs.detach(), None, null_fd)
    try:
        app = Runtime(birth, TimelineWriter(null_fd, "task:"), Limits(None), crew)
        with ours, app.service.line.sock:
            Line(ours, FromApp).send_notice(TASK)
            try:
                app.host_a_run()
            finally:
                crew.unwatch(birth.line_fd)
    finally:
        os.close(null_fd)
