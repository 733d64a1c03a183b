"""One running instance of an app: its process, its line, and what it has under way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec

from rig.standby.system.governor import Governor, Hold
from rig.standby.system.package import AppPackage
from rig.standby.system.rows import SavedObject
from rig.standby.system.store import Name
from rig.standby.system.supervising import Child
from rig.standby.system.suspension import SavedSuspension, Suspension
from rig.standby.wire.descriptors import Descriptors
from rig.standby.wire.from_app import FromApp
from rig.standby.wire.inbox import Inbox
from rig.standby.wire.line import Line
from rig.standby.wire.peer import Peer
from rig.standby.wire.to_app import RunTask, TestLine, ToApp, TransportFailed
from rig.timeline import TimelineWriter

APPS = "app"
"""Kind of what is saved of them."""
FAILURE_S = 1.0
"""How long an app goes on at least that was told of a failed transport, and has a processor to wait for before its read ends."""

START_S = 30.0
"""Within that long, in real time, a process that no test waits for is ready, or it is ended: it would keep the host awake for
ever, with all that waits for it. A loaded machine needs a few seconds, and a test waits for half of it."""

Serve = Callable[["AppProcess", FromApp, Descriptors], Any]


class SavedApp(msgspec.Struct, frozen=True):
    """What outlives the system's process."""

    instance: int
    package: str
    foreground: bool = True
    starting: bool = True
    reads: int = 0
    runs: list[RunTask] = []
    unheard: list[ToApp] = []
    task_host: bool = False
    follows_tasks: bool = False
    untested: bool = False
    """No test calls it: the system has started it for a task."""
    suspension: SavedSuspension = SavedSuspension()
    follows_push: bool = False


class AppProcess(SavedObject):
    """`instance` is its identity: two processes of one package have two numbers, and no number comes twice. A task host is one
    as well: it runs what it was started for, and ends.

    `serve` answers its messages, `on_gone` hears once that it hung up or reads nothing, `on_fault` what nobody foresaw,
    `on_tell` that something is to be said to it as soon as it is written down, `on_heard` that a system which is a new one has
    heard all that it had said before.
    """

    def __init__(
        self,
        package: AppPackage,
        saved: SavedApp,
        child: Child,
        line: Line[FromApp],
        governor: Governor,
        timeline: TimelineWriter,
        *,
        inbox: Inbox,
        serve: Serve,
        on_gone: Callable[[AppProcess], None],
        on_fault: Callable[[str, BaseException], None],
        on_tell: Callable[[AppProcess], None],
        on_heard: Callable[[AppProcess], None],
    ) -> None:
        self.package = package
        self.instance = saved.instance
        self.child = child
        self.is_task_host = saved.task_host
        self.follows_tasks = saved.follows_tasks
        """It has handlers of their progress and completion."""
        self.follows_push = saved.follows_push
        """It has handlers of raw notifications (RAW-007)."""
        self.untested = saved.untested
        self.ended_unseen = False
        """There was no system when it did: maybe it was never born, as the system died before it had started it."""
        self.leaving = False
        """It is about to be ended by others: what it runs has its grace, and it gets no new run."""
        self.foreground = saved.foreground
        self.suspended = child.stopped
        self.paused = False
        """It was stopped while it had something to do, and has to wait."""
        self._governor = governor
        self._timeline = timeline
        self._on_gone = on_gone
        self._on_tell = on_tell
        self._on_heard = on_heard
        self.suspension = Suspension(saved.suspension, governor, self.label, self.tell)
        self._starting = governor.hold(self.label, "it starts") if saved.starting else None
        if saved.starting and (saved.task_host or saved.untested):
            asyncio.get_running_loop().call_later(START_S, self._starts_too_long)
        self._late: Hold | None = None
        self._resuming: Hold | None = None
        self._ending = False
        self._reads = saved.reads
        self._reading = self._read_hold() if saved.reads else None
        self._runs = {order.instance: (order, self._run_hold(order)) for order in saved.runs}
        self._to_hear: dict[str, Hold] = {}
        """What it has been told and is not done with: the failure of a channel, until a read has ended for it; a notification."""
        self._unheard: list[ToApp] = list(saved.unheard)
        self._peer = Peer(
            line,
            lambda message, descriptors: serve(self, message, descriptors),
            on_gone=lambda _why: self.end(),
            on_fault=on_fault,
            inbox=inbox,
            on_resumed=self._heard_all,
        )

    @property
    def row_name(self) -> Name:
        return APPS, str(self.instance)

    def save(self) -> SavedApp:
        return SavedApp(
            self.instance,
            self.package.name,
            self.foreground,
            self._starting is not None,
            self._reads,
            [order for order, _ in self._runs.values()],
            list(self._unheard),
            self.is_task_host,
            self.follows_tasks,
            self.untested,
            self.suspension.save(),
            self.follows_push,
        )

    @property
    def name(self) -> str:
        """What the timeline calls it."""
        return self.package.name

    @property
    def label(self) -> str:
        """What a hold calls it."""
        return f"{'task host' if self.is_task_host else 'app'} {self.package.name}/{self.instance}"

    @property
    def ending(self) -> bool:
        """It has hung up, or shall end: nothing is to be done in it any more."""
        return self._ending

    @property
    def busy(self) -> bool:
        """Whether it must not be stopped: it starts, has something to say or to hear, completes a read, or runs a task."""
        to_hear = self._resuming is not None or bool(self._to_hear)
        return self._starting is not None or to_hear or self._reads > 0 or bool(self._runs)

    @property
    def stopping(self) -> bool:
        """It was told to stop, and has not stopped yet."""
        return self._late is not None

    @property
    def runs(self) -> tuple[int, ...]:
        """Numbers of those that are ordered and not yet done."""
        return tuple(self._runs)

    @property
    def is_ready(self) -> bool:
        return self._starting is None

    @property
    def has_unread(self) -> bool:
        """Whether it has said something that nobody has read yet."""
        return self._peer.has_unread

    # -- what is said to it --------------------------------------------------------------------------------------------

    def tell(self, notice: ToApp) -> None:
        """Send it a message, as soon as that is written down."""
        self._unheard.append(notice)
        self.changed()
        self._on_tell(self)

    def tell_failed(self, channel_id: str) -> None:
        """Its transport is of no more use. Stopped before its read has ended it would know that when it goes on for something
        else: then nobody connects again."""
        what = _failure_of(channel_id)
        if what not in self._to_hear:
            self.hears(what, f"the transport of channel {channel_id} has failed")
            asyncio.get_running_loop().call_later(FAILURE_S, self._failure_is_over, channel_id)
        self.tell(TransportFailed(channel_id))

    def failure_heard(self, channel_id: str) -> None:
        """A read of the channel has ended."""
        self.heard(_failure_of(channel_id))

    def _failure_is_over(self, channel_id: str) -> None:
        """It has no read that could have ended."""
        if _failure_of(channel_id) in self._to_hear:
            self.failure_heard(channel_id)
            self._on_heard(self)

    def hears(self, what: str, why: str) -> None:
        """It is told, and must not be stopped until it is done with it, or its time for it is over: `heard`."""
        self._to_hear[what] = self._governor.hold(self.label, why)

    def heard(self, what: str) -> None:
        """Safe to call twice."""
        hold = self._to_hear.pop(what, None)
        if hold is not None:
            hold.release()

    def flush(self) -> None:
        """It is. The app may have died a moment ago: then nothing, and the line tells."""
        for notice in self._unheard:
            self._peer.notify(notice)
        self._unheard = []

    def give_test_line(self, fd: int) -> None:
        """The user has launched it, which runs already. A system that dies now has closed the test's line with its own."""
        self.untested = False
        self._peer.notify(TestLine(), [fd])

    def resume_line(self, *, awake: bool) -> None:
        """For a system that is a new one: tell the app what it may not have heard, and hear what nobody has done. A host that is
        awake stays so until then: the app may have been stopped because of a message that counts as not done now, or have
        said that a read begins. A host that sleeps is woken for what is under way (SleepCycle.wake_for_what_is_left)."""
        if awake:
            self._resuming = self._governor.hold(self.label, "what it has said before is not heard yet")
        self._unheard = [*(order for order, _ in self._runs.values()), *self._unheard]
        self.flush()
        self._peer.resume()

    def _heard_all(self) -> None:
        if self._resuming is not None:
            self._resuming.release()
            self._resuming = None
            self._on_heard(self)

    # -- what it has under way -----------------------------------------------------------------------------------------

    def ready(self) -> None:
        """It serves the test's calls. Safe to call twice."""
        if self._starting is not None:
            self._starting.release()
            self._starting = None

    def _starts_too_long(self) -> None:
        """Nobody waits for it in vain: a test that has launched it meanwhile does so no longer either."""
        if not self.is_ready:
            what = f"it was not ready within {START_S:.0f} s: it is ended"
            self._timeline.add("USAGE_FAULT", app=self.name, instance=self.instance, what=what)
            self.child.kill()

    def read_begins(self) -> None:
        self._reads += 1
        if self._reading is None:
            self._reading = self._read_hold()

    def read_completed(self) -> bool:
        """Whether one had begun; else it is an app's slip, and changes nothing."""
        if self._reads == 0:
            return False
        self._reads -= 1
        if self._reads == 0 and self._reading is not None:
            self._reading.release()
            self._reading = None
        return True

    def run(self, order: RunTask) -> None:
        self.takes(order)
        self.tell(order)

    def takes(self, order: RunTask) -> None:
        """It is told of it, or has begun it by a standing order."""
        self._runs[order.instance] = order, self._run_hold(order)
        self.changed()

    def run_done(self, number: int) -> None:
        """One that is not its own changes nothing."""
        _, hold = self._runs.pop(number, (None, None))
        if hold is not None:
            hold.release()
            self.changed()

    def _read_hold(self) -> Hold:
        return self._governor.hold(self.label, "the completion of a read")

    def _run_hold(self, order: RunTask) -> Hold:
        return self._governor.hold(self.label, f"task {order.name}, instance {order.instance}")

    # -- its process ---------------------------------------------------------------------------------------------------

    def pause(self) -> None:
        """Stop it although it is busy: what it has said before, and is heard now, does not continue it."""
        self.paused = True
        self.suspend()

    def suspend(self) -> bool:
        """Stop it. True: every thread has stopped. False: some are late, as they need a processor for it; it is to be said again,
        and holds the host awake until then."""
        self.suspension.stopped()
        if self.suspended:
            return True
        if not self.child.stop():
            self._late = self._late or self._governor.hold(self.label, "it was told to stop, and has not stopped yet")
            return False
        self.suspended = True
        self._not_late()
        self._timeline.add("APP_SUSPEND", app=self.name, instance=self.instance)
        return True

    def stays_stopped(self) -> None:
        """The driver continues whom a wake is for, and may come to it when the app is done and stopped again."""
        if self.suspended and not self.child.stopped:
            self.child.stop()

    def resume(self, cause: str) -> None:
        """Also one that was asked before it is stopped: it is not, then."""
        self.paused = False
        if not (self.suspended or self.stopping or self.suspension.under_way):
            return
        self._timeline.add("APP_RESUME", app=self.name, instance=self.instance, cause=cause)
        self._goes_on()

    def was_resumed(self) -> None:
        """The driver has continued it, and has written that down. Or it was killed between saying so and doing it: then nobody
        else would."""
        if self.suspended:
            self._goes_on()

    def _goes_on(self) -> None:
        if self.suspended or self.stopping:
            self.suspended = False
            self._not_late()
            self.child.go_on()
        self.suspension.over()

    def _not_late(self) -> None:
        late, self._late = self._late, None
        if late is not None:
            late.release()

    def end(self) -> None:
        """It has hung up, or it shall: its process ends by itself when its line is closed. Safe to call twice."""
        if not self._ending:
            self._ending = True
            self._on_gone(self)

    def let_go(self) -> None:
        """It ended: it holds nothing awake any more, and its line is closed."""
        self._peer.hang_up()
        self.suspension.over()
        self._not_late()
        if self._resuming is not None:
            self._resuming.release()
            self._resuming = None
        self.ready()
        for what in list(self._to_hear):
            self.heard(what)
        self._reads = min(self._reads, 1)
        self.read_completed()
        for number in list(self._runs):
            self.run_done(number)


def _failure_of(channel_id: str) -> str:
    return f"the failure of {channel_id}"
