"""Background tasks: runs of one registration one after another, in the order in which the system ordered them, those of others
beside them; and their cancellation, which a run hears of whatever it is busy with."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from rig.standby.api.cancellation import Canceled
from rig.standby.api.task_instance import BackgroundTaskInstance
from rig.standby.app.crew import Crew
from rig.standby.app.entries import Entries
from rig.standby.app.faults import AppFaults
from rig.standby.app.limits import Limits, leave_network
from rig.standby.wire.from_app import WORDS_LENGTH, CancelHandled, OutOfMemory, TaskDone, TaskReturned
from rig.standby.wire.message import Notice
from rig.standby.wire.task_enums import BackgroundTaskCancellationReason
from rig.standby.wire.to_app import CancelRun, RunTask


class TaskRuns:
    """`add` and `cancel` are for who hears the system. Each instance runs once; whatever its Run raises, the system hears that it
    is over."""

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
        if order.instance in self._ordered:
            return
        self._ordered.add(order.instance)
        instance = BackgroundTaskInstance(order)
        self._instances[order.instance] = instance
        early = self._early.pop(order.instance, None)
        if early is not None:
            self._cancelled(instance, early)
        self._crew.add(("run", order.task_id), lambda: self._run(order, instance))

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
            self._run_here(order, instance)
            return
        thread = threading.Thread(target=self._run_without_network, args=(order, instance), daemon=True)
        thread.start()
        thread.join()

    def _run_without_network(self, order: RunTask, instance: BackgroundTaskInstance) -> None:
        """On a thread that ends with the run: what has no network never gets one again."""
        leave_network()
        self._run_here(order, instance)

    def _run_here(self, order: RunTask, instance: BackgroundTaskInstance) -> None:
        ran: dict[str, Any] = {"task": order.name, "kind": order.kind, "channel": order.channel, "instance": order.instance}
        fault: str | None = "the thread was ended"
        ran["app_instance"] = self._faults.instance
        self._faults.add("RUN_ENTER", **ran)
        self._begun.add(order.instance)
        try:
            self._call(order, instance)
            fault = None
        except MemoryError as error:
            if self._limits.lift_memory():
                self._faults.met("run", error, run=order.instance)
                self._notify(OutOfMemory(order.instance))
                return
            fault = self._faults.met("run", error, run=order.instance)[:WORDS_LENGTH]
        except BaseException as error:  # SystemExit too: the thread is not the app's
            fault = self._faults.met("run", error, run=order.instance)[:WORDS_LENGTH]
        self._instances.pop(order.instance, None)
        self._begun.discard(order.instance)
        self._faults.add("RUN_EXIT", fault=fault, **ran)
        self._notify(TaskDone(order.instance, fault))

    def _call(self, order: RunTask, instance: BackgroundTaskInstance) -> None:
        """To the end of the last deferral."""
        self._here.in_task = True
        try:
            self._entries.find(order.entry_point)(instance)
        finally:
            self._here.in_task = False
        if instance.deferred:
            self._notify(TaskReturned(order.instance))
            instance.wait_for_deferrals()
