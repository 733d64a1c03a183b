"""A FAULT event of the device: the host writes it down and goes on; it is no wake, and its code no WakeReason."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

from rig.commands.monitor import event_text
from rig.device.numbers import NO_PATTERN, NO_SLOT, EventKind, Power, StateMachine
from rig.device.offload_types import Event
from rig.standby.system.service import Service

ROW = [
    1,
    int(EventKind.FAULT),
    NO_SLOT,
    0,
    5,
    int(StateMachine.POWER),
    Power.AWAKE << 8 | Power.WOKEN,
    0,
    0,
    NO_PATTERN,
    1,
    1,
    0,
    0,
    b"",
]


def test_the_host_writes_a_fault_down() -> None:
    written: dict[str, object] = {}
    service = SimpleNamespace(timeline=SimpleNamespace(add=lambda event, **detail: written.update(detail, event=event)))
    Service._on_device_event(cast(Service, service), Event.of(ROW))
    assert written == {"event": "NIC_FAULT", "machine": "POWER", "state": Power.AWAKE, "refused": Power.WOKEN, "slot": NO_SLOT}


def test_the_monitor_shows_a_fault() -> None:
    assert "FAULT code 1" in event_text(ROW)
