"""An app that does one step of a channel's set-up a call, in whatever order its test wants: chat_app.py does it right.

Its push task records TASK_DATA as the chat app's does.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from rig.standby.api import (
    App,
    BackgroundExecutionManager,
    BackgroundTaskBuilder,
    BackgroundTaskInstance,
    ControlChannelTrigger,
    ControlChannelTriggerResetEventDetails,
    ControlChannelTriggerResourceType,
    DatagramSocket,
    HostError,
    ReadOperation,
    StreamSocket,
    SystemCondition,
    SystemConditionType,
    SystemTrigger,
    SystemTriggerType,
)

READ_BYTES = 65536
ENTRY, RESET_ENTRY, NETWORK_ENTRY = "ChannelApp.Task", "ChannelApp.ResetTask", "ChannelApp.NetworkTask"
TRIGGERS = {"push": "push_notification_trigger", "keepalive": "keep_alive_trigger"}
COMPLETION_LIMIT_S = 10.0


class ChannelApp:
    """Channels, and the socket bound to each, by id."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.made: dict[str, ControlChannelTrigger] = {}
        """The newest of each id, closed or not."""
        self.sockets: dict[str, StreamSocket | DatagramSocket] = {}
        self.inbox: dict[str, list[bytes]] = {}
        self._go_on = threading.Event()
        self._go_on.set()
        self._tasks_go_on = threading.Event()
        self._tasks_go_on.set()
        self._set_up_with: dict[str, dict[str, Any]] = {}
        app.entry_points |= {ENTRY: self._task, RESET_ENTRY: self._reset_task, NETWORK_ENTRY: self._network_task}

    # -- steps ---------------------------------------------------------------------------------------------------------

    def supported(self) -> bool:
        return ControlChannelTrigger.is_supported()

    def request_access(self) -> int:
        return int(BackgroundExecutionManager.request_access())

    def construct(self, channel: str, minutes: int = 1439, hardware: bool | None = None) -> None:
        """`hardware` None: without a resource type."""
        kind = () if hardware is None else (ControlChannelTriggerResourceType(int(hardware)),)
        self.made[channel] = ControlChannelTrigger(channel, minutes, *kind)

    def register(self, channel: str, kind: str = "push") -> str:
        """The task id."""
        trigger = getattr(_channel(channel), TRIGGERS[kind])
        return BackgroundTaskBuilder(f"{channel}-{kind}", ENTRY, trigger).register().task_id

    def bind(self, channel: str, keep_alive: bool = False, datagram: bool = False) -> None:
        sock = DatagramSocket() if datagram else StreamSocket()
        sock.keep_alive = keep_alive
        _channel(channel).using_transport(sock)
        self.sockets[channel] = sock

    def connect(self, channel: str, host: str, port: int, keep_alive: bool = False) -> None:
        """Of a channel without a transport: a socket that is bound to none."""
        sock = self.sockets.setdefault(channel, StreamSocket())
        sock.keep_alive = keep_alive
        sock.connect(host, port)

    def _stream(self, channel: str) -> StreamSocket:
        sock = self.sockets[channel]
        assert isinstance(sock, StreamSocket), "a datagram socket reads and writes nothing here"
        return sock

    def wait(self, channel: str) -> int:
        """The ControlChannelTriggerStatus."""
        return int(_channel(channel).wait_for_push_enabled())

    def read(self, channel: str) -> None:
        self._stream(channel).read_async(READ_BYTES, self._read)

    def set_up(self, channel: str, host: str, port: int, hardware: bool | None = None) -> int:
        """All of it, with a push task; what is not allocated is left as it is. The reset task does it again."""
        self._set_up_with[channel] = {"host": host, "port": port, "hardware": hardware}
        self.construct(channel, hardware=hardware)
        self.register(channel)
        self.bind(channel)
        self.connect(channel, host, port)
        status = _channel(channel).wait_for_push_enabled()
        if status.allocated:
            self.read(channel)
        return int(status)

    def close(self, channel: str) -> None:
        _channel(channel).close()

    def register_for_resets(self, one_shot: bool = False) -> str:
        """The task id."""
        trigger = SystemTrigger(SystemTriggerType.CONTROL_CHANNEL_RESET, one_shot)
        return BackgroundTaskBuilder("resets", RESET_ENTRY, trigger).register().task_id

    def register_for_network_changes(self) -> str:
        """The task id. It runs when there is a network to build channels on."""
        builder = BackgroundTaskBuilder("network", NETWORK_ENTRY, SystemTrigger(SystemTriggerType.NETWORK_STATE_CHANGE))
        builder.add_condition(SystemCondition(SystemConditionType.INTERNET_AVAILABLE))
        return builder.register().task_id

    # -- what a test wants to know, and set ----------------------------------------------------------------------------

    def get(self, channel: str, name: str) -> Any:
        """A property of the channel, or of the one that was closed."""
        value = getattr(self.made[channel], name)
        return value if isinstance(value, (bool, int, str)) else type(value).__name__

    def set(self, channel: str, name: str, value: Any) -> None:
        setattr(self.made[channel], name, value)

    def transport_is_bound(self, channel: str) -> bool:
        return self.made[channel].transport_object is self.sockets.get(channel)

    def has_two_triggers(self, channel: str) -> bool:
        triggers: list[object] = [getattr(self.made[channel], name) for name in TRIGGERS.values()]
        return triggers[0] != triggers[1]

    def close_the_one_before(self, channel: str) -> list[str]:
        """Make it anew under its id; then what the closed object's calls raise, "" for nothing."""
        before = self.made[channel]
        before.close()
        self.construct(channel)
        calls: list[Callable[[], object]] = [
            before.close,
            before.wait_for_push_enabled,
            before.decrease_network_keep_alive_interval,
            lambda: before.using_transport(StreamSocket()),
            lambda: before.current_keep_alive_interval_in_minutes,
            lambda: setattr(before, "server_keep_alive_interval_in_minutes", 20),
        ]
        return [_raised(call) for call in calls]

    def write_and_flush(self, channel: str, data: bytes, times: int) -> None:
        self._stream(channel).write(data * times)
        _channel(channel).flush_transport()

    def set_option(self, channel: str, level: int, option: int, value: int) -> None:
        self.sockets[channel].set_option(level, option, value)

    def hold_completions(self, hold: bool) -> None:
        """Completions of reads do not return while it is set: the app is busy, and calls of the test are served. In standby the
        app is stopped when the last one has returned, maybe before it has answered: `AppHandle.begin_call` lets them go there."""
        if hold:
            self._go_on.clear()
        else:
            self._go_on.set()

    def hold_tasks(self, hold: bool) -> None:
        """Runs of the channels' tasks do not go on while it is set."""
        if hold:
            self._tasks_go_on.clear()
        else:
            self._tasks_go_on.set()

    # -- the app itself ------------------------------------------------------------------------------------------------

    def _read(self, operation: ReadOperation) -> None:
        self._go_on.wait(COMPLETION_LIMIT_S)
        if operation.cancelled or operation.error is not None or operation.channel_id is None:
            return
        data = operation.get_results()
        self.inbox.setdefault(operation.channel_id, []).append(data)
        if data:
            self.read(operation.channel_id)

    def _task(self, instance: BackgroundTaskInstance) -> None:
        self._tasks_go_on.wait(COMPLETION_LIMIT_S)
        channel = instance.channel_id or ""
        if instance.trigger_details is None:
            self.app.timeline.add("closed-meanwhile", channel=channel)
            return
        data = b"".join(self.inbox.pop(channel, []))
        self.app.timeline.add("TASK_DATA", app=self.app.name, channel=channel, data=data.hex(), closed=False)

    def _reset_task(self, instance: BackgroundTaskInstance) -> None:
        """Builds again what was lost, as far as this process had it."""
        why: ControlChannelTriggerResetEventDetails = instance.trigger_details
        lost = {True: why.hardware_slot_reset, False: why.software_slot_reset}
        self.app.timeline.add("reset-task", reason=int(why.reset_reason), hardware=lost[True], software=lost[False])
        for channel, how in self._set_up_with.items():
            if lost[bool(how["hardware"])]:
                self._build_again(channel)

    def _network_task(self, instance: BackgroundTaskInstance) -> None:
        for channel in self._set_up_with:
            self._build_again(channel)

    def _build_again(self, channel: str) -> None:
        _channel(channel).close()
        self.set_up(channel, **self._set_up_with[channel])


def _raised(call: Callable[[], object]) -> str:
    try:
        call()
    except HostError as error:
        return error.hresult.name
    return ""


def _channel(channel_id: str) -> ControlChannelTrigger:
    channel = ControlChannelTrigger.by_id(channel_id)
    if channel is None:
        raise LookupError(f"channel {channel_id!r} is not there")
    return channel
