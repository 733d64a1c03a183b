"""What tests turn around the host."""

from __future__ import annotations

from collections.abc import Callable

from rig.standby.system.requests.bench_calls import Handlers
from rig.standby.system.surroundings import HostSurroundings
from rig.standby.system.tasks.triggers.system_changes import Happened
from rig.standby.wire import bench
from rig.standby.wire.descriptors import Descriptors
from rig.standby.wire.surroundings import Surroundings
from rig.timeline import TimelineWriter


class LeverCalls:
    def __init__(self, surroundings: HostSurroundings, happens: Callable[[Happened], None], timeline: TimelineWriter) -> None:
        self._surroundings = surroundings
        self._happens = happens
        self._timeline = timeline

    def handlers(self) -> Handlers:
        return {
            bench.GetSurroundings: self._get,
            bench.SetSurroundings: self._set,
            bench.SystemEventHappens: self._event,
        }

    def _get(self, call: bench.GetSurroundings, descriptors: Descriptors) -> Surroundings:
        return self._surroundings.now

    def _set(self, call: bench.SetSurroundings, descriptors: Descriptors) -> None:
        self._surroundings.turn(call.surroundings)

    def _event(self, call: bench.SystemEventHappens, descriptors: Descriptors) -> None:
        self._timeline.add("LEVER", system_event=call.event.name, app=call.package)
        self._happens(Happened(call.event, call.package))
