"""A handle is a slot and its generation: a late command never meets the stranger that has the place now (contract section 2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from rig.device.numbers import Command, SlotState
from rig.device.tcp_slot import SlotRef
from rig.suite.standby_door import refusal

if TYPE_CHECKING:
    from rig.device.offload import OffloadClient
    from rig.suite.wire_door import WireDoor

pytestmark = pytest.mark.topology("flat")

COMMANDS: dict[str, Callable[[OffloadClient, SlotRef], object]] = {
    "get": lambda device, ref: device.get_tcp_slot(ref),
    "remove": lambda device, ref: device.remove_tcp_slot(ref),
    "pause": lambda device, ref: device.pause_tcp_slot(ref),
    "resume": lambda device, ref: device.resume_tcp_slot(ref),
    "update": lambda device, ref: device.update_tcp_slot(ref, ka_idle_ms=90_000),
}
OPTIONAL = {"pause": Command.PAUSE_TCP_SLOT, "resume": Command.RESUME_TCP_SLOT, "update": Command.UPDATE_TCP_SLOT}
PARAMETERS = [
    pytest.param(name, marks=pytest.mark.device_can(command=OPTIONAL[name]) if name in OPTIONAL else ()) for name in COMMANDS
]


@pytest.mark.edge(99)
@pytest.mark.parametrize("command", PARAMETERS)
def test_a_command_with_an_old_generation_is_refused_and_changes_nothing(door: WireDoor, command: str) -> None:
    """Not even while its number is another connection's; the new handle is taken."""
    act, device = COMMANDS[command], door.client
    old = door.add_slot()
    device.remove_tcp_slot(old)
    assert refusal(lambda: act(device, old)) == "STALE_HANDLE", f"{command} of slot {old}, which was removed"
    new = door.add_slot()
    assert new.slot == old.slot
    assert new.gen != old.gen
    assert refusal(lambda: act(device, old)) == "STALE_HANDLE", f"{command} of slot {old}, whose place {new} has"
    never = SlotRef(new.slot, 0)
    assert refusal(lambda: act(device, never)) == "STALE_HANDLE", "generation 0 is never given out"
    info = device.get_tcp_slot(new)
    assert info.state is SlotState.ACTIVE
    assert refusal(lambda: act(device, new)) != "STALE_HANDLE", f"{command} of slot {new}, which is there"
