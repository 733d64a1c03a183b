"""The way into a boot loader's serial recovery past an image that does not answer (firmware/boot/window.h).

For 20 ms after power-on the boot loader listens for a word. It is repeated here until the boot loader says that it stays;
meanwhile someone cuts the power.
"""

from __future__ import annotations

import time

from rig.clock import Deadline
from rig.device.link import Link
from rig.errors import BenchError

WORD = b"boot-recovery\n"
BURST = WORD * 8
"""10 ms of a line of 115,200 baud: the line never rests for as long as the window is open."""
REST_S = 0.005
STAYS = "serial recovery"
RECOVERY_S = 60.0
"""For a person to reach the switch."""


def enter_recovery(link: Link, timeout_s: float = RECOVERY_S) -> None:
    """Returns when the boot loader takes requests. Raises BenchError RIG-F06 when none said so."""
    link.heard.clear()
    deadline = Deadline(timeout_s)
    while not any(STAYS in line for line in tuple(link.heard)):
        if deadline.expired:
            cause = f"no boot loader has entered serial recovery in {timeout_s:.0f} s"
            raise BenchError("RIG-F06", cause, "repeat, and switch the board off and on while it waits")
        link.say(BURST)
        time.sleep(REST_S)
