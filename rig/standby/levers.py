"""What a test turns around the host: `host.levers`, and the mark `levers` for how things are when a test begins.

host.levers.set(ac=False, battery_percent=15)

@pytest.mark.levers(ac=False, cost="fixed")
def test_...
"""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from enum import IntEnum
from typing import Any, TypeVar

import msgspec

from rig.errors import UsageError
from rig.events import TimelineEvent as E
from rig.standby.wire import bench
from rig.standby.wire.message import Call
from rig.standby.wire.statuses import BackgroundAccessStatus
from rig.standby.wire.surroundings import NetworkCostType, Surroundings
from rig.standby.wire.task_enums import BackgroundTaskCancellationReason, SystemTriggerType
from rig.timeline import Timeline

R = TypeVar("R")

LINK = "link"
"""The cable: no word to the host, which sees it by itself."""
NAMES: dict[str, type[IntEnum]] = {"access": BackgroundAccessStatus, "cost": NetworkCostType}
"""Levers whose value may also be a name, in any case and with blanks: access="denied by user"."""


class Levers:
    """Of one host. Each turn is on the timeline, and done when the call returns; what it causes follows."""

    def __init__(self, call: Callable[[Call[Any]], Any], timeline: Timeline, set_link: Callable[[bool], None]) -> None:
        self._call = call
        self._timeline = timeline
        self._set_link = set_link

    @property
    def now(self) -> Surroundings:
        """As the host has them; they outlast its system, and a restart of the machine."""
        surroundings: Surroundings = self._call(bench.GetSurroundings())
        return surroundings

    def set(self, **changes: Any) -> None:
        """`rig help levers` lists them; `link` is one too. Raises UsageError RIG-C20 for one that there is not, or a value that
        cannot be; then none is turned."""
        surroundings = turned(self.now, changes)
        self._call(bench.SetSurroundings(surroundings))
        if LINK in changes:
            self.link(changes[LINK])

    def user_leaves(self) -> None:
        self.set(user_present=False)

    def user_is_back(self) -> None:
        self.set(user_present=True)

    def session_switch(self) -> None:
        """Another user takes the screen, and gives it back."""
        self.set(session_connected=False)
        self.set(session_connected=True)

    def event(self, event: SystemTriggerType, app: str | None = None) -> None:
        """A system event that nothing else here causes, such as a short message; with `app` it concerns that one alone."""
        self._call(bench.SystemEventHappens(event, app))

    def cancel_tasks(self, app: str, reason: BackgroundTaskCancellationReason) -> None:
        """The system cancels all that runs or waits of that app, for a reason of its own (BGT-032)."""
        self._call(bench.CancelTasks(app, reason))

    def link(self, up: bool) -> None:
        """The cable that host and device share, in or out: the link of both is really lost."""
        self._timeline.add(E.LEVER, link=up)
        self._set_link(up)


def turned(surroundings: Surroundings, changes: dict[str, Any]) -> Surroundings:
    """The surroundings with these levers turned; the link is none of them, and only checked. Raises UsageError RIG-C20."""
    values = msgspec.structs.asdict(surroundings)
    for name, value in changes.items():
        if name == LINK:
            _check_link(value)
            continue
        if name not in values:
            near = get_close_matches(name, (*values, LINK), 1)
            raise UsageError("RIG-C20", f"there is no lever {name}", f"did you mean {near[0]}?" if near else "rig help levers")
        values[name] = _member(name, value) if name in NAMES else value
    try:
        return msgspec.convert(values, Surroundings)
    except msgspec.ValidationError as error:
        raise UsageError("RIG-C20", f"a lever cannot be turned so: {error}", "rig help levers") from None


def _check_link(up: object) -> None:
    if not isinstance(up, bool):
        raise UsageError("RIG-C20", f"lever link cannot be turned to {up!r}", "True: the cable is in; False: it is out")


def _member(name: str, value: Any) -> Any:
    """Of an enumeration, by its name in words. Raises UsageError RIG-C20."""
    if not isinstance(value, str):
        return value
    kind = NAMES[name]
    word = value.upper().replace(" ", "_").replace("-", "_")
    if word in kind.__members__:
        return kind[word]
    known = ", ".join(member.name.lower() for member in kind)
    raise UsageError("RIG-C20", f"lever {name} has no value {value!r}", f"one of {known}")
