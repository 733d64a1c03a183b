"""What a run calls: a function of the app's, its activation handler, or a class that is imported for it."""

from __future__ import annotations

import threading

from rig.standby.api.session import EntryPoint
from rig.standby.api.task_class import task_class

ACTIVATION = "on_background_activated"
"""The method of an app's class that runs its in-process tasks (BGT-006)."""


class Entries:
    """Of one process. Any thread may ask; an app's runs may come while its class is still being made."""

    def __init__(self, entry_points: dict[str, EntryPoint]) -> None:
        self._entry_points = entry_points
        self._made = threading.Event()
        self._under_test: object = None
        self.hosts_a_run = False

    def made(self, under_test: object) -> None:
        """The app's class is."""
        self._under_test = under_test
        self._made.set()

    def host_a_run(self) -> None:
        """This process has no app's object: it imports what it runs."""
        self.hosts_a_run = True
        self._made.set()

    def find(self, entry_point: str | None) -> EntryPoint:
        """Raises LookupError, or what the import or the making of a class raises."""
        if entry_point is None:
            return self._activation()
        if entry_point not in self._entry_points:
            self._made.wait()
        found = self._entry_points.get(entry_point)
        if found is None and not self.hosts_a_run and "." not in entry_point:
            raise LookupError(f"the app has no entry point {entry_point!r} any more")
        if found is None:
            found = task_class(entry_point)().run
        return found

    def _activation(self) -> EntryPoint:
        self._made.wait()
        handler = getattr(self._under_test, ACTIVATION, None)
        if handler is None:
            raise LookupError(f"{type(self._under_test).__name__} has no method {ACTIVATION}, which runs in-process tasks")
        found: EntryPoint = handler
        return found
