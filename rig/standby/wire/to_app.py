"""What the system tells an app, and what a test asks of one."""

from __future__ import annotations

from typing import Any, TypeAlias

from rig.standby.wire.from_app import TriggerKind
from rig.standby.wire.message import Call, Notice


class RunTask(Notice, frozen=True):
    """Run a background task now: `instance` counts runs of the whole host."""

    instance: int
    name: str
    entry_point: str
    kind: TriggerKind
    channel: str


class TransportFailed(Notice, frozen=True):
    """The device found the peer gone, or nobody knows the connection's numbers any more."""

    channel: str


ToApp: TypeAlias = RunTask | TransportFailed


class Invoke(Call[Any], frozen=True):
    """A test's call of a public method of the app's class, over a line of their own."""

    method: str
    arguments: dict[str, Any]
