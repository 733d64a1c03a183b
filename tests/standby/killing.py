"""SIGKILL of a host's system."""

from __future__ import annotations

import os
import signal

from rig.standby.handle import StandbyHost

ASKED_EVERY = 3
"""Of five systems in a row that died before they served the supervisor gives up; on a slow machine a start takes longer than a
test waits between two kills."""


def kill_system(host: StandbyHost) -> None:
    """Returns when the next one has been started."""
    after = host.timeline.mark()
    os.kill(host.pid, signal.SIGKILL)
    host.timeline.wait("SYSTEM_STARTED", after=after)


def kill_system_again(host: StandbyHost, number: int) -> None:
    """One of many, counted from 0: after every third the next system is asked something, which it answers when it serves."""
    kill_system(host)
    if number % ASKED_EVERY == ASKED_EVERY - 1:
        host.link_stats()
