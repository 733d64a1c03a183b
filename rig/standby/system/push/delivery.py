"""From a raw notification to the app's handlers and tasks (RAW-001, 006 to 009, 016, 017).

What comes for an app is decided at once: it is dropped, or it is the app's and waits, in order, for the app. A process in the
foreground that has handlers has it first; then the app's push tasks run, one at a time for each app.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec

from rig.push_line import ChannelKind, Notify
from rig.standby.system.app_process import AppProcess
from rig.standby.system.governor import Governor
from rig.standby.system.numbers import Numbers
from rig.standby.system.package import AppPackage
from rig.standby.system.power import PowerState
from rig.standby.system.processes import Processes
from rig.standby.system.registration import Registration
from rig.standby.system.rows import Rows, SavedTable
from rig.standby.system.situation import HostSituation
from rig.standby.system.store import Name, saved_of
from rig.standby.system.tasks.triggers.raw_push import RawPushTasks
from rig.standby.wire.app_push import NotificationHandled, NotificationReceived
from rig.standby.wire.triggers import RawNotificationDetails, RawPush
from rig.timeline import TimelineWriter

NOTIFICATIONS = "notification"
"""Kind of what is saved of them."""
MOST_WAIT = 256
"""Notifications of an app that wait for it: more are dropped, as an app that takes so long does not come to them."""
HANDLERS_S = 5.0
"""Real time that an app's handlers have for one, from the end of those for the one before it; then its tasks run as if they had
said nothing, and so do those of all that wait behind it for the same handlers."""
UNREGISTERED = "its task is not registered any more"


class SavedNotification(msgspec.Struct, frozen=True):
    """One that is an app's. Its number counts those of the whole host, whatever the service counts."""

    number: int
    package: str
    details: RawNotificationDetails
    sent_as: int
    """The service's number of it."""
    handler: int | None
    """Instance of the process whose handlers have it."""
    tasks: tuple[str, ...]
    """Ids of those that are still to run for it."""
    run: int | None = None
    """Number of the run that is under way, or waits, for it."""
    ran: bool = False
    """A task has run for it, or does."""


class PushDelivery:
    """`came` is told of each notification once; what it begins is written down with all that the caller changes."""

    def __init__(
        self,
        tasks: RawPushTasks,
        packages: Mapping[str, AppPackage],
        processes: Processes,
        power: PowerState,
        situation: HostSituation,
        governor: Governor,
        numbers: Numbers,
        rows: Rows,
        timeline: TimelineWriter,
    ) -> None:
        self._tasks = tasks
        self._packages = packages
        self._processes = processes
        self._power = power
        self._situation = situation
        self._governor = governor
        self._numbers = numbers
        self._timeline = timeline
        self._loop = asyncio.get_running_loop()
        self._waiting: SavedTable[SavedNotification] = SavedTable(rows, NOTIFICATIONS)
        self._late: dict[int, asyncio.TimerHandle] = {}
        """For handlers, by instance of their process: they have one notification after another."""
        self._runs: dict[int, int] = {}
        """Numbers of notifications by run."""

    @property
    def waiting(self) -> list[SavedNotification]:
        """That are an app's, and not done."""
        return list(self._waiting.values())

    # -- a notification comes ------------------------------------------------------------------------------------------

    def came(self, notify: Notify) -> None:
        names: dict[str, Any] = {"number": notify.number, "app": notify.app, "channel": notify.id}
        self._timeline.add("PUSH_RECEIVED", **names, bytes=len(notify.content))
        why = self._refused(notify)
        if why is not None:
            self._timeline.add("PUSH_DROPPED", **names, why=why)
            return
        handler = self._handler(notify.app)
        number = self._numbers.next_notification()
        details = RawNotificationDetails(notify.content, notify.id, notify.headers)
        tasks = tuple(registration.task_id for registration in self._registered(notify.app))
        instance = handler.instance if handler is not None else None
        notification = SavedNotification(number, notify.app, details, notify.number, instance, tasks)
        self._put(notification)
        if handler is not None:
            self._ask(handler, notification)
        self._next(notify.app)

    def _refused(self, notify: Notify) -> str | None:
        """Why nobody gets it."""
        package = self._packages.get(notify.app)
        if package is None:
            return "there is no such app"
        if notify.kind is ChannelKind.TILE:
            return "a tile has no raw notifications"
        around = self._situation.now.surroundings
        if around.energy_saver_on and notify.app not in around.energy_saver_exempt:
            return "battery saver"
        if len(self._of(notify.app)) >= MOST_WAIT:
            return f"{MOST_WAIT} notifications wait for the app"
        if self._handler(notify.app) is None and not self._registered(notify.app):
            return self._inert(notify.app) or "neither a handler nor a task"
        return None

    def _handler(self, name: str) -> AppProcess | None:
        """A process that the user sees, and that has handlers (RAW-007)."""
        if self._power.in_standby:
            return None
        apps = [app for app in self._processes if app.name == name and app.follows_push and app.foreground]
        return next((app for app in apps if not (app.suspended or app.stopping or app.leaving or app.ending)), None)

    def _all_registered(self, name: str) -> list[Registration]:
        registrations = self._packages[name].registrations.values()
        return [r for r in registrations if isinstance(r.trigger, RawPush) and r.trigger.application in ("", name)]

    def _registered(self, name: str) -> list[Registration]:
        return [registration for registration in self._all_registered(name) if self._tasks.inert(registration) is None]

    def _inert(self, name: str) -> str | None:
        """Why those that are registered do nothing."""
        return next((why for r in self._all_registered(name) if (why := self._tasks.inert(r)) is not None), None)

    # -- its handlers --------------------------------------------------------------------------------------------------

    def _ask(self, app: AppProcess, notification: SavedNotification) -> None:
        self._wait_for(app, notification)
        told = notification.details
        app.tell(NotificationReceived(notification.number, told.content, told.channel_id, told.headers))

    def _wait_for(self, app: AppProcess, notification: SavedNotification) -> None:
        app.hears(f"notification {notification.number}", "its handlers have a notification")
        self._give_time(app.instance)

    def _give_time(self, instance: int) -> None:
        """To its handlers, for the oldest that they have."""
        if instance not in self._late and self._asked(instance):
            self._late[instance] = self._loop.call_later(HANDLERS_S, self._too_late, instance)

    def _asked(self, instance: int) -> list[SavedNotification]:
        asked = [notification for notification in self._waiting.values() if notification.handler == instance]
        return sorted(asked, key=lambda notification: notification.number)

    def handled(self, app: AppProcess, said: NotificationHandled) -> None:
        """What it says too late, or of another's, changes nothing."""
        notification = self._waiting.get(str(said.number))
        if notification is not None and notification.handler == app.instance:
            self._handlers_done(notification, cancel=said.cancel)

    def _too_late(self, instance: int) -> None:
        """Whatever hangs there hangs for all that wait behind it."""
        asked = self._asked(instance)
        what = f"its handlers of notification {asked[0].number} took more than {HANDLERS_S:.0f} s"
        self._timeline.add("USAGE_FAULT", app=asked[0].package, instance=instance, what=what)
        for notification in asked:
            self._handlers_done(notification, cancel=False)

    def _handlers_done(self, notification: SavedNotification, *, cancel: bool) -> None:
        instance = notification.handler or 0
        app = self._processes.get(instance)
        self._no_wait(notification)
        if cancel:
            self._remove(notification)
        else:
            self._put(msgspec.structs.replace(notification, handler=None))
        self._give_time(instance)
        if app is not None:
            self._processes.suspend_if_idle(app)
        self._next(notification.package)

    def _no_wait(self, notification: SavedNotification) -> None:
        instance = notification.handler or 0
        late = self._late.pop(instance, None)
        if late is not None:
            late.cancel()
        app = self._processes.get(instance)
        if app is not None:
            app.heard(f"notification {notification.number}")

    # -- its tasks -----------------------------------------------------------------------------------------------------

    def over(self, run: int) -> None:
        notification = self._waiting.get(str(self._runs.pop(run, 0)))
        if notification is not None:
            self._put(msgspec.structs.replace(notification, run=None))
            self._next(notification.package)

    def go_on(self) -> None:
        """What had to wait may go on."""
        for name in {notification.package for notification in self._waiting.values()}:
            self._next(name)

    def _next(self, name: str) -> None:
        """Of the app's, in order: the first that is not done (RAW-009)."""
        for notification in self._of(name):
            if not self._done(notification):
                return
            self._remove(notification)

    def _done(self, notification: SavedNotification) -> bool:
        """Whether nothing is to be waited for before the next one's turn."""
        if notification.handler is not None or notification.run is not None:
            return False
        for task_id in notification.tasks:
            registration = self._packages[notification.package].registrations.get(task_id)
            why = UNREGISTERED if registration is None else self._tasks.inert(registration)
            if registration is not None and why is None:
                self._fire(notification, registration)
                return False
            if not notification.ran:
                self._drop(notification, why or UNREGISTERED)
        return True

    def _fire(self, notification: SavedNotification, registration: Registration) -> None:
        """Unless the app has too many runs: then as soon as it has not."""
        if self._tasks.why_not(registration) is not None:
            return
        left = notification.tasks[notification.tasks.index(registration.task_id) + 1 :]
        run = self._tasks.fire(registration, notification.details, "push")
        self._runs[run] = notification.number
        self._put(msgspec.structs.replace(notification, tasks=left, run=run, ran=True))

    def _drop(self, notification: SavedNotification, why: str) -> None:
        channel = notification.details.channel_id
        self._timeline.add("PUSH_DROPPED", number=notification.sent_as, app=notification.package, channel=channel, why=why)

    # -- apps and packages ---------------------------------------------------------------------------------------------

    def app_gone(self, app: AppProcess) -> None:
        """Its tasks run in another process."""
        for notification in self._of(app.name):
            if notification.handler == app.instance:
                self._handlers_done(notification, cancel=False)

    def package_gone(self, package: AppPackage) -> None:
        for notification in self._of(package.name):
            self._no_wait(notification)
            self._drop(notification, "its app is uninstalled")
            self._remove(notification)

    # -- what there is -------------------------------------------------------------------------------------------------

    def take_up(self, things: Mapping[Name, bytes]) -> None:
        """Runs are there already. One whose machine has lost its power is over, and so are handlers."""
        saved: list[SavedNotification] = saved_of(things, NOTIFICATIONS, SavedNotification)
        for notification in saved:
            app = self._processes.get(notification.handler or 0)
            run = notification.run if notification.run is not None and self._tasks.has(notification.run) else None
            self._put(msgspec.structs.replace(notification, handler=app.instance if app is not None else None, run=run))
            if run is not None:
                self._runs[run] = notification.number
            if app is not None:
                self._wait_for(app, notification)

    def _of(self, name: str) -> list[SavedNotification]:
        waiting = [notification for notification in self._waiting.values() if notification.package == name]
        return sorted(waiting, key=lambda notification: notification.number)

    def _put(self, notification: SavedNotification) -> None:
        self._waiting[str(notification.number)] = notification

    def _remove(self, notification: SavedNotification) -> None:
        self._runs.pop(notification.run or 0, None)
        del self._waiting[str(notification.number)]
