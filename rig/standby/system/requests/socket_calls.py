"""What apps ask of the broker of sockets."""

from __future__ import annotations

from rig.standby.system.app_process import AppProcess
from rig.standby.system.requests.dispatch import Handlers
from rig.standby.system.sockets.broker import SocketBroker
from rig.standby.wire import from_app
from rig.standby.wire.descriptors import Descriptors, WithDescriptors
from rig.standby.wire.transport import taken_socket


class SocketCalls:
    def __init__(self, broker: SocketBroker) -> None:
        self._broker = broker

    def handlers(self) -> Handlers:
        return {
            from_app.EnableTransfer: self._enable,
            from_app.BindEnabled: self._bind,
            from_app.TransferSocket: self._transfer,
            from_app.TakeSocket: self._take,
            from_app.SocketTaken: self._taken,
            from_app.ListSockets: self._list,
        }

    def _enable(self, app: AppProcess, message: from_app.EnableTransfer, descriptors: Descriptors) -> None:
        self._broker.enable(app, message)

    def _bind(self, app: AppProcess, message: from_app.BindEnabled, descriptors: Descriptors) -> None:
        self._broker.check_bind(message.kind, message.action)

    async def _transfer(self, app: AppProcess, message: from_app.TransferSocket, descriptors: Descriptors) -> None:
        await self._broker.transfer(app, message, taken_socket(descriptors, message.kind))

    def _take(self, app: AppProcess, message: from_app.TakeSocket, descriptors: Descriptors) -> WithDescriptors:
        return self._broker.take(app, message.id)

    def _taken(self, app: AppProcess, message: from_app.SocketTaken, descriptors: Descriptors) -> None:
        self._broker.taken(app, message.id, message.transfer)

    def _list(
        self, app: AppProcess, message: from_app.ListSockets, descriptors: Descriptors
    ) -> list[from_app.BrokeredSocketInfo]:
        return self._broker.infos(app.package, message.behind)
