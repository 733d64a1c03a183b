"""What apps ask of the service: one method a request, named as on the wire."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rig.device.payload import PayloadKeepAlive
from rig.standby.system.apps import AppProcess
from rig.standby.system.channels import Channel, check_minutes
from rig.standby.wire.hresult import HostError, HResult

if TYPE_CHECKING:
    from rig.standby.system.service import Service


class AppRequests:
    """Finds the method and the channel of a request, and runs it on the loop's thread. Raises HostError."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def handle(self, app: AppProcess, message: dict[str, Any], fd: int | None) -> Any:
        arguments = {k: v for k, v in message.items() if k not in ("id", "do")}
        if fd is not None:
            arguments["fd"] = fd
        return getattr(self, "on_" + message["do"])(app, **arguments)

    def on_app_ready(self, app: AppProcess) -> None:
        self._service.timeline.add("APP_READY", app=app.name, pid=app.process.pid)

    def on_request_access(self, app: AppProcess) -> int:
        return self._service.request_access(app)

    def on_register(self, app: AppProcess, name: str, entry_point: str, kind: str, channel: str) -> int:
        self._channel(app, channel)
        return self._service.tasks.register(app, name, entry_point, kind, channel)

    def on_cct_construct(self, app: AppProcess, channel: str, minutes: int, hardware: bool) -> None:
        self._service.channels.construct(app, channel, minutes, hardware)

    def on_cct_set_keep_alive(self, app: AppProcess, channel: str, minutes: int) -> None:
        check_minutes(minutes)
        record = self._channel(app, channel)
        record.minutes = minutes
        record.set_network_minutes(min(record.network_minutes, minutes))

    def on_cct_network_keep_alive(self, app: AppProcess, channel: str) -> int:
        return self._channel(app, channel).network_minutes

    def on_cct_wake_supported(self, app: AppProcess, channel: str) -> bool:
        return self._service.rules.aoac

    def on_cct_decrease(self, app: AppProcess, channel: str) -> None:
        rules, record = self._service.rules, self._channel(app, channel)
        record.set_network_minutes(max(rules.network_ka_floor_min, record.network_minutes - rules.network_ka_step_min))

    def on_cct_set_payload(self, app: AppProcess, channel: str, payload: dict[str, Any] | None) -> None:
        self._service.channels.set_payload(self._channel(app, channel), PayloadKeepAlive.of(payload) if payload else None)

    def on_cct_payload_state(self, app: AppProcess, channel: str) -> dict[str, Any]:
        payload = self._channel(app, channel).payload
        if payload is None:
            raise HostError(HResult.ILLEGAL_METHOD_CALL, f"channel {channel!r} has no payload keep-alive")
        return asdict(payload.state)

    def on_using_transport(self, app: AppProcess, channel: str, socket: int) -> None:
        record = self._channel(app, channel)
        self._service.standby.finish_settling()
        self._service.channels.bind(record, socket)

    def on_connect_begin(self, app: AppProcess, channel: str | None, socket: int, host: str, port: int) -> None:
        if channel is not None:
            self._service.channels.connect_begin(self._channel(app, channel), host, port)

    def on_connect_end(
        self, app: AppProcess, channel: str | None, socket: int, error: str | None = None, fd: int | None = None
    ) -> None:
        if channel is not None:
            self._service.channels.connect_end(self._channel(app, channel), fd, error)

    def on_wait_for_push_enabled(self, app: AppProcess, channel: str) -> int:
        record = self._channel(app, channel)
        self._service.standby.finish_settling()
        status = self._service.channels.wait_for_push_enabled(record)
        if status.allocated:
            self._service.start_keep_alive(record)
        return int(status)

    def on_cct_close(self, app: AppProcess, channel: str) -> None:
        record = self._channel(app, channel)
        self._service.stop_keep_alive(record)
        self._service.standby.finish_settling()
        self._service.channels.close(record)
        self._service.tasks.forget_channel(app, channel)

    def on_read_begin(self, app: AppProcess, channel: str | None) -> None:
        app.open_reads += 1

    def on_read_completed(self, app: AppProcess, channel: str | None, socket: int, over: bool) -> None:
        app.open_reads -= 1
        record = next((c for c in self._service.channels.all() if c.app is app and c.channel_id == channel), None)
        if record is not None:
            record.over |= over and record.bound_socket == socket
            self._service.push(record)
        self._service.suspend_if_idle(app)

    def on_task_done(self, app: AppProcess, instance: int, fault: str | None) -> None:
        self._service.tasks.done(app, instance)
        self._service.suspend_if_idle(app)

    def _channel(self, app: AppProcess, channel_id: str) -> Channel:
        return self._service.channels.get(app, channel_id)
