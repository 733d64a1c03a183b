"""One instance of a background task: a trigger that has fired, until its run is over."""

from __future__ import annotations

from enum import Enum
from typing import Any

import msgspec

from rig.standby.system.app_process import AppProcess
from rig.standby.system.power import IllegalEdge
from rig.standby.system.registration import Registration
from rig.standby.system.rows import SavedObject
from rig.standby.system.store import Name
from rig.standby.wire.task_enums import BackgroundTaskCancellationReason as Reason
from rig.standby.wire.to_app import RunTask
from rig.standby.wire.triggers import AnyDetails
from rig.timeline import TimelineWriter

INSTANCES = "task"
"""Kind of what is saved of them."""


class State(Enum):
    PENDING = "pending"
    """Its trigger has fired; something keeps it from running (BGT-012)."""
    STARTING = "starting"
    """It may run; host and process are made awake for it, or the process is made."""
    RUNNING = "running"
    """Ordered."""
    RETURNED = "returned"
    """Run has returned, a deferral is open (BGT-031)."""
    ENDED = "ended"


EDGES = {
    State.PENDING: {State.STARTING, State.ENDED},
    State.STARTING: {State.PENDING, State.RUNNING, State.ENDED},
    State.RUNNING: {State.RETURNED, State.ENDED},
    State.RETURNED: {State.ENDED},
    State.ENDED: set[State](),
}


class SavedInstance(msgspec.Struct, frozen=True):
    """What outlives the system's process. Which process it was ordered to stands with that process: `SavedApp.runs`."""

    number: int
    registration: Registration
    """All of it: one that fires once is not registered any more."""
    details: AnyDetails | None
    cause: str
    returned: bool = False
    cancelled: Reason | None = None
    idle: bool = False
    """It was cancelled because it did nothing."""
    began_s: float | None = None
    """Of the loop's time: when the limit of its run began to count."""


def run_of(registration: Registration, number: int, details: AnyDetails | None, *, network: bool) -> RunTask:
    """What the process is told that runs it."""
    return RunTask(
        instance=number,
        task_id=registration.task_id,
        name=registration.name,
        entry_point=registration.entry_point,
        trigger=registration.trigger,
        details=details,
        network=network,
    )


class Instance(SavedObject):
    """`number` counts runs of the whole host. One setter of its state, `turn`; the rest of a change is its caller's."""

    def __init__(self, saved: SavedInstance, timeline: TimelineWriter) -> None:
        self.number = saved.number
        self.registration = saved.registration
        self.details = saved.details
        self.cause = saved.cause
        self.cancelled = saved.cancelled
        self.idle = saved.idle
        self.began_s = saved.began_s
        self.killed = False
        self.host: AppProcess | None = None
        """Where it runs."""
        self._timeline = timeline
        self._state = State.PENDING
        self._waits_for: str | None = None

    @property
    def state(self) -> State:
        return self._state

    @property
    def pending(self) -> bool:
        return self._state is State.PENDING

    @property
    def under_way(self) -> bool:
        """Ordered, and not over."""
        return self._state in (State.RUNNING, State.RETURNED)

    @property
    def row_name(self) -> Name:
        return INSTANCES, str(self.number)

    def save(self) -> SavedInstance:
        returned = self._state is State.RETURNED
        return SavedInstance(
            self.number, self.registration, self.details, self.cause, returned, self.cancelled, self.idle, self.began_s
        )

    def order(self, *, network: bool) -> RunTask:
        return run_of(self.registration, self.number, self.details, network=network)

    @property
    def waits_for(self) -> str | None:
        """What it has waited for last."""
        return self._waits_for

    def wait(self, reason: str) -> None:
        """It stays pending, or is so again; each reason stands on the timeline once."""
        self.turn(State.PENDING)
        if reason != self._waits_for:
            self._waits_for = reason
            self.tell("TASK_PENDING", reason=reason)

    def went_on(self, host: AppProcess, *, returned: bool) -> None:
        """For a system that is a new one: the one before has ordered it, and said so."""
        self.host = host
        self._state = State.RETURNED if returned else State.RUNNING

    def turn(self, state: State) -> None:
        """Raises IllegalEdge."""
        if state is self._state:
            return
        if state not in EDGES[self._state]:
            raise IllegalEdge(f"instance {self.number} cannot go from {self._state.value} to {state.value}")
        self._state = state

    def tell(self, event: str, **detail: Any) -> None:
        """A record of it."""
        self._timeline.add(event, **self.registration.names, instance=self.number, **detail)
