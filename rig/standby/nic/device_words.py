"""What the device says by itself, read and written down; one of another make may say anything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rig.device.numbers import EventKind, StateMachine, WakeReason
from rig.device.offload_types import Event
from rig.errors import BenchError
from rig.timeline import TimelineWriter


def wake_of(row: list[Any], timeline: TimelineWriter) -> Event | None:
    """The wake that an event is. None for what is none, which is written down: the device went on in the state before a fault,
    and there is nothing that a host could mend."""
    try:
        event = Event.of(row)
    except BenchError as error:
        timeline.add("NIC_VIOLATION", error=str(error))
        return None
    if event.kind is EventKind.WAKE:
        return event
    machine, (old, refused) = _name(StateMachine, event.reason), divmod(event.subreason, 256)
    timeline.add("NIC_FAULT", machine=machine, state=old, refused=refused, slot=event.slot)
    return None


def reason_of(event: Event) -> str:
    """Name of the WakeReason, "0x4099" for a number that this rig does not know."""
    return _name(WakeReason, event.reason)


def write_wake(timeline: TimelineWriter, event: Event, names: Mapping[str, Any]) -> None:
    """`names`: its owner's, none of a wake that is for the host as a whole."""
    timeline.add(
        "NIC_WAKE",
        reason=reason_of(event),
        number=event.n,
        **names,
        slot=event.slot,
        pattern_id=event.matched_pattern,
        original_bytes=event.original_bytes,
        saved_bytes=event.saved_bytes,
        device_us=event.t_wake_us - event.t_rx_us,
        yielded=event.has_yielded or None,
    )


def _name(names: type[WakeReason] | type[StateMachine], number: int) -> str:
    try:
        return names(number).name
    except ValueError:
        return f"0x{number:04x}"
