"""The app processes of the host: which there are, and which are stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from rig.standby.system.app_process import AppProcess
from rig.standby.system.owners import Owners
from rig.standby.system.power import PowerState
from rig.standby.system.rows import Rows
from rig.timeline import TimelineWriter

LATE_S = 0.02
"""Between two looks at an app that is late to stop."""


class Processes:
    """By instance number."""

    def __init__(
        self, power: PowerState, owners: Owners, rows: Rows, timeline: TimelineWriter, suspend_deadline_s: float
    ) -> None:
        self._power = power
        self._owners = owners
        self._rows = rows
        self._timeline = timeline
        self._suspend_deadline_s = suspend_deadline_s
        self._all: dict[int, AppProcess] = {}
        self._awaited: dict[int, asyncio.Future[None]] = {}

    def __iter__(self) -> Iterator[AppProcess]:
        return iter(list(self._all.values()))

    def get(self, instance: int) -> AppProcess | None:
        return self._all.get(instance)

    def add(self, app: AppProcess) -> None:
        self._all[app.instance] = app
        app.is_saved_in(self._rows)

    def remove(self, app: AppProcess) -> None:
        del self._all[app.instance]
        app.is_forgotten()
        awaited = self._awaited.pop(app.instance, None)
        if awaited is not None:
            awaited.set_result(None)

    def removal(self, app: AppProcess) -> asyncio.Future[None]:
        """Of one that is there: done when it has ended, and all that was its own is given back."""
        if app.instance not in self._awaited:
            self._awaited[app.instance] = asyncio.get_running_loop().create_future()
        return self._awaited[app.instance]

    def started(self, app: AppProcess) -> None:
        """It serves the test's calls. Safe to call twice."""
        if not app.is_ready:
            app.ready()
            self._owners.app_ready(app)

    def go_on_unfinished(self, app: AppProcess) -> None:
        """Continue an app that is stopped, or about to be, though something is under way: it was stopped between taking data and
        telling of it, or the system before died before it wrote down that it was done."""
        stopped = app.suspended or app.stopping or app.suspension.under_way
        if stopped and app.busy and not app.paused:
            self.resume(app, "unfinished")

    def move(self, app: AppProcess, *, to_foreground: bool) -> None:
        """The user has switched to it, or away."""
        app.foreground = to_foreground
        self._owners.app_moved(app)

    def suspend_if_idle(self, app: AppProcess) -> None:
        """An app in the background, or any app in standby, is suspended as soon as it has nothing to do: at once, or when it
        was asked and is done. A task host ends."""
        if app.is_task_host:
            if not app.busy:
                app.end()
        elif not app.busy and (not app.foreground or self._power.in_standby):
            if app.suspended or app.stopping or not app.suspension.wanted:
                self._stop(app)
            elif not app.suspension.under_way:
                self._ask(app)

    def _ask(self, app: AppProcess) -> None:
        self._timeline.add("APP_SUSPENDING", app=app.name, instance=app.instance)
        app.suspension.begin(self._suspend_deadline_s, lambda: self._overdue(app))

    async def leave(self, app: AppProcess) -> None:
        """It is about to be ended, and may do before what it does before it is stopped; others have nothing to do."""
        if app.suspension.wanted and app.is_ready and not (app.suspended or app.stopping):
            if not app.suspension.under_way:
                self._ask(app)
            await app.suspension.wait_over()

    def ready_to_stop(self, app: AppProcess, number: int) -> None:
        """It was asked, and has done what it had to. What it says too late counts for nothing."""
        if app.suspension.under_way and app.suspension.number == number:
            self._stop(app)

    def _overdue(self, app: AppProcess) -> None:
        """Stopped all the same: whoever is asked cannot keep the host awake."""
        self._timeline.add("SUSPEND_OVERDUE", app=app.name, instance=app.instance, within_s=self._suspend_deadline_s)
        self._stop(app)

    def _stop(self, app: AppProcess) -> None:
        was_late = app.stopping
        if app.suspend():
            self._owners.app_stopped(app)
        elif not was_late:
            self._look_again(app)

    def _look_again(self, app: AppProcess) -> None:
        asyncio.get_running_loop().call_later(LATE_S, self._look, app)

    def _look(self, app: AppProcess) -> None:
        """At one that was late; it may go on, or have ended, or have been seen stopped meanwhile."""
        if app.stopping:
            self._stop(app)
        if app.stopping:
            self._look_again(app)

    def resume(self, app: AppProcess, cause: str) -> None:
        """One that is about to end stays asked, whatever comes for it: it runs, and would end before it is done."""
        if app.leaving and app.suspension.under_way:
            return
        self._owners.app_goes_on(app)
        app.resume(cause)
        if app.foreground and not self._power.in_standby:
            app.suspension.back()
