"""The instances that there are, by number."""

from __future__ import annotations

from collections.abc import Iterator

from rig.standby.system.app_process import AppProcess
from rig.standby.system.registration import Registration
from rig.standby.system.rows import Rows
from rig.standby.system.tasks.instance import Instance


class Instances:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._all: dict[int, Instance] = {}

    def __iter__(self) -> Iterator[Instance]:
        return iter(list(self._all.values()))

    def add(self, instance: Instance) -> None:
        self._all[instance.number] = instance
        instance.is_saved_in(self._rows)

    def remove(self, instance: Instance) -> None:
        if self._all.pop(instance.number, None) is not None:
            instance.is_forgotten()

    def of_host(self, app: AppProcess) -> list[Instance]:
        """In the order in which they were ordered, or the app said that it had begun them: that in which it runs them."""
        return [instance for instance in self._all.values() if instance.host is app]

    def of(self, registration: Registration) -> list[Instance]:
        return [instance for instance in self._all.values() if instance.registration.task_id == registration.task_id]

    def of_package(self, name: str) -> list[Instance]:
        return [instance for instance in self._all.values() if instance.registration.package == name]

    def ordered(self, app: AppProcess, number: int) -> Instance | None:
        """One that this process runs; what it says of others' changes nothing."""
        instance = self._all.get(number)
        return instance if instance is not None and instance.host is app and instance.under_way else None
