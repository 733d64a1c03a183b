"""Background tasks: runs of one registration one after another, in the order in which the system ordered them, those of others
beside them; and their cancellation, which a run hears of whatever it is busy with."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Any

from rig.standby.api.cancellation import Canceled
from rig.standby.api.session import EntryPoint
from rig.standby.api.task_instance import BackgroundTaskInstance
from rig.standby.app.crew import Crew, Work
from rig.standby.app.entries import Entries
from rig.standby.app.faults import AppFaults
from rig.standby.app.handlers import forget_handlers, handlers
from rig.standby.app.limits import Limits, leave_network
from rig.standby.wire.app_tasks import CancelHandled, OutOfMemory, TaskDone, TaskReturned
from rig.standby.wire.app_types import WORDS_LENGTH
from rig.standby.wire.message import Notice
from rig.standby.wire.task_enums import BackgroundTaskCancellationReason
from rig.standby.wire.to_app import CancelRun, RunTask
from rig.standby.wire.triggers import RawNotificationDetails

OUT_OF_MEMORY = "out of memory"
"""Of a run that has met its limit and did not handle that (BGT-029); compared by identity, as an app may raise these words."""


class TaskRuns:
    """`add` and `cancel` are for who hears the system, `begin` for who begins by a standing order while nobody hears it. Each
    instance runs once; whatever its Run raises, the system hears that it is over."""

    def __init__(self, faults: AppFaults, notify: Callable[[Notice], None], entries: Entries, crew: Crew, limits: Limits) -> None:
        self._faults = faults
        self._notify = notify
        self._entries = entries
        self._crew = crew
        self._limits = limits
        self._ordered: set[int] = set()
        self._instances: dict[int, BackgroundTaskInstance] = {}
        """Ordered and not yet done."""
        self._begun: set[int] = set()
        """Of these, the ones whose Run was called."""
        self._early: dict[int, BackgroundTaskCancellationReason] = {}
        """Cancellations that came before their run."""
        self._here = threading.local()

    @property
    def in_task(self) -> bool:
        """Whether a Run, or a handler of its cancellation, is what calls."""
        return getattr(self._here, "in_task", False)

    def add(self, order: RunTask) -> None:
        """A system that is a new one may order again what the one before it has ordered: not twice."""
        self._take(order, self._crew.add)

    def begin(self, order: RunTask) -> None:
        """As `add`, by a standing order, and as the last of a piece of the crew's work."""
        self._take(order, self._crew.add_next)

    def _take(self, order: RunTask, add: Callable[[Hashable, Work], None]) -> None:
        if order.instance in self._ordered:
            return
        self._ordered.add(order.instance)
        instance = BackgroundTaskInstance(order)
        self._instances[order.instance] = instance
        self._has_data(order)
        early = self._early.pop(order.instance, None)
        if early is not None:
            self._cancelled(instance, early)
        add(("run", order.task_id), lambda: self._run(order, instance))

    def _has_data(self, order: RunTask) -> None:
        """What it runs for is here before it runs (RAW-004)."""
        if isinstance(order.details, RawNotificationDetails):
            read: dict[str, Any] = {"socket": None, "channel": order.details.channel_id, "status": "COMPLETED"}
            read["run"] = order.instance
            self._faults.add("READ_COMPLETE_ENTER", bytes=len(order.details.content), **read)
            self._faults.add("READ_COMPLETE_EXIT", **read)

    def cancel(self, order: CancelRun) -> None:
        instance = self._instances.get(order.instance)
        if instance is not None:
            self._cancelled(instance, order.reason)
        elif order.instance not in self._ordered:
            self._early[order.instance] = order.reason

    def _cancelled(self, instance: BackgroundTaskInstance, reason: BackgroundTaskCancellationReason) -> None:
        """A Run that has not begun hears of it when it adds its handler."""
        handlers = instance.cancellation.cancel(reason)
        if instance.number in self._begun:
            self._crew.add(("cancel", instance.number), lambda: self._call_canceled(instance, reason, handlers))

    def _call_canceled(
        self, instance: BackgroundTaskInstance, reason: BackgroundTaskCancellationReason, handlers: list[Canceled]
    ) -> None:
        self._here.in_task = True
        for handler in handlers:
            try:
                handler(instance, reason)
            except BaseException as error:
                self._faults.met("cancellation handler", error, run=instance.number)
        self._here.in_task = False
        self._notify(CancelHandled(instance.number))

    # -- a run ---------------------------------------------------------------------------------------------------------

    def _run(self, order: RunTask, instance: BackgroundTaskInstance) -> None:
        if order.network or self._limits.without_network:
            self._run_here(order, instance, lambda: None)
            return
        thread = threading.Thread(target=self._run_here, args=(order, instance, leave_network), daemon=True)
        try:
            thread.start()
        except (RuntimeError, MemoryError) as error:  # the machine has no thread left; the run is not to have a network
            self._over(order, self._fault_of(order, error, "start of a thread"))
        else:
            thread.join()  # it ends with the run: a thread that has left the network never gets one again

    def _run_here(self, order: RunTask, instance: BackgroundTaskInstance, prepare: Callable[[], None]) -> None:
        try:
            prepare()
            run = self._entries.find(order.entry_point)
        except BaseException as error:  # what the import of a module or the making of an object raises, SystemExit too
            self._over(order, self._fault_of(order, error, "entry point"))
            return
        ran: dict[str, Any] = {"task": order.name, "kind": order.kind, "channel": order.channel, "instance": order.instance}
        ran["app_instance"] = self._faults.instance
        self._faults.add("RUN_ENTER", **ran)
        self._begun.add(order.instance)
        fault = self._fault_in(run, order, instance)
        if fault is not OUT_OF_MEMORY:
            self._faults.add("RUN_EXIT", fault=fault, **ran)
        self._over(order, fault)

    def _fault_in(self, run: EntryPoint, order: RunTask, instance: BackgroundTaskInstance) -> str | None:
        """To the end of the last deferral."""
        self._here.in_task, before = True, handlers()
        try:
            run(instance)
            self._here.in_task = False
            if instance.deferred:
                self._notify(TaskReturned(order.instance))
                instance.wait_for_deferrals()
            forget_handlers(before)
        except BaseException as error:  # SystemExit too: the thread is not the app's
            forget_handlers(before)
            return self._fault_of(order, error, "run")
        finally:
            self._here.in_task = False
        return None

    def _fault_of(self, order: RunTask, error: BaseException, where: str) -> str:
        """In words; OUT_OF_MEMORY for the limit of this process."""
        out_of_memory = isinstance(error, MemoryError) and self._limits.lift_memory()
        words = self._faults.met(where, error, run=order.instance)[:WORDS_LENGTH]
        return OUT_OF_MEMORY if out_of_memory else words

    def _over(self, order: RunTask, fault: str | None) -> None:
        """The system has the last word: of a task host that is out of memory it is its end."""
        self._instances.pop(order.instance, None)
        self._begun.discard(order.instance)
        self._notify(OutOfMemory(order.instance) if fault is OUT_OF_MEMORY else TaskDone(order.instance, fault))
