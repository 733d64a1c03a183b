"""What the system tells an app, and what a test asks of one."""

from __future__ import annotations

from typing import Any, TypeAlias

from rig.standby.wire.app_push import NotificationReceived
from rig.standby.wire.message import Call, Notice
from rig.standby.wire.task_enums import BackgroundTaskCancellationReason
from rig.standby.wire.triggers import AnyDetails, AnyTrigger, ChannelId, channel_of, kind_of


class RunTask(Notice, frozen=True):
    """Run a background task now: `instance` counts runs of the whole host."""

    instance: int
    task_id: str
    name: str
    entry_point: str | None
    """None: the app's own activation handler."""
    trigger: AnyTrigger
    details: AnyDetails | None = None
    network: bool = True
    """False: the run has none (BGT-016)."""

    @property
    def kind(self) -> str:
        """Of its trigger, as the timeline calls it."""
        return kind_of(self.trigger)

    @property
    def channel(self) -> str | None:
        return channel_of(self.trigger)


class StandingOrder(Notice, frozen=True):
    """The push task of a channel runs as soon as a read of it is completed, without an order for each time: `run` is what would
    be ordered, and its instances have the numbers from `run.instance` to `last`. It takes the place of the one before; None: no
    more, each run is ordered."""

    channel: ChannelId
    run: RunTask | None = None
    last: int = 0


class CancelRun(Notice, frozen=True):
    """The handlers of the instance's cancellation are called; a run that has not begun begins, cancelled (BGT-032)."""

    instance: int
    reason: BackgroundTaskCancellationReason


class TaskProgressed(Notice, frozen=True):
    """For the handlers of the registration, in a foreground process of the app (BGT-033)."""

    task_id: str
    instance: int
    value: int


class TaskCompleted(Notice, frozen=True):
    """For the handlers of the registration, in the foreground or on resume (BGT-033). `fault`: what Run raised, in words."""

    task_id: str
    instance: int
    fault: str | None


class TransportFailed(Notice, frozen=True):
    """The device found the peer gone, or nobody knows the connection's numbers any more."""

    channel: str


class Suspending(Notice, frozen=True):
    """Of an app that follows it: it is stopped as soon as it says `Suspended` with this number, after `within_s` real seconds at
    the latest, unless it goes on before. Numbers grow; what is told again has the number that it had."""

    number: int
    within_s: float


class Resuming(Notice, frozen=True):
    """Of an app that follows it: it was stopped, or asked before, and the user is back. Numbers are those of Suspending."""

    number: int


class TestLine(Notice, frozen=True):
    """With its end of the line that a test's calls come through from now on, for an app that was started without one."""

    __test__ = False  # pytest takes it for a test by its name


ToApp: TypeAlias = (
    RunTask
    | StandingOrder
    | CancelRun
    | TaskProgressed
    | TaskCompleted
    | TransportFailed
    | NotificationReceived
    | Suspending
    | Resuming
    | TestLine
)


class Invoke(Call[Any], frozen=True):
    """A test's call of a public method of the app's class, over a line of their own."""

    method: str
    arguments: dict[str, Any]
