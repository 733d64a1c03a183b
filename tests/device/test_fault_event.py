"""A FAULT event of the device in `rig monitor`; what the host makes of one is tested beside its driver."""

from __future__ import annotations

from rig.commands.monitor import event_text
from rig.device.numbers import NO_PATTERN, NO_SLOT, EventKind, Power, StateMachine

CHANGE = Power.AWAKE << 8 | Power.WOKEN
ROW = [1, int(EventKind.FAULT), NO_SLOT, 0, 5, int(StateMachine.POWER), CHANGE, 0, 0, NO_PATTERN, 1, 1, 0, 0, b""]


def test_the_monitor_shows_a_fault() -> None:
    assert "FAULT code 1" in event_text(ROW)
