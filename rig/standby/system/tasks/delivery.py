"""Progress and completion of tasks, to the app that registered them, when it has a handler (BGT-033)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from rig.standby.system.app_process import AppProcess
from rig.standby.system.processes import Processes
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
    def __init__(self, processes: Processes) -> None:
        self._processes = processes
        self._kept: dict[int, list[TaskCompleted]] = {}
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
                kept = self._kept.setdefault(app.instance, [])
                kept.append(notice)
                del kept[:-KEPT]
            else:
                app.tell(notice)

    def goes_on(self, app: AppProcess) -> None:
        for notice in self._kept.pop(app.instance, ()):
            app.tell(notice)

    def gone(self, app: AppProcess) -> None:
        self._kept.pop(app.instance, None)

    def saved(self) -> Iterable[tuple[Name, msgspec.Struct]]:
        for instance, kept in self._kept.items():
            yield (COMPLETIONS, str(instance)), SavedCompletions(instance, tuple(kept))

    def restore(self, things: Mapping[Name, bytes]) -> None:
        for saved in saved_of(things, COMPLETIONS, SavedCompletions):
            self._kept[saved.instance] = list(saved.completions)

    def _apps(self, instance: Instance) -> Iterator[AppProcess]:
        name = instance.registration.package
        return (app for app in self._processes if app.name == name and app.follows_tasks and not app.is_task_host)
