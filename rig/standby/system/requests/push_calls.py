"""What apps ask of push, and what the bench says of it."""

from __future__ import annotations

import ipaddress

from rig.push_line import ChannelClosed, ChannelKind, ChannelOpened, CloseChannel, OpenChannel, Refusal, Refused
from rig.standby.system.app_process import AppProcess
from rig.standby.system.power import PowerState
from rig.standby.system.push.client import PushClient
from rig.standby.system.push.delivery import PushDelivery
from rig.standby.system.requests import bench_calls
from rig.standby.system.requests.dispatch import Handlers
from rig.standby.wire import app_push, bench
from rig.standby.wire.descriptors import Descriptors
from rig.standby.wire.hresult import HostError, HResult


class PushCalls:
    def __init__(self, client: PushClient, delivery: PushDelivery, power: PowerState) -> None:
        self._power = power
        self._client = client
        self._delivery = delivery

    def handlers(self) -> Handlers:
        return {
            app_push.CreatePushChannel: self._create,
            app_push.ClosePushChannel: self._close,
            app_push.FollowPush: self._follow,
            app_push.NotificationHandled: self._handled,
        }

    def of_bench(self) -> bench_calls.Handlers:
        return {bench.UsePushService: self._use}

    async def _create(
        self, app: AppProcess, message: app_push.CreatePushChannel, descriptors: Descriptors
    ) -> app_push.PushChannelInfo:
        _check_id(message)
        kind = ChannelKind(message.kind)
        match await self._client.ask(lambda request: OpenChannel(request, app.name, kind, message.id)):
            case ChannelOpened(uri=uri, expires_ms=expires_ms):
                return app_push.PushChannelInfo(uri, expires_ms)
            case Refused(why=Refusal.TOO_MANY_CHANNELS):
                raise HostError(HResult.OUT_OF_MEMORY, f"app {app.name} has as many push channels as one may have")
            case answer:
                raise HostError(HResult.FAIL, f"the push service opens no channel: {answer}")

    async def _close(self, app: AppProcess, message: app_push.ClosePushChannel, descriptors: Descriptors) -> None:
        """One that the service does not know is closed already."""
        _check_id(message)
        kind = ChannelKind(message.kind)
        answer = await self._client.ask(lambda request: CloseChannel(request, app.name, kind, message.id))
        if not isinstance(answer, ChannelClosed) and getattr(answer, "why", None) is not Refusal.NO_SUCH_CHANNEL:
            raise HostError(HResult.FAIL, f"the push service does not close it: {answer}")

    def _follow(self, app: AppProcess, message: app_push.FollowPush, descriptors: Descriptors) -> None:
        app.follows_push = message.follows

    def _handled(self, app: AppProcess, message: app_push.NotificationHandled, descriptors: Descriptors) -> None:
        self._delivery.handled(app, message)

    async def _use(self, call: bench.UsePushService, descriptors: Descriptors) -> bool:
        bench_calls.check_not_shut_down(self._power)
        if call.address:
            try:
                ipaddress.ip_address(call.address)
            except ValueError:
                raise HostError(HResult.INVALID_ARG, f"{call.address!r} is no IP address of a push service") from None
        return await self._client.use(call.address, call.port)


def _check_id(message: app_push.CreatePushChannel | app_push.ClosePushChannel) -> None:
    if (message.kind == "primary") is bool(message.id):
        raise HostError(HResult.INVALID_ARG, "an alternate channel and a tile's have an id, the app's own has none")
