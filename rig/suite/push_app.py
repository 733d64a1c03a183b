"""The app under test of raw push notifications: channels, handlers in the foreground, and tasks that keep what has come.

A task is a class for a process of its own, and the same class runs in the app's; its name may go on behind a blank.
"""

from __future__ import annotations

import socket
import threading
import time
from typing import Any, Literal, final

from rig.clock import Deadline
from rig.standby.api import (
    App,
    ApplicationData,
    BackgroundExecutionManager,
    BackgroundTaskBuilder,
    BackgroundTaskInstance,
    BackgroundTaskRegistration,
    CoreApplication,
    HostError,
    PushNotificationTrigger,
    RawNotification,
    SystemCondition,
    SystemConditionType,
)
from rig.standby.api.push import PushNotificationChannel, PushNotificationChannelManager, PushNotificationReceivedEventArgs
from rig.standby.api.session import current

LONG_S = 60.0
SHORT_S = 0.05
LATE_S = 1.0
"""Long after a run that has done nothing else is over, and its app suspended."""
REQUESTS = 1 + 3
"""Of a channel: the first, and three more (RAW-015)."""


@final
class Keeps:
    """As the documents have it: the content stands in the settings under the task's name (RAW-002)."""

    def run(self, instance: BackgroundTaskInstance) -> None:
        notification = told(instance)
        ApplicationData.local_settings()[instance.task_name] = notification.content


@final
class Lingers:
    """As `Keeps`, and is busy for a moment."""

    def run(self, instance: BackgroundTaskInstance) -> None:
        Keeps().run(instance)
        time.sleep(SHORT_S)


@final
class Holds:
    """Until the app says "go"."""

    def run(self, instance: BackgroundTaskInstance) -> None:
        told(instance)
        deadline = Deadline(LONG_S)
        while "go" not in ApplicationData.local_settings() and not deadline.expired:
            deadline.pause()


@final
class Looks:
    """For what the user sees, as no task may (RAW-003)."""

    def run(self, instance: BackgroundTaskInstance) -> None:
        try:
            CoreApplication.get_current_view().title = "1 new message"
            tell("push-view", error="")
        except HostError as error:
            tell("push-view", error=error.hresult.name)


@final
class Sends:
    """ "Sends ADDRESS PORT flush": what has come, to the app's server; "late": on a thread, when Run has returned."""

    def run(self, instance: BackgroundTaskInstance) -> None:
        _, address, port, how = instance.task_name.split()
        content = told(instance).content
        sock = socket.create_connection((address, int(port)), LONG_S)
        if how == "flush":
            sock.sendall(content)
            sock.close()
        else:
            threading.Thread(target=_send_late, args=(sock, content), daemon=True).start()


def _send_late(sock: socket.socket, content: bytes) -> None:
    time.sleep(LATE_S)
    sock.sendall(content)


class Open:
    """Not sealed."""

    def run(self, instance: BackgroundTaskInstance) -> None:
        told(instance)


@final
class _Hidden:
    """Not public."""

    def run(self, instance: BackgroundTaskInstance) -> None:
        told(instance)


TASKS: dict[str, Any] = {task.__name__: task for task in (Keeps, Lingers, Holds, Looks, Sends)}


def told(instance: BackgroundTaskInstance) -> RawNotification:
    """What a run is for; its test hears of it."""
    details = instance.trigger_details
    assert isinstance(details, RawNotification)
    tell("push-task", task=instance.task_name, content=details.content.hex(), channel=details.channel_id, headers=details.headers)
    return details


def tell(event: str, **detail: Any) -> None:
    app = current()
    app.timeline.add(event, app=app.name, process=app.instance, **detail)


class PushApp:
    """Public methods are for tests."""

    def __init__(self, app: App) -> None:
        self.app = app
        self._channels: dict[str, PushNotificationChannel] = {}
        self._cancel = False
        self._returns = threading.Event()
        self._returns.set()

    def on_background_activated(self, instance: BackgroundTaskInstance) -> None:
        TASKS[instance.task_name.split()[0]]().run(instance)

    def request_access(self) -> None:
        BackgroundExecutionManager.request_access()

    def register(self, task: str = "Keeps", own_process: bool = True, entry: str = "") -> str:
        """The task's id."""
        entry_point = entry or (f"{__name__}.{task.split()[0]}" if own_process else None)
        return BackgroundTaskBuilder(task, entry_point, PushNotificationTrigger()).register().task_id

    def register_with_condition(self, condition: str) -> str:
        builder = BackgroundTaskBuilder("Keeps", f"{__name__}.Keeps", PushNotificationTrigger())
        builder.add_condition(SystemCondition(SystemConditionType[condition]))
        return builder.register().task_id

    def unregister(self, task_id: str) -> None:
        BackgroundTaskRegistration.all_tasks()[task_id].unregister(False)

    def setting(self, name: str) -> str | None:
        """In hexadecimal digits."""
        value = ApplicationData.local_settings().get(name)
        return value.hex() if isinstance(value, bytes) else None

    def go(self) -> None:
        """For `Holds`."""
        ApplicationData.local_settings()["go"] = True

    def title(self) -> str:
        """Of the app's view: an app may have one."""
        return CoreApplication.get_current_view().title

    # -- channels ------------------------------------------------------------------------------------------------------

    def open(self, kind: Literal["primary", "alternate", "tile"] = "primary", channel_id: str = "") -> str:
        """Its URI."""
        manager = PushNotificationChannelManager
        if kind == "primary":
            channel = manager.create_push_notification_channel_for_application_async()
        elif kind == "alternate":
            channel = manager.create_raw_push_notification_channel_with_alternate_key_for_application_async(channel_id)
        else:
            channel = manager.create_push_notification_channel_for_secondary_tile_async(channel_id)
        self._channels[channel_id] = channel
        return channel.uri

    def lives_days(self, channel_id: str = "") -> float:
        """As the service has said."""
        return self._channels[channel_id].expires_ms / 86_400_000

    def open_many(self, count: int, of: int = 0) -> list[str]:
        """URIs of alternate channels, from number `of` on."""
        return [self.open("alternate", str(number)) for number in range(of, of + count)]

    def open_with_retries(self, pause_s: float) -> int:
        """As apps do without connectivity, `pause_s` apart; how often it took. Raises HostError at last."""
        for attempt in range(1, REQUESTS + 1):
            tell("push-request", attempt=attempt)
            try:
                self.open()
                return attempt
            except HostError:
                if attempt == REQUESTS:
                    raise
                time.sleep(pause_s)
        raise AssertionError

    def close(self, channel_id: str = "") -> None:
        self._channels.pop(channel_id).close()

    # -- handlers ------------------------------------------------------------------------------------------------------

    def handle(self, channel_id: str = "", cancel: bool = False, returns: bool = True) -> None:
        """From now on. `returns`: else not before `let_go`."""
        self._cancel = cancel
        if not returns:
            self._returns.clear()
        self._channels[channel_id].add_push_notification_received(self._received)

    def let_go(self) -> None:
        self._returns.set()

    def ignore(self, channel_id: str = "") -> None:
        self._channels[channel_id].remove_push_notification_received(self._received)

    def _received(self, channel: PushNotificationChannel, args: PushNotificationReceivedEventArgs) -> None:
        tell("push-handler", content=args.raw_notification.content.hex(), channel=channel.channel_id)
        args.cancel = self._cancel
        self._returns.wait(LONG_S)
