"""Commands that a device may do without: pause, resume and update of a slot, and its log. Those that it has do what they say."""

from __future__ import annotations

from typing import Any

from rig.device.check import samples
from rig.device.check.asked import Asked
from rig.device.numbers import Command, OffloadRc, SlotFlag, SlotState
from rig.device.tcp_slot import SlotRef

NEW_IDLE_MS = 60_000
"""Within the intervals that every device takes, and none that a slot has here."""


def commands(device: Asked) -> None:
    device.attach()
    body = samples.slot(0, SlotFlag.WAKE_ON_DATA & samples.plain_flags(device.capabilities)).wire()
    ref = SlotRef.of(device.takes(device.write(Command.ADD_TCP_SLOT, body), "add a slot"))
    absent = []
    if _does(device, Command.PAUSE_TCP_SLOT, ref):
        state = _state(device, ref)
        device.holds(state == SlotState.PAUSED, f"the slot's state is {state} after pause, {SlotState.PAUSED:d} is expected")
    else:
        absent.append(Command.PAUSE_TCP_SLOT.name)
    if _does(device, Command.RESUME_TCP_SLOT, ref):
        device.holds(_state(device, ref) != SlotState.PAUSED, "the slot's state is PAUSED after resume")
    else:
        absent.append(Command.RESUME_TCP_SLOT.name)
    if _does(device, Command.UPDATE_TCP_SLOT, ref, ka_idle_ms=NEW_IDLE_MS):
        refused = device.write(Command.UPDATE_TCP_SLOT, ref.wire() | {"ka_idle_ms": 0})
        device.refuses(refused, OffloadRc.BAD_INTERVAL, "update to an interval of 0")
    else:
        absent.append(Command.UPDATE_TCP_SLOT.name)
    device.attach()
    if not _has_log(device):
        absent.append(Command.GET_LOG.name)
    device.says(f"without {', '.join(absent)}" if absent else "pause, resume, update, log")


def _does(device: Asked, command: Command, ref: SlotRef, **asked: Any) -> bool:
    """False: it does not have the command. Else it has been carried out, and is refused for a slot that there is not."""
    answer = device.write(command, ref.wire() | asked)
    if answer.is_absent:
        return False
    device.takes(answer, command.name)
    stale = SlotRef(ref.slot, ref.gen + 1).wire()
    device.refuses(device.write(command, stale | asked), OffloadRc.STALE_HANDLE, f"{command.name} of a handle that there is not")
    return True


def _state(device: Asked, ref: SlotRef) -> int:
    return int(device.takes(device.read(Command.GET_TCP_SLOT, ref.wire()), "get slot")["state"][2])


def _has_log(device: Asked) -> bool:
    answer = device.read(Command.GET_LOG, {"cursor": 0})
    if answer.is_absent:
        return False
    first = device.takes(answer, "get log")
    again = device.takes(device.read(Command.GET_LOG, {"cursor": first["next"]}), "get log from there on")
    device.holds(again["lost"] == 0, f"{again['lost']} bytes of the log are lost a moment later")
    return True
