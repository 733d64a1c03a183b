"""What apps ask of the broker of sockets."""

from __future__ import annotations

from rig.standby.system.app_process import AppProcess
from rig.standby.system.requests.dispatch import Handlers
from rig.standby.system.sockets.broker import SocketBroker
from rig.standby.wire import app_sockets
from rig.standby.wire.descriptors import Descriptors, WithDescriptors
from rig.standby.wire.transport import taken_socket


class SocketCalls:
    def __init__(self, broker: SocketBroker) -> None:
        self._broker = broker

    def handlers(self) -> Handlers:
        return {
            app_sockets.EnableTransfer: self._enable,
            app_sockets.BindEnabled: self._bind,
            app_sockets.TransferSocket: self._transfer,
            app_sockets.TakeSocket: self._take,
            app_sockets.SocketTaken: self._taken,
            app_sockets.ListSockets: self._list,
        }

    def _enable(self, app: AppProcess, message: app_sockets.EnableTransfer, descriptors: Descriptors) -> None:
        self._broker.enable(app, message)

    def _bind(self, app: AppProcess, message: app_sockets.BindEnabled, descriptors: Descriptors) -> None:
        self._broker.check_bind(message.kind, message.action)

    async def _transfer(self, app: AppProcess, message: app_sockets.TransferSocket, descriptors: Descriptors) -> None:
        await self._broker.transfer(app, message, taken_socket(descriptors, message.kind))

    def _take(self, app: AppProcess, message: app_sockets.TakeSocket, descriptors: Descriptors) -> WithDescriptors:
        return self._broker.take(app, message.id)

    def _taken(self, app: AppProcess, message: app_sockets.SocketTaken, descriptors: Descriptors) -> None:
        self._broker.taken(app, message.id, message.transfer)

    def _list(
        self, app: AppProcess, message: app_sockets.ListSockets, descriptors: Descriptors
    ) -> list[app_sockets.BrokeredSocketInfo]:
        return self._broker.infos(app.package, message.behind)
