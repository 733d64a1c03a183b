"""From what comes on a brokered socket to a run of its task, one at a time for each socket (SAT-014 to 018).

A socket that has fired is not watched until it is taken and given back: then all that has come meanwhile fires at once. What may
not fire now waits, in order: in connected standby the timers of sockets that do not wake (SAT-006), and what is too much for the
tasks of one app.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from rig.standby.system.governor import Governor, Hold
from rig.standby.system.power import PowerState
from rig.standby.system.sockets.brokered import BrokeredSocket, State
from rig.standby.system.sockets.timers import SocketTimers
from rig.standby.system.sockets.watch import SocketWatch
from rig.standby.system.tasks.triggers.socket_activity import SocketActivityTasks
from rig.standby.wire.socket_enums import SocketActivityTriggerReason as Reason
from rig.standby.wire.triggers import SocketActivityDetails
from rig.timeline import TimelineWriter

CAUSES = {
    Reason.SOCKET_ACTIVITY: "socket_activity",
    Reason.CONNECTION_ACCEPTED: "connection_accepted",
    Reason.KEEP_ALIVE_TIMER_EXPIRED: "keep_alive_timer",
    Reason.SOCKET_CLOSED: "socket_closed",
}
"""Why an app that was suspended goes on."""


EXPECTED_S = 3.0
"""How long what the device has woken the host for may take to be seen on its socket: a handshake is two ways through the network,
and a SYN/ACK that is lost is sent again after a second."""


class SocketActivity:
    """`silenced` hears of a socket of which nothing fires any more."""

    def __init__(
        self,
        tasks: SocketActivityTasks,
        watch: SocketWatch,
        timers: SocketTimers,
        power: PowerState,
        governor: Governor,
        timeline: TimelineWriter,
        silenced: Callable[[BrokeredSocket], None],
    ) -> None:
        self._tasks = tasks
        self._watch = watch
        self._timers = timers
        self._power = power
        self._governor = governor
        self._timeline = timeline
        self._silenced = silenced
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[BrokeredSocket, Reason] = {}
        """For the tasks of their apps."""
        self._in_standby: dict[BrokeredSocket, Reason] = {}
        """For the user."""
        self._runs: dict[int, BrokeredSocket] = {}
        self._expected: dict[BrokeredSocket, Hold] = {}

    def begin(self, brokered: BrokeredSocket) -> None:
        """It is the broker's: what has come on it already counts. Also again, for one that nobody came to take."""
        if brokered.watched:
            self._watch.add(brokered)
            self._timers.go_on(brokered)
        elif brokered.saved.run is not None:
            self._runs[brokered.saved.run] = brokered

    def pause(self, brokered: BrokeredSocket) -> None:
        """Nothing of it fires, until it begins again."""
        self._watch.remove(brokered)
        self._timers.stop(brokered)
        self._waiting.pop(brokered, None)
        self._in_standby.pop(brokered, None)
        self._no_more_expected(brokered)

    def end(self, brokered: BrokeredSocket) -> None:
        """It is the broker's no more."""
        self.pause(brokered)
        if brokered.saved.run is not None:
            self._runs.pop(brokered.saved.run, None)

    def came(self, brokered: BrokeredSocket, reason: Reason) -> None:
        self.pause(brokered)
        if self._power.in_standby and not brokered.wakes:
            self._in_standby[brokered] = reason
            self._tell_waits(brokered, "it does not wake from connected standby")
            return
        why = self._fire(brokered, reason)
        if why is not None:
            self._waiting[brokered] = reason
            self._tell_waits(brokered, why)

    def expect(self, brokered: BrokeredSocket) -> None:
        """The device has woken the host for it: it stays awake until that is seen, or is long overdue."""
        if brokered.watched and brokered not in self._expected:
            self._expected[brokered] = self._governor.hold(brokered.label, "what woke the host for it is on its way")
            self._loop.call_later(EXPECTED_S, self._overdue, brokered, self._expected[brokered])

    def _overdue(self, brokered: BrokeredSocket, hold: Hold) -> None:
        if self._expected.get(brokered) is hold:
            self._no_more_expected(brokered)

    def _no_more_expected(self, brokered: BrokeredSocket) -> None:
        hold = self._expected.pop(brokered, None)
        if hold is not None:
            hold.release()

    def left_standby(self) -> None:
        held, self._in_standby = self._in_standby, {}
        for brokered, reason in held.items():
            self.came(brokered, reason)

    def fire_waiting(self) -> None:
        """Those that need not wait any more. One that has to wait for its app's tasks does so with all that are behind it."""
        crowded = set[str]()
        for brokered, reason in list(self._waiting.items()):
            if brokered.package.name in crowded:
                continue
            if self._fire(brokered, reason) is None:
                del self._waiting[brokered]
            else:
                crowded.add(brokered.package.name)

    def over(self, run: int) -> None:
        """Whoever has not taken it by now does not want it (SAT-018)."""
        brokered = self._runs.pop(run, None)
        if brokered is not None:
            self._silence(brokered)

    def _silence(self, brokered: BrokeredSocket) -> None:
        brokered.change(state=State.SILENT, run=None, due_s=None)
        self._silenced(brokered)

    def _fire(self, brokered: BrokeredSocket, reason: Reason) -> str | None:
        """Why not."""
        saved = brokered.saved
        registration = brokered.package.registrations.get(saved.task_id)
        if registration is None:
            self._silence(brokered)
            self._tell_waits(brokered, "its task is not registered any more")
            return None
        why = self._tasks.why_not(registration)
        if why is not None:
            return why
        details = SocketActivityDetails(reason, saved.id, saved.kind, saved.context, saved.task_id)
        number = self._tasks.fire(registration, details, CAUSES[reason])
        brokered.change(state=State.FIRED, run=number, due_s=None)
        self._runs[number] = brokered
        self._timeline.add("SOCKET_ACTIVITY", **brokered.names, reason=reason.name, value=int(reason), instance=number)
        return None

    def _tell_waits(self, brokered: BrokeredSocket, why: str) -> None:
        self._timeline.add("SOCKET_WAITS", **brokered.names, reason=why)
