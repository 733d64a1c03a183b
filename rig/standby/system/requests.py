"""What apps ask of the system: one method for each message."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rig.device.payload import PayloadState
from rig.standby.system.apps import AppProcess
from rig.standby.system.channels import Channel, check_minutes
from rig.standby.wire import from_app
from rig.standby.wire.descriptors import Descriptors
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.transport import taken_transport

if TYPE_CHECKING:
    from rig.standby.system.service import Service


class AppRequests:
    """Finds the method and the channel of a message, and runs it on the loop's thread. Raises HostError."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._handlers: dict[type[Any], Callable[..., Any]] = {
            from_app.AppReady: self._app_ready,
            from_app.RequestAccess: self._request_access,
            from_app.RegisterTask: self._register_task,
            from_app.ConstructChannel: self._construct_channel,
            from_app.SetServerKeepAlive: self._set_server_keep_alive,
            from_app.GetNetworkKeepAlive: self._get_network_keep_alive,
            from_app.GetWakeSupported: self._get_wake_supported,
            from_app.DecreaseNetworkKeepAlive: self._decrease_network_keep_alive,
            from_app.SetPayload: self._set_payload,
            from_app.GetPayloadState: self._get_payload_state,
            from_app.UsingTransport: self._using_transport,
            from_app.ConnectBegin: self._connect_begin,
            from_app.WaitForPushEnabled: self._wait_for_push_enabled,
            from_app.CloseChannel: self._close_channel,
            from_app.ReadBegin: self._read_begin,
            from_app.ReadCompleted: self._read_completed,
            from_app.TaskDone: self._task_done,
        }

    def handle(self, app: AppProcess, message: from_app.FromApp, descriptors: Descriptors) -> Any:
        """Descriptors that the message brought and nobody takes are closed by who calls."""
        if isinstance(message, from_app.ConnectEnd):
            return self._connect_end(app, message, descriptors)
        return self._handlers[type(message)](app, message)

    async def _app_ready(self, app: AppProcess, message: from_app.AppReady) -> None:
        pid = await app.child.known()
        if not app.ready:
            app.ready = True
            self._service.timeline.add("APP_READY", app=app.name, pid=pid)

    def _request_access(self, app: AppProcess, message: from_app.RequestAccess) -> int:
        return self._service.request_access(app)

    def _register_task(self, app: AppProcess, message: from_app.RegisterTask) -> int:
        self._channel(app, message.channel)
        return self._service.tasks.register(app, message.name, message.entry_point, message.kind, message.channel)

    def _construct_channel(self, app: AppProcess, message: from_app.ConstructChannel) -> None:
        self._service.channels.construct(app, message.channel, message.minutes, message.hardware)

    def _set_server_keep_alive(self, app: AppProcess, message: from_app.SetServerKeepAlive) -> None:
        check_minutes(message.minutes)
        record = self._channel(app, message.channel)
        record.minutes = message.minutes
        record.set_network_minutes(min(record.network_minutes, message.minutes))

    def _get_network_keep_alive(self, app: AppProcess, message: from_app.GetNetworkKeepAlive) -> int:
        return self._channel(app, message.channel).network_minutes

    def _get_wake_supported(self, app: AppProcess, message: from_app.GetWakeSupported) -> bool:
        self._channel(app, message.channel)
        return self._service.rules.aoac

    def _decrease_network_keep_alive(self, app: AppProcess, message: from_app.DecreaseNetworkKeepAlive) -> None:
        rules, record = self._service.rules, self._channel(app, message.channel)
        record.set_network_minutes(max(rules.network_ka_floor_min, record.network_minutes - rules.network_ka_step_min))

    def _set_payload(self, app: AppProcess, message: from_app.SetPayload) -> None:
        self._service.channels.set_payload(self._channel(app, message.channel), message.payload)

    def _get_payload_state(self, app: AppProcess, message: from_app.GetPayloadState) -> PayloadState:
        state = self._service.channels.payload_state(self._channel(app, message.channel))
        if state is None:
            raise HostError(HResult.ILLEGAL_METHOD_CALL, f"channel {message.channel!r} has no payload keep-alive")
        return state

    def _using_transport(self, app: AppProcess, message: from_app.UsingTransport) -> None:
        record = self._channel(app, message.channel)
        self._service.channels.bind(record, message.socket)

    def _connect_begin(self, app: AppProcess, message: from_app.ConnectBegin) -> None:
        self._service.channels.connect_begin(self._channel(app, message.channel), message.host, message.port)

    def _connect_end(self, app: AppProcess, message: from_app.ConnectEnd, descriptors: Descriptors) -> None:
        record = self._channel(app, message.channel)
        if record.bound_socket is None or record.sock is not None:
            raise HostError(HResult.ILLEGAL_METHOD_CALL, f"channel {message.channel!r} waits for no connected transport")
        sock = taken_transport(descriptors) if message.error is None else None
        self._service.channels.connect_end(record, sock, message.error)

    def _wait_for_push_enabled(self, app: AppProcess, message: from_app.WaitForPushEnabled) -> int:
        record = self._channel(app, message.channel)
        status = self._service.channels.wait_for_push_enabled(record)
        if status.allocated:
            self._service.start_keep_alive(record)
        return int(status)

    def _close_channel(self, app: AppProcess, message: from_app.CloseChannel) -> None:
        record = self._channel(app, message.channel)
        self._service.stop_keep_alive(record)
        self._service.channels.close(record)
        self._service.tasks.forget_channel(app, message.channel)

    def _read_begin(self, app: AppProcess, message: from_app.ReadBegin) -> None:
        app.open_reads += 1

    def _read_completed(self, app: AppProcess, message: from_app.ReadCompleted) -> None:
        if app.open_reads == 0:  # it never began
            return
        app.open_reads -= 1
        record = next((c for c in self._service.channels.all() if c.app is app and c.channel_id == message.channel), None)
        if record is not None:
            record.over |= message.over and record.bound_socket == message.socket
            self._service.push(record)
        self._service.suspend_if_idle(app)

    def _task_done(self, app: AppProcess, message: from_app.TaskDone) -> None:
        self._service.tasks.done(app, message.instance)
        self._service.suspend_if_idle(app)

    def _channel(self, app: AppProcess, channel_id: str) -> Channel:
        return self._service.channels.get(app, channel_id)
