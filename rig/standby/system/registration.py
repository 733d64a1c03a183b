"""A registered background task: what outlives the system, and for most kinds the app's process."""

from __future__ import annotations

from typing import Any

import msgspec

from rig.standby.wire.task_enums import SystemConditionType
from rig.standby.wire.triggers import AnyTrigger, channel_of, kind_of


class Registration(msgspec.Struct, frozen=True):
    """`instance`: the app's process that made it; a control channel's task is that process's alone."""

    task_id: str
    """A GUID (BGT-022)."""
    package: str
    instance: int
    name: str
    entry_point: str | None
    """None: in-process (BGT-006)."""
    trigger: AnyTrigger
    conditions: tuple[SystemConditionType, ...] = ()
    """All must hold for it to run (BGT-012)."""
    cancel_on_condition_loss: bool = False
    is_network_requested: bool = False
    group: str | None = None
    in_app: bool = True
    """It runs in a process of the app, else in one of its own."""

    @property
    def kind(self) -> str:
        """Of its trigger, as the timeline calls it."""
        return kind_of(self.trigger)

    @property
    def names(self) -> dict[str, Any]:
        """What a record of it begins with."""
        return {"app": self.package, "task": self.name, "kind": self.kind, "channel": self.channel_id}

    @property
    def channel_id(self) -> str | None:
        return channel_of(self.trigger)
