"""Progress and completion of tasks, to the app that registered them, when it has a handler (BGT-033)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from rig.standby.system.app_process import AppProcess
from rig.standby.system.processes import Processes
from rig.standby.system.rows import Rows, SavedTable
from rig.standby.system.store import Name, saved_of
from rig.standby.system.tasks.instance import Instance
from rig.standby.wire.to_app import TaskCompleted, TaskProgressed

COMPLETIONS = "completions"
"""Kind of what is saved of them."""
KEPT = 256
"""Completions that wait for an app to go on; the oldest are lost then."""


class SavedCompletions(msgspec.Struct, frozen=True):
    instance: int
    """Of the app's process."""
    completions: tuple[TaskCompleted, ...]


class Delivery:
    def __init__(self, processes: Processes, rows: Rows) -> None:
        self._processes = processes
        self._kept: SavedTable[SavedCompletions] = SavedTable(rows, COMPLETIONS)
        """By the app's process; gone with it."""

    def progress(self, instance: Instance, value: int) -> None:
        """To processes in the foreground alone: others never hear of it."""
        for app in self._apps(instance):
            if app.foreground and not app.suspended:
                app.tell(TaskProgressed(instance.registration.task_id, instance.number, value))

    def completed(self, instance: Instance, fault: str | None) -> None:
        """To each process of the app; one that is suspended hears of it when it goes on."""
        notice = TaskCompleted(instance.registration.task_id, instance.number, fault)
        for app in self._apps(instance):
            if app.suspended:
                self._keep(app, notice)
            else:
                app.tell(notice)

    def goes_on(self, app: AppProcess) -> None:
        kept = self._kept.pop(str(app.instance), None)
        for notice in kept.completions if kept is not None else ():
            app.tell(notice)

    def gone(self, app: AppProcess) -> None:
        self._kept.pop(str(app.instance), None)

    def restore(self, things: Mapping[Name, bytes]) -> None:
        for saved in saved_of(things, COMPLETIONS, SavedCompletions):
            self._kept[str(saved.instance)] = saved

    def _keep(self, app: AppProcess, notice: TaskCompleted) -> None:
        kept = self._kept.get(str(app.instance))
        before = kept.completions if kept is not None else ()
        self._kept[str(app.instance)] = SavedCompletions(app.instance, (*before, notice)[-KEPT:])

    def _apps(self, instance: Instance) -> Iterator[AppProcess]:
        name = instance.registration.package
        return (app for app in self._processes if app.name == name and app.follows_tasks and not app.is_task_host)
