"""The app under test of background tasks: registers whatever its test wants, and its tasks do what their names say.

A task is a class for a process of its own, and the same class runs what the app's own process is activated for. The name of a
registration is the class, and what follows a blank: "Waits a" and "Waits b" are two.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import time
from typing import Any, final

from rig.standby.api import (
    App,
    ApplicationData,
    ApplicationTrigger,
    BackgroundAccessRequestKind,
    BackgroundExecutionManager,
    BackgroundTaskBuilder,
    BackgroundTaskCancellationReason,
    BackgroundTaskCompletedEventArgs,
    BackgroundTaskInstance,
    BackgroundTaskRegistration,
    BackgroundTaskRegistrationGroup,
    BackgroundTaskThrottleCounter,
    BackgroundWorkCost,
    DeviceServicingTrigger,
    DeviceUseTrigger,
    HostError,
    MaintenanceTrigger,
    MediaProcessingTrigger,
    PushNotificationTrigger,
    SocketActivityTrigger,
    SystemCondition,
    SystemConditionType,
    SystemTrigger,
    SystemTriggerType,
    TimeTrigger,
)

LONG_S = 60.0
"""Of a task that nobody is to wait for."""
SHORT_S = 0.05
"""Of work that goes on when Run has returned."""
CONNECT_S = 10.0
MIB = 1 << 20
HOARD_MIB = 512


@final
class Quick:
    def run(self, instance: BackgroundTaskInstance) -> None:
        instance.progress = 50


class Waits:
    """Ends when it is cancelled, and at once."""

    def run(self, instance: BackgroundTaskInstance) -> None:
        over = threading.Event()
        instance.add_canceled(lambda sender, reason: over.set())
        over.wait(LONG_S)


class Stubborn:
    """Does not listen."""

    def run(self, instance: BackgroundTaskInstance) -> None:
        time.sleep(LONG_S)


class Raises:
    def run(self, instance: BackgroundTaskInstance) -> None:
        raise ValueError("no mail today")


class Crashes:
    def run(self, instance: BackgroundTaskInstance) -> None:
        os.kill(os.getpid(), signal.SIGSEGV)
        time.sleep(LONG_S)


class Defers:
    """Its work ends a little after Run."""

    def run(self, instance: BackgroundTaskInstance) -> None:
        deferral = instance.get_deferral()
        threading.Timer(SHORT_S, deferral.complete).start()


class Forgets:
    """Its deferral, for ever."""

    def run(self, instance: BackgroundTaskInstance) -> None:
        instance.get_deferral()


class Idles:
    """As `Forgets`, and does nothing at all, but ends when it is cancelled."""

    def run(self, instance: BackgroundTaskInstance) -> None:
        deferral = instance.get_deferral()
        instance.add_canceled(lambda sender, reason: deferral.complete())


class Spins:
    """Until it is cancelled."""

    def run(self, instance: BackgroundTaskInstance) -> None:
        over = threading.Event()
        instance.add_canceled(lambda sender, reason: over.set())
        while not over.is_set():
            pass


class Tells:
    """What it was started with, as a fault: a process of its own has no other way to its test."""

    def run(self, instance: BackgroundTaskInstance) -> None:
        raise LookupError(repr(getattr(instance.trigger_details, "arguments", None)))


class Reports:
    """As `Waits`, and tells each reason that it has heard."""

    def run(self, instance: BackgroundTaskInstance) -> None:
        over, heard = threading.Event(), []

        def canceled(sender: BackgroundTaskInstance, reason: BackgroundTaskCancellationReason) -> None:
            heard.append(reason.name)
            over.set()

        instance.add_canceled(canceled)
        over.wait(LONG_S)
        time.sleep(SHORT_S)  # a second one would come now
        raise InterruptedError(heard)


class Leaves:
    """Work that goes on after Run, and no deferral."""

    def run(self, instance: BackgroundTaskInstance) -> None:
        threading.Timer(LONG_S, lambda: None).start()


class Computes:
    """Until it has been held up once; then it tells how often."""

    def run(self, instance: BackgroundTaskInstance) -> None:
        until_s = time.monotonic() + LONG_S
        while time.monotonic() < until_s and instance.suspended_count == 0:
            sum(range(100_000))
        _tell_counts(instance)


class Sends:
    """ "Sends ADDRESS PORT": half a megabyte, and tells how often it was held up."""

    def run(self, instance: BackgroundTaskInstance) -> None:
        _, address, port = instance.task_name.split()
        with socket.create_connection((address, int(port))) as sock:
            for _ in range(50):
                sock.sendall(bytes(10_000))
                time.sleep(SHORT_S / 5)
        _tell_counts(instance)


def _tell_counts(instance: BackgroundTaskInstance) -> None:
    """As a fault: a process of its own has no other way to its test."""
    raise InterruptedError(f"{instance.suspended_count} {instance.get_throttle_count(BackgroundTaskThrottleCounter.ALL)}")


class Asks:
    """For another run, as a task may not (APT-006)."""

    def run(self, instance: BackgroundTaskInstance) -> None:
        ApplicationTrigger().request_async()


class Connects:
    """To the test's server, when it begins and before it ends; in between it does nothing for longer than a host that has nothing
    to do stays awake."""

    def run(self, instance: BackgroundTaskInstance) -> None:
        server = json.loads((ApplicationData.local_folder() / "server").read_text())
        for pause_s in (SHORT_S, 0.0):
            with socket.create_connection(tuple(server), CONNECT_S):
                time.sleep(pause_s)


class Measures:
    """What it has allocated, before and with 16 MiB more, and what it may, as a fault."""

    def run(self, instance: BackgroundTaskInstance) -> None:
        before = instance.usage
        kept = bytearray(16 * MIB)
        after = instance.usage
        raise LookupError([before.memory_bytes, after.memory_bytes, after.memory_limit_bytes, len(kept)])


class Copes:
    """Takes memory until there is no more, gives it back, and goes on: its progress is 1 then, and 2 when it has some again."""

    def run(self, instance: BackgroundTaskInstance) -> None:
        kept: list[bytearray] = []
        try:
            hoard(kept)
        except MemoryError:
            kept.clear()
            instance.progress = 1
            kept.append(bytearray(4 * MIB))
            instance.progress = 2


class Hoards:
    """Memory, until there is no more."""

    def run(self, instance: BackgroundTaskInstance) -> None:
        hoard([])


def hoard(kept: list[bytearray]) -> None:
    """More than any limit, but not all of a machine's that has none."""
    for _ in range(HOARD_MIB):
        kept.append(bytearray(MIB))


CLASSES = (
    *(Quick, Waits, Stubborn, Raises, Crashes, Defers, Forgets, Idles, Tells, Reports, Leaves, Computes, Sends, Asks),
    *(Connects, Spins, Measures, Copes, Hoards),
)
TASKS: dict[str, Any] = {task.__name__: task for task in CLASSES}


class TaskApp:
    """Public methods are for tests."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.stored = ApplicationTrigger()
        self.device_use = DeviceUseTrigger()
        self.servicing = DeviceServicingTrigger()

    def on_background_activated(self, instance: BackgroundTaskInstance) -> None:
        self.app.timeline.add("activated", app=self.app.name, pid=os.getpid())
        TASKS[instance.task_name.split()[0]]().run(instance)

    # -- access --------------------------------------------------------------------------------------------------------

    def request_access(self, kind: int = 0) -> int:
        return int(BackgroundExecutionManager.request_access(BackgroundAccessRequestKind(kind)))

    def remove_access(self) -> None:
        BackgroundExecutionManager.remove_access()

    # -- registration --------------------------------------------------------------------------------------------------

    def register(
        self,
        task: str,
        trigger: str | None = "system",
        value: int = int(SystemTriggerType.SMS_RECEIVED),
        one_shot: bool = False,
        own_process: bool = True,
        entry_point: str | None = None,
        conditions: list[int] | None = None,
        cancel_on_condition_loss: bool = False,
        group: str | None = None,
        follow: bool = False,
        network: bool = False,
    ) -> str:
        """The TaskId. `value`: the event of a system trigger, the minutes of a timer. `follow`: its progress and completion."""
        entry = entry_point or (f"rig.suite.task_app.{task.split()[0]}" if own_process else None)
        builder = BackgroundTaskBuilder(task, entry, self._trigger(trigger, value, one_shot) if trigger else None)
        for condition in conditions or ():
            builder.add_condition(SystemCondition(SystemConditionType(condition)))
        builder.cancel_on_condition_loss = cancel_on_condition_loss
        builder.is_network_requested = network
        builder.task_group = BackgroundTaskRegistrationGroup(group) if group else None
        registration = builder.register()
        if follow:
            self._follow(registration)
        return registration.task_id

    def work_cost(self) -> str:
        return BackgroundWorkCost.current_background_work_cost().name

    def set_server(self, address: str, port: int) -> None:
        """For `Connects`, wherever it runs."""
        (ApplicationData.local_folder() / "server").write_text(json.dumps([address, port]))

    def follow(self, task_id: str) -> None:
        self._follow(BackgroundTaskRegistration.all_tasks()[task_id])

    def _follow(self, registration: BackgroundTaskRegistration) -> None:
        registration.add_progress(lambda sender, args: self._tell("task-progress", value=args.progress))
        registration.add_completed(lambda sender, args: self._tell("task-completed", fault=_fault(args)))

    def unregister(self, task_id: str, cancel: bool) -> None:
        BackgroundTaskRegistration.all_tasks()[task_id].unregister(cancel)

    def all_tasks(self) -> dict[str, str]:
        """Names by TaskId, of those in no group."""
        return {task_id: registration.name for task_id, registration in BackgroundTaskRegistration.all_tasks().items()}

    def tasks_of_group(self, group: str) -> dict[str, str]:
        known = BackgroundTaskRegistration.get_task_group(group)
        return {} if known is None else {task_id: registration.name for task_id, registration in known.all_tasks.items()}

    def check_at_launch(self, wanted: list[str]) -> int:
        """What an app does each time it is launched: drop what is stale, add what is missing; how many changes that took."""
        changes = 0
        live = BackgroundTaskRegistration.all_tasks()
        for registration in live.values():
            if registration.name not in wanted:
                registration.unregister(False)
                changes += 1
        for name in set(wanted) - {registration.name for registration in live.values()}:
            self.register(name)
            changes += 1
        return changes

    # -- triggers that it fires itself ---------------------------------------------------------------------------------

    def request(self, arguments: dict[str, str] | None = None, fresh: bool = False) -> int:
        """An ApplicationTriggerResult."""
        trigger = ApplicationTrigger() if fresh else self.stored
        return int(trigger.request_async(arguments))

    def request_device(self, servicing: bool = False) -> int:
        """A DeviceTriggerResult."""
        return int((self.servicing if servicing else self.device_use).request_async("watch"))

    def _trigger(self, kind: str, value: int, one_shot: bool) -> Any:
        match kind:
            case "system":
                return SystemTrigger(SystemTriggerType(value), one_shot)
            case "time":
                return TimeTrigger(value, one_shot)
            case "maintenance":
                return MaintenanceTrigger(value, one_shot)
            case "application":
                return self.stored
            case "media":
                return MediaProcessingTrigger()
            case "device_use":
                return self.device_use
            case "device_servicing":
                return self.servicing
            case "push":
                return PushNotificationTrigger()
            case "socket":
                return SocketActivityTrigger()
        raise ValueError(kind)

    def _tell(self, event: str, **detail: Any) -> None:
        self.app.timeline.add(event, app=self.app.name, **detail)


def _fault(args: BackgroundTaskCompletedEventArgs) -> str | None:
    try:
        args.check_result()
    except HostError as error:
        return error.text
    return None
