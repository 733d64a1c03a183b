"""All steps, in their order."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from rig.clock import REAL_MINUTE_US
from rig.device.cddl import contract
from rig.device.check import at_once, basics, claims, offloads, optional, standby, tables
from rig.device.check.asked import Asked, Finding, StepOver, Verdict
from rig.device.numbers import GROUP_OFFLOAD, Command
from rig.device.raw_line import RawLine
from rig.errors import BenchError

STEPS: tuple[tuple[str, Callable[[Asked], None]], ...] = (
    ("hello and attach", basics.hello_and_attach),
    ("capabilities", basics.capabilities),
    ("clock and counters", basics.clocks_and_counters),
    ("replies in time", basics.replies_in_time),
    ("wrong requests", basics.wrong_requests),
    ("lost and damaged", basics.lost_and_damaged),
    ("TCP slots", tables.tcp_slots),
    ("patterns", tables.patterns),
    ("protocol offloads", offloads.protocol_offloads),
    ("claimed kinds", claims.kinds),
    ("all at once", at_once.all_at_once),
    ("other commands", optional.commands),
    ("power states", standby.power_states),
    ("events", standby.events),
    ("lease", standby.lease),
    ("test commands", standby.test_commands),
)
NEED_CAPABILITIES = {
    "TCP slots", "patterns", "protocol offloads", "claimed kinds", "all at once", "other commands", "power states",
}  # fmt: skip
ALWAYS = {"hello and attach", "capabilities"}


def examine(port: str, baudrate: int, only: str = "") -> Iterator[tuple[str, list[Finding]]]:
    """What each step has found, as it ends; the device is left attached and empty. `only`: words of the steps that are wanted
    beside those that say who it is. Raises BenchError when nobody answers at all, or the port goes away."""
    with RawLine(port, baudrate) as line:
        device = Asked(line, contract())
        try:
            for step, look in STEPS:
                if only not in step and step not in ALWAYS:
                    continue
                device.step, device.findings = step, []
                if step in NEED_CAPABILITIES and not device.capabilities:
                    device.wrong("not looked at: its capabilities are not known")
                else:
                    _look(device, look, port)
                if not device.heard:
                    why = "".join(f"; {finding.words}" for finding in device.findings[:1])
                    cause = f"no SMP answer to group {GROUP_OFFLOAD} on {port} at {baudrate} baud{why}"
                    raise BenchError("RIG-B03", cause, "check power, cable and --baud; `rig monitor` shows what the board says")
                yield step, device.findings or [Finding(step, Verdict.OK, "")]
        finally:
            _leave(device)


def _look(device: Asked, look: Callable[[Asked], None], port: str) -> None:
    try:
        look(device)
    except StepOver:
        pass
    except (OSError, TimeoutError) as error:
        fix = "check power, cable and --baud"
        raise BenchError("RIG-S06", f"the line to {port} ended in step {device.step!r}: {error}", fix) from error


def _leave(device: Asked) -> None:
    """As it was found, also where a step has ended in its middle, or the user has ended it all."""
    if not device.heard:
        return
    with contextlib.suppress(StepOver, OSError, TimeoutError):
        if device.test_build:
            device.write(Command.SET_CLOCK_SCALE, {"minute_us": REAL_MINUTE_US})
        device.attach()
