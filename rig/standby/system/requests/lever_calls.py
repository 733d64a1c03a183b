"""What tests turn around the host."""

from __future__ import annotations

from collections.abc import Callable

from rig.standby.system.requests.bench_calls import Handlers
from rig.standby.system.surroundings import HostSurroundings
from rig.standby.system.tasks.triggers.system_changes import Happened
from rig.standby.wire import bench
from rig.standby.wire.descriptors import Descriptors
from rig.standby.wire.surroundings import Surroundings
from rig.standby.wire.task_enums import BackgroundTaskCancellationReason as Reason
from rig.timeline import TimelineWriter


class LeverCalls:
    def __init__(
        self,
        surroundings: HostSurroundings,
        happens: Callable[[Happened], None],
        cancel: Callable[[str, Reason], None],
        timeline: TimelineWriter,
    ) -> None:
        """`cancel`: all that runs or waits of a package."""
        self._surroundings = surroundings
        self._happens = happens
        self._cancel = cancel
        self._timeline = timeline

    def handlers(self) -> Handlers:
        return {
            bench.GetSurroundings: self._get,
            bench.SetSurroundings: self._set,
            bench.SystemEventHappens: self._event,
            bench.CancelTasks: self._cancel_tasks,
        }

    def _get(self, call: bench.GetSurroundings, descriptors: Descriptors) -> Surroundings:
        return self._surroundings.now

    def _set(self, call: bench.SetSurroundings, descriptors: Descriptors) -> None:
        self._surroundings.turn(call.surroundings)

    def _event(self, call: bench.SystemEventHappens, descriptors: Descriptors) -> None:
        self._timeline.add("LEVER", system_event=call.event.name, app=call.package)
        self._happens(Happened(call.event, call.package))

    def _cancel_tasks(self, call: bench.CancelTasks, descriptors: Descriptors) -> None:
        self._timeline.add("LEVER", cancels_tasks_of=call.package, reason=call.reason.name)
        self._cancel(call.package, call.reason)
