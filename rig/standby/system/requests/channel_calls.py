"""What apps ask for their channels. Changes of one channel come one after another, in the order in which they were asked for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rig.device.numbers import GROUP_OFFLOAD, READ, Command
from rig.device.payload import PayloadState
from rig.errors import RigError
from rig.standby.system.app_process import AppProcess
from rig.standby.system.channels.channel import Channel
from rig.standby.system.channels.parts import ChannelParts
from rig.standby.system.channels.setup import check_minutes
from rig.standby.system.driver import Driver
from rig.standby.system.requests.dispatch import Handlers
from rig.standby.wire import app_channels
from rig.standby.wire.descriptors import Descriptors
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.statuses import ControlChannelTriggerStatus as Status
from rig.standby.wire.transport import taken_transport

DEVICE_ANSWERS_S, DEVICE_RETRIES = 0.25, 1
"""A device that is there answers in milliseconds; one that starts right now, the second time."""


class ChannelCalls:
    def __init__(self, channels: ChannelParts, driver: Driver, *, wake_supported: bool) -> None:
        self._driver = driver
        self._resets = channels.resets
        self._table = channels.table
        self._setup = channels.setup
        self._timers = channels.timers
        self._closing = channels.closing
        self._wake_supported = wake_supported

    def handlers(self) -> Handlers:
        return {
            app_channels.GetChannelsSupported: self._get_supported,
            app_channels.ConstructChannel: self._construct,
            app_channels.SetServerKeepAlive: self._set_server_keep_alive,
            app_channels.GetNetworkKeepAlive: self._get_network_keep_alive,
            app_channels.GetWakeSupported: self._get_wake_supported,
            app_channels.DecreaseNetworkKeepAlive: self._decrease_network_keep_alive,
            app_channels.SetPayload: self._set_payload,
            app_channels.SetKeptAliveByDevice: self._set_kept_alive_by_device,
            app_channels.GetPayloadState: self._get_payload_state,
            app_channels.StopPayload: self._stop_payload,
            app_channels.UsingTransport: self._using_transport,
            app_channels.ConnectBegin: self._connect_begin,
            app_channels.ConnectEnd: self._connect_end,
            app_channels.WaitForPushEnabled: self._wait_for_push_enabled,
            app_channels.CloseChannel: self._close,
        }

    def _get_supported(self, app: AppProcess, message: app_channels.GetChannelsSupported, descriptors: Descriptors) -> bool:
        return self._setup.supported

    def _construct(self, app: AppProcess, message: app_channels.ConstructChannel, descriptors: Descriptors) -> None:
        self._setup.construct(app, message.channel, message.minutes, message.hardware)

    def _get_network_keep_alive(
        self, app: AppProcess, message: app_channels.GetNetworkKeepAlive, descriptors: Descriptors
    ) -> int:
        return self._table.get(app, message.channel).network_minutes

    async def _get_wake_supported(
        self, app: AppProcess, message: app_channels.GetWakeSupported, descriptors: Descriptors
    ) -> bool:
        """The platform's ability, and a device that is there to do it: it is asked."""
        self._table.get(app, message.channel)
        if not self._wake_supported:
            return False
        try:
            await self._driver.request(READ, GROUP_OFFLOAD, Command.HELLO, {}, timeout_s=DEVICE_ANSWERS_S, retries=DEVICE_RETRIES)
        except RigError:
            return False
        return True

    async def _set_server_keep_alive(
        self, app: AppProcess, message: app_channels.SetServerKeepAlive, descriptors: Descriptors
    ) -> None:
        check_minutes(message.minutes)
        async with self._turn(app, message.channel) as channel:
            await self._setup.set_server_minutes(channel, message.minutes)

    async def _decrease_network_keep_alive(
        self, app: AppProcess, message: app_channels.DecreaseNetworkKeepAlive, descriptors: Descriptors
    ) -> None:
        async with self._turn(app, message.channel) as channel:
            await self._setup.decrease_network_minutes(channel)

    async def _set_payload(self, app: AppProcess, message: app_channels.SetPayload, descriptors: Descriptors) -> None:
        async with self._turn(app, message.channel) as channel:
            await self._setup.set_payload(channel, message.payload)

    async def _set_kept_alive_by_device(
        self, app: AppProcess, message: app_channels.SetKeptAliveByDevice, descriptors: Descriptors
    ) -> None:
        async with self._turn(app, message.channel) as channel:
            channel.kept_alive_by_device = message.by_device

    async def _get_payload_state(
        self, app: AppProcess, message: app_channels.GetPayloadState, descriptors: Descriptors
    ) -> PayloadState:
        async with self._turn(app, message.channel) as channel:
            return await self._setup.payload_state(channel)

    async def _stop_payload(self, app: AppProcess, message: app_channels.StopPayload, descriptors: Descriptors) -> PayloadState:
        async with self._turn(app, message.channel) as channel:
            return await self._setup.stop_payload(channel)

    async def _using_transport(self, app: AppProcess, message: app_channels.UsingTransport, descriptors: Descriptors) -> None:
        async with self._turn(app, message.channel) as channel:
            await self._setup.bind(channel, message.socket, message.held)

    async def _connect_begin(self, app: AppProcess, message: app_channels.ConnectBegin, descriptors: Descriptors) -> None:
        async with self._turn(app, message.channel) as channel:
            self._check_bound(channel, message.socket)
            self._setup.connect_begin(channel, message.host, message.port)

    async def _connect_end(self, app: AppProcess, message: app_channels.ConnectEnd, descriptors: Descriptors) -> None:
        async with self._turn(app, message.channel) as channel:
            self._check_bound(channel, message.socket)
            if message.error is None:
                self._setup.check_waits_for_transport(channel)
                await self._setup.connected(channel, taken_transport(descriptors))
            else:
                self._setup.not_connected(channel, message.error)

    async def _wait_for_push_enabled(
        self, app: AppProcess, message: app_channels.WaitForPushEnabled, descriptors: Descriptors
    ) -> int:
        async with self._turn(app, message.channel) as channel:
            status = await self._setup.wait_for_push_enabled(channel)
            if status.allocated:
                self._timers.start(channel)
            elif status is Status.SERVICE_UNAVAILABLE:
                self._resets.unavailable(channel, self._setup.kind_for(channel))
            return int(status)

    async def _close(self, app: AppProcess, message: app_channels.CloseChannel, descriptors: Descriptors) -> None:
        async with self._turn(app, message.channel) as channel:
            await self._closing.close(channel)

    def _check_bound(self, channel: Channel, socket_id: int) -> None:
        """One that connects by itself may be through with it when another one is bound in its place: neither its connection nor
        its failure is that one's. Raises HostError ILLEGAL_METHOD_CALL."""
        bound = channel.transport.socket_id if channel.transport is not None else None
        if bound != socket_id:
            why = f"socket {socket_id} is not bound to channel {channel.channel_id!r}: {bound or 'none'} is"
            raise HostError(HResult.ILLEGAL_METHOD_CALL, why)

    @asynccontextmanager
    async def _turn(self, app: AppProcess, channel_id: str) -> AsyncIterator[Channel]:
        """Raises HostError ELEMENT_NOT_FOUND, also for a channel that was closed while this waited for its turn."""
        channel = self._table.get(app, channel_id)
        async with channel.turn:
            if channel not in self._table:
                raise HostError(HResult.ELEMENT_NOT_FOUND, f"channel {channel_id!r} of app {app.name} has been closed")
            yield channel
