"""The app's handlers of its tasks' progress and completion."""

from __future__ import annotations

import threading

from rig.standby.api.registration import BackgroundTaskRegistration
from rig.standby.app.crew import Crew
from rig.standby.app.faults import AppFaults
from rig.standby.wire.to_app import TaskCompleted, TaskProgressed


class Followers:
    """Of one registration one after another, in the order of what the system has told. A handler that is slower than its task
    hears how far that is now, not how far it has been meanwhile."""

    def __init__(self, faults: AppFaults, crew: Crew) -> None:
        self._faults = faults
        self._crew = crew
        self._latest: dict[tuple[str, int], TaskProgressed] = {}
        """By registration and instance; each waits in its lane once."""
        self._completed: set[int] = set()
        self._lock = threading.Lock()

    def progressed(self, notice: TaskProgressed) -> None:
        run = notice.task_id, notice.instance
        with self._lock:
            waits = run in self._latest
            self._latest[run] = notice
        if not waits:
            self._crew.add(("followers", notice.task_id), lambda: self._tell_latest(run))

    def completed(self, notice: TaskCompleted) -> None:
        """Once: a system that is a new one tells again what the one before may have told."""
        if notice.instance in self._completed:
            return
        self._completed.add(notice.instance)
        self._crew.add(("followers", notice.task_id), lambda: self._tell(notice))

    def _tell_latest(self, run: tuple[str, int]) -> None:
        with self._lock:
            notice = self._latest.pop(run)
        self._tell(notice)

    def _tell(self, notice: TaskProgressed | TaskCompleted) -> None:
        for call in BackgroundTaskRegistration.calls_for(notice):
            try:
                call()
            except BaseException as error:
                self._faults.met(f"handler of {type(notice).__name__}", error, run=notice.instance)
