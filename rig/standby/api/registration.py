"""Registrations of background tasks: those that live, their groups, and the handlers that follow their runs."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Generic, TypeAlias, TypeVar

from rig.standby.api import session
from rig.standby.api.triggers import BackgroundTrigger, trigger_of
from rig.standby.wire.app_tasks import FollowTasks, ListTaskGroups, ListTasks, TaskInfo, UnregisterTask
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.to_app import RunTask, TaskCompleted, TaskProgressed

_INSTANCES = uuid.UUID("6d1f3b0e-5e1c-4e0c-9a44-6b1f0a6d2c11")
"""The name space of the GUIDs of runs."""


def instance_id_of(number: int) -> uuid.UUID:
    """Of a run: the same in every process, and after a restart of the system."""
    return uuid.uuid5(_INSTANCES, str(number))


@dataclass(frozen=True)
class BackgroundTaskProgressEventArgs:
    """`progress`: what the task set it to, in the app's own unit."""

    instance_id: uuid.UUID
    progress: int


@dataclass(frozen=True)
class BackgroundTaskCompletedEventArgs:
    """One run of the task is over."""

    instance_id: uuid.UUID
    fault: str | None
    """What Run raised, in words."""

    def check_result(self) -> None:
        """Raises HostError FAIL with what Run raised, if it did (BGT-033)."""
        if self.fault is not None:
            raise HostError(HResult.FAIL, self.fault)


Progressed: TypeAlias = "Callable[[BackgroundTaskRegistration, BackgroundTaskProgressEventArgs], None]"
Completed: TypeAlias = "Callable[[BackgroundTaskRegistration, BackgroundTaskCompletedEventArgs], None]"


Args = TypeVar("Args")


class _Handlers(Generic[Args]):
    """By task id, of one process: two objects of one registration are the same registration. Any thread may call."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._added: dict[str, list[tuple[BackgroundTaskRegistration, Callable[[BackgroundTaskRegistration, Args], None]]]] = {}

    def add(self, registration: BackgroundTaskRegistration, handler: Callable[[BackgroundTaskRegistration, Args], None]) -> None:
        with self._lock:
            self._added.setdefault(registration.task_id, []).append((registration, handler))

    def remove(self, task_id: str, handler: Callable[[BackgroundTaskRegistration, Args], None]) -> None:
        with self._lock:
            self._added[task_id] = [known for known in self._added.get(task_id, []) if known[1] != handler]

    def calls(self, task_id: str, args: Args) -> list[Callable[[], None]]:
        with self._lock:
            return [partial(handler, registration, args) for registration, handler in self._added.get(task_id, ())]


@dataclass(frozen=True)
class BackgroundTaskRegistration:
    """A live registration. It lasts until it is unregistered; a control channel's as long as the channel, a one-shot trigger's
    until it fires."""

    task_id: str
    """A GUID, fresh for each registration (BGT-022)."""
    name: str
    trigger: BackgroundTrigger
    group: str | None = None
    """The id of its group."""

    _progressed: ClassVar[_Handlers[BackgroundTaskProgressEventArgs]] = _Handlers()
    _completed: ClassVar[_Handlers[BackgroundTaskCompletedEventArgs]] = _Handlers()

    @classmethod
    def all_tasks(cls) -> dict[str, BackgroundTaskRegistration]:
        """The app's live registrations that are in no group, by task id. An app looks here when it is launched, and adds what is
        missing: the same task registered twice runs twice (BGT-008, BGT-009)."""
        return {info.task_id: cls.of(info) for info in session.current().call(ListTasks())}

    @classmethod
    def all_task_groups(cls) -> dict[str, BackgroundTaskRegistrationGroup]:
        """Groups that have a live registration, by id."""
        groups = session.current().call(ListTaskGroups())
        return {group: BackgroundTaskRegistrationGroup(group) for group in groups}

    @classmethod
    def get_task_group(cls, group_id: str) -> BackgroundTaskRegistrationGroup | None:
        """None when no live registration is in it."""
        return cls.all_task_groups().get(group_id)

    @classmethod
    def of(cls, info: TaskInfo) -> BackgroundTaskRegistration:
        """As the system lists it."""
        return cls(info.task_id, info.name, trigger_of(info.trigger), info.group)

    @classmethod
    def of_run(cls, order: RunTask) -> BackgroundTaskRegistration:
        """The one that fired."""
        return cls(order.task_id, order.name, trigger_of(order.trigger))

    @classmethod
    def calls_for(cls, notice: TaskProgressed | TaskCompleted) -> list[Callable[[], None]]:
        """The app's handlers that want to hear of it, as calls. The runtime's."""
        instance = instance_id_of(notice.instance)
        if isinstance(notice, TaskProgressed):
            return cls._progressed.calls(notice.task_id, BackgroundTaskProgressEventArgs(instance, notice.value))
        return cls._completed.calls(notice.task_id, BackgroundTaskCompletedEventArgs(instance, notice.fault))

    def unregister(self, cancel_task: bool) -> None:
        """No new runs. `cancel_task`: those under way are cancelled with ABORT; else they finish (BGT-010)."""
        session.current().call(UnregisterTask(self.task_id, cancel_task))

    def add_progress(self, handler: Progressed) -> None:
        """`handler(registration, args)` for what a run tells of its progress; only a process in the foreground hears of it
        (BGT-033). Handlers of one registration are called one after another, on a thread that is none of the app's; one that is
        slower than the task is called with the latest value."""
        self._progressed.add(self, handler)
        session.current().notify(FollowTasks())

    def add_completed(self, handler: Completed) -> None:
        """`handler(registration, args)` for the end of a run: in the foreground, or when the app is resumed (BGT-033)."""
        self._completed.add(self, handler)
        session.current().notify(FollowTasks())

    def remove_progress(self, handler: Progressed) -> None:
        """It is not called any more. One that was not added: nothing."""
        self._progressed.remove(self.task_id, handler)

    def remove_completed(self, handler: Completed) -> None:
        """As `remove_progress`."""
        self._completed.remove(self.task_id, handler)


@dataclass(frozen=True)
class BackgroundTaskRegistrationGroup:
    """Registrations that are listed apart from the others (BGT-009)."""

    id: str
    name: str = ""
    """For people; the system does not keep it."""

    @property
    def all_tasks(self) -> dict[str, BackgroundTaskRegistration]:
        """The group's live registrations, by task id."""
        return {info.task_id: BackgroundTaskRegistration.of(info) for info in session.current().call(ListTasks(self.id))}
