"""The app under test of the suite: a chat client on a control channel, as the samples of the platform build one.

Its public methods are what tests call. Set-up follows the canonical order; each step can be left out or changed.
"""

from __future__ import annotations

import threading
import time
from dataclasses import asdict, dataclass, field
from typing import Any

from rig.clock import WAIT_S, Deadline
from rig.standby.api import (
    App,
    BackgroundExecutionManager,
    BackgroundTaskBuilder,
    BackgroundTaskInstance,
    ControlChannelTrigger,
    ControlChannelTriggerResourceType,
    HostError,
    PayloadKeepAlive,
    ReadOperation,
    StreamSocket,
    fresh_masks,
)

READ_BYTES = 65536
PUSH_ENTRY, KEEP_ALIVE_ENTRY = "ChatApp.PushTask", "ChatApp.KeepAliveTask"


@dataclass
class Context:
    """What the app keeps of a channel that was set up."""

    channel: ControlChannelTrigger
    socket: StreamSocket
    inbox: list[bytes] = field(default_factory=list)
    seen_by_task: list[bytes] = field(default_factory=list)


class ChatApp:
    """Holds contexts by channel id."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.contexts: dict[str, Context] = {}
        self.access: int | None = None
        self.keep_alive_payload = b"keep-alive\n"
        self.completion_delay_s = 0.0
        self._held_at = ""
        self._goes_on = threading.Event()
        self.masks_at_keep_alive = 0
        self._half_open = StreamSocket()
        self._to_be_busy = False
        self._lock = threading.Lock()
        app.entry_points[PUSH_ENTRY] = self._push_task
        app.entry_points[KEEP_ALIVE_ENTRY] = self._keep_alive_task

    # -- called by tests -----------------------------------------------------------------------------------------------

    def open_channel(
        self, channel: str, host: str, port: int, hardware: bool = True, minutes: int = 30, read: bool = True
    ) -> int:
        """The canonical set-up; returns the ControlChannelTriggerStatus. Raises what the host API raises."""
        self.request_access()
        kind = ControlChannelTriggerResourceType(int(hardware))
        trigger = ControlChannelTrigger(channel, minutes, kind)
        try:
            BackgroundTaskBuilder(f"{channel}-keepalive", KEEP_ALIVE_ENTRY, trigger.keep_alive_trigger).register()
            BackgroundTaskBuilder(f"{channel}-push", PUSH_ENTRY, trigger.push_notification_trigger).register()
            return self._connect(trigger, host, port, read)
        except (HostError, OSError):
            trigger.close()
            raise

    def connect_only(self, channel: str, host: str, port: int) -> None:
        """Set-up up to the connection; `finish_set_up` goes on."""
        self.request_access()
        trigger = ControlChannelTrigger(channel, 30, ControlChannelTriggerResourceType.REQUEST_HARDWARE_SLOT)
        self._half_open = StreamSocket()
        trigger.using_transport(self._half_open)
        self._half_open.connect(host, port)

    def wait_not_established(self, channel: str) -> None:
        """Until the kernel knows that the peer has gone."""
        deadline = Deadline(WAIT_S)
        while self._half_open.established and not deadline.expired:
            time.sleep(0.001)

    def finish_set_up(self, channel: str) -> int:
        return int(self._trigger(channel).wait_for_push_enabled())

    def reconnect(self, channel: str, host: str, port: int) -> int:
        """A new transport on the same channel object (CCT-039)."""
        old = self.contexts.pop(channel)
        old.socket.close()
        return self._connect(old.channel, host, port, True)

    def close_socket(self, channel: str) -> None:
        """The channel stays."""
        self.contexts[channel].socket.close()

    def set_option(self, channel: str, level: int, option: int, value: int) -> None:
        """Of the channel's socket."""
        self.contexts[channel].socket.set_option(level, option, value)

    def request_access(self) -> int:
        if self.access is None:
            self.access = int(BackgroundExecutionManager.request_access())
        return self.access

    def construct(self, channel: str, minutes: int = 30, hardware: bool = True) -> None:
        """A channel alone; no access is asked for."""
        ControlChannelTrigger(channel, minutes, ControlChannelTriggerResourceType(int(hardware)))

    def bind_connected(self, channel: str, host: str, port: int) -> None:
        """The wrong order: connect, then bind (CCT-012)."""
        self.request_access()
        sock = StreamSocket()
        sock.connect(host, port)
        ControlChannelTrigger(channel, 30).using_transport(sock)

    def wait_unconnected(self, channel: str) -> int:
        """The wrong order: wait for push before the transport is connected (CCT-015)."""
        self.request_access()
        trigger = ControlChannelTrigger(channel, 30)
        trigger.using_transport(StreamSocket())
        return int(trigger.wait_for_push_enabled())

    def read_without_wait(self, channel: str, host: str, port: int) -> None:
        """Rely on the channel without waiting for push (CCT-014)."""
        self.request_access()
        trigger = ControlChannelTrigger(channel, 30)
        BackgroundTaskBuilder(f"{channel}-push", PUSH_ENTRY, trigger.push_notification_trigger).register()
        sock = StreamSocket()
        trigger.using_transport(sock)
        sock.connect(host, port)
        self.contexts[channel] = Context(trigger, sock)
        sock.read_async(READ_BYTES, self._read_completed)

    def post_read(self, channel: str) -> None:
        """The first read of a channel that was opened with read=False."""
        self.contexts[channel].socket.read_async(READ_BYTES, self._read_completed)

    def transport_is_bound(self, channel: str) -> bool:
        return self._trigger(channel).transport_object is self.contexts[channel].socket

    def decrease_keep_alive(self, channel: str) -> int:
        trigger = self._trigger(channel)
        trigger.decrease_network_keep_alive_interval()
        return trigger.current_keep_alive_interval_in_minutes

    def wake_supported(self, channel: str) -> bool:
        return self._trigger(channel).is_wake_from_low_power_supported

    def set_minutes(self, channel: str, minutes: int) -> int:
        """Change the server interval; returns what it is now."""
        trigger = self._trigger(channel)
        trigger.server_keep_alive_interval_in_minutes = minutes
        return trigger.server_keep_alive_interval_in_minutes

    def close_channel(self, channel: str) -> None:
        self.contexts.pop(channel, None)
        self._trigger(channel).close()

    def messages(self, channel: str) -> list[bytes]:
        """What read completions have delivered, in order."""
        with self._lock:
            return list(self.contexts[channel].inbox)

    def seen_by_task(self, channel: str) -> list[bytes]:
        """What the push task found in the inbox, in order."""
        with self._lock:
            return list(self.contexts[channel].seen_by_task)

    def has_context(self, channel: str) -> bool:
        return channel in self.contexts

    def set_completion_delay(self, seconds: float) -> None:
        """Make every read completion take that long (CCT-031)."""
        self.completion_delay_s = seconds

    def hold(self, at: str) -> None:
        """Read completions ("READ_COMPLETE_ENTER") or push tasks ("RUN_ENTER") stay where they begin; "": they go on."""
        self._held_at = at
        if at:
            self._goes_on.clear()
        else:
            self._goes_on.set()

    def send(self, channel: str, data: bytes) -> None:
        self.contexts[channel].socket.write(data)

    def network_keep_alive_minutes(self, channel: str) -> int:
        return self._trigger(channel).current_keep_alive_interval_in_minutes

    def set_ping(self, channel: str, protocol: str, start: int = 0, masks: int = 64, masks_later: int = 0) -> None:
        """The device keeps the connection alive by pings of that protocol. WebSocket: so many masks now, and so many each time
        the keep-alive task runs."""
        ping = PayloadKeepAlive.websocket_ping(fresh_masks(masks), start=start)
        self._trigger(channel).payload_keep_alive = ping if protocol == "websocket" else PayloadKeepAlive.mqtt_ping()
        self.masks_at_keep_alive = masks_later

    def ping_state(self, channel: str) -> dict[str, Any]:
        return asdict(self._trigger(channel).payload_keep_alive_state)

    def be_busy(self) -> None:
        """Call the system without pause on a thread of its own, from the next push task on. Not at once: an app that does so
        keeps a host awake that is about to fall asleep."""
        self._to_be_busy = True

    # -- the app itself ------------------------------------------------------------------------------------------------

    def _connect(self, trigger: ControlChannelTrigger, host: str, port: int, read: bool) -> int:
        sock = StreamSocket()
        trigger.using_transport(sock)
        self._connect_socket(sock, host, port)
        status = trigger.wait_for_push_enabled()
        if not status.allocated:
            sock.close()
            return int(status)
        self.contexts[trigger.control_channel_trigger_id] = Context(trigger, sock)
        if read:
            sock.read_async(READ_BYTES, self._read_completed)
        return int(status)

    def _connect_socket(self, sock: StreamSocket, host: str, port: int) -> None:
        sock.connect(host, port)

    def _trigger(self, channel: str) -> ControlChannelTrigger:
        trigger = ControlChannelTrigger.by_id(channel)
        if trigger is None:
            raise LookupError(f"channel {channel!r} was never made")
        return trigger

    def _stay(self, at: str) -> None:
        if self._held_at == at:
            self._goes_on.wait(WAIT_S)

    def _read_completed(self, operation: ReadOperation) -> None:
        self._stay("READ_COMPLETE_ENTER")
        if self.completion_delay_s:
            time.sleep(self.completion_delay_s)  # the app's own slowness is what is tested
        if operation.cancelled:
            return
        context = self.contexts.get(operation.channel_id or "")
        if context is None:
            return
        data = self._results(operation)
        with self._lock:
            context.inbox.append(data)
        if data:
            context.socket.read_async(READ_BYTES, self._read_completed)

    def _results(self, operation: ReadOperation) -> bytes:
        """An error counts as the end of the stream, as a close does (CCT-040)."""
        try:
            return operation.get_results()
        except OSError as error:
            self._record("TRANSPORT_ERROR", channel=operation.channel_id, error=str(error))
            return b""

    def _push_task(self, instance: BackgroundTaskInstance) -> None:
        self._stay("RUN_ENTER")
        channel = instance.trigger_details
        if channel is None:
            return
        if self._to_be_busy:
            self._to_be_busy = False
            threading.Thread(target=self._call_for_ever, args=(channel,), name="busy", daemon=True).start()
        context = self.contexts.get(channel.control_channel_trigger_id)
        if context is None:
            return
        with self._lock:
            new = context.inbox[len(context.seen_by_task) :]
            context.seen_by_task.extend(new)
        self._record("TASK_DATA", channel=channel.control_channel_trigger_id, data=b"".join(new).hex(), closed=b"" in new)

    def _call_for_ever(self, channel: ControlChannelTrigger) -> None:
        while True:
            channel.current_keep_alive_interval_in_minutes  # noqa: B018 - each look is a call of the system

    def _keep_alive_task(self, instance: BackgroundTaskInstance) -> None:
        channel = instance.trigger_details
        context = self.contexts.get(instance.channel_id or "")
        if channel is None or context is None:
            return
        if self.masks_at_keep_alive:
            state = channel.payload_keep_alive_state
            masks = fresh_masks(self.masks_at_keep_alive)
            channel.payload_keep_alive = PayloadKeepAlive.websocket_ping(masks, start=state.next_counter or 0)
            self._record("MASKS_GIVEN", channel=instance.channel_id, next_counter=state.next_counter)
            return
        context.socket.write(self.keep_alive_payload)
        self._record("KA_TX", channel=instance.channel_id, bytes=len(self.keep_alive_payload))
        channel.flush_transport()

    def _record(self, event: str, **detail: Any) -> None:
        self.app.timeline.add(event, app=self.app.name, **detail)
