"""Whose a socket is: given by an app, taken by any process of it, and gone with the package (SAT-003, 012, 020)."""

from __future__ import annotations

import socket
from typing import Any

from rig import open_files
from rig.config import StandbyConfig
from rig.standby.system.app_process import AppProcess
from rig.standby.system.numbers import Numbers
from rig.standby.system.package import AppPackage
from rig.standby.system.reservation import Reservation
from rig.standby.system.sockets.activity import SocketActivity
from rig.standby.system.sockets.brokered import BrokeredSocket, SavedSocket, stored_name
from rig.standby.system.sockets.offload import SocketOffload, reservation_of
from rig.standby.system.sockets.table import SocketTable
from rig.standby.system.sockets.timers import SocketTimers
from rig.standby.system.supervising import Supervising
from rig.standby.wire.app_sockets import BrokeredSocketInfo, EnableTransfer, TakenSocket, TransferSocket
from rig.standby.wire.descriptors import WithDescriptors
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.socket_enums import SocketActivityConnectedStandbyAction as Action
from rig.standby.wire.socket_enums import SocketActivityKind
from rig.standby.wire.triggers import SocketActivity as SocketActivityOf
from rig.timeline import TimelineWriter

PAGE_BYTES = 48 * 1024
"""Of what apps have said of their sockets, in one answer; a message has more than twice the room."""
INFO_BYTES = 128
"""What else there is in an answer of one socket, and more."""


class SocketBroker:
    """Everything that changes whose a socket is."""

    def __init__(
        self,
        table: SocketTable,
        activity: SocketActivity,
        timers: SocketTimers,
        offload: SocketOffload,
        supervisor: Supervising,
        numbers: Numbers,
        rules: StandbyConfig,
        timeline: TimelineWriter,
    ) -> None:
        self._table = table
        self._activity = activity
        self._timers = timers
        self._offload = offload
        self._supervisor = supervisor
        self._numbers = numbers
        self._rules = rules
        self._timeline = timeline
        self._taking: dict[int, set[BrokeredSocket]] = {}
        """By the instance of who is about to take them."""

    # -- what may be ---------------------------------------------------------------------------------------------------

    def enable(self, app: AppProcess, wanted: EnableTransfer) -> None:
        """Nothing is kept of it here: the app says it again with the transfer. Raises HostError."""
        self._check_enabled(app.package, wanted.task_id, wanted.action)
        what: dict[str, Any] = {"kind": wanted.kind.name, "task_id": wanted.task_id, "action": wanted.action.name}
        self._timeline.add("OWNERSHIP_ENABLED", app=app.name, **what, instance=app.instance)

    def _check_enabled(self, package: AppPackage, task_id: str, action: Action) -> None:
        registration = package.registrations.get(task_id)
        if registration is None or not isinstance(registration.trigger, SocketActivityOf):
            raise HostError(HResult.ELEMENT_NOT_FOUND, f"app {package.name} has no task {task_id} with a SocketActivityTrigger")
        if action is Action.WAKE and not self._rules.aoac:
            raise HostError(HResult.ELEMENT_NOT_FOUND, "no connected standby here: enable it with DO_NOT_WAKE")

    def check_bind(self, kind: SocketActivityKind, action: Action) -> None:
        """Raises HostError (SAT-005)."""
        if action is Action.WAKE and kind is not SocketActivityKind.STREAM_SOCKET and self._rules.strict_wake_kinds:
            raise HostError(HResult.NOT_SUPPORTED_FOR_SOCKET, f"no {kind.name} wakes the host (strict_wake_kinds)")

    def _check_id(self, package: AppPackage, socket_id: str) -> None:
        if self._table.find(package.name, socket_id) is not None:
            if self._rules.socket_id_twice == "refuse":
                raise HostError(HResult.INVALID_STATE, f"the broker has a socket {socket_id!r} of app {package.name} already")
            return  # it takes that one's place
        most = self._rules.broker_sockets_per_app
        if most and self._table.count(package.name) >= most:
            raise HostError(HResult.OUT_OF_MEMORY, f"the broker has {most} sockets of app {package.name}, and takes no more")

    # -- from the app --------------------------------------------------------------------------------------------------

    async def transfer(self, app: AppProcess, wanted: TransferSocket, sock: socket.socket) -> None:
        """`sock` is the broker's from now on. Raises HostError, with it closed."""
        transfer = self._numbers.next_transfer()
        try:
            self._check(app.package, wanted)
            self._check_room(sock)
            await self._supervisor.put(stored_name(transfer), sock.fileno())
            reservation = await self._reservation(app.package, wanted, sock)
            self._check_again(app.package, wanted, reservation)
        except BaseException:
            self._supervisor.remove(stored_name(transfer))
            sock.close()
            raise
        # nothing is waited for from here on: that it is the broker's is written down with the answer
        self._begin(app, wanted, transfer, sock, reservation)

    def _check_room(self, sock: socket.socket) -> None:
        """What the system itself needs is left to it."""
        if open_files.is_reserved(sock.fileno()):
            raise HostError(HResult.OUT_OF_MEMORY, f"the system may open no more than {open_files.most()} files: rig doctor")

    def _check(self, package: AppPackage, wanted: TransferSocket) -> None:
        self._check_enabled(package, wanted.task_id, wanted.action)
        self._check_id(package, wanted.id)

    def _check_again(self, package: AppPackage, wanted: TransferSocket, reservation: Reservation) -> None:
        """Whatever has happened while the device was asked."""
        try:
            self._check(package, wanted)
        except HostError:
            self._offload.give_back(reservation, f"app {package.name}, socket {wanted.id}")
            raise

    async def _reservation(self, package: AppPackage, wanted: TransferSocket, sock: socket.socket) -> Reservation:
        can_wake = wanted.kind is SocketActivityKind.STREAM_SOCKET or self._rules.wake_listeners_and_datagrams
        if wanted.action is not Action.WAKE or not can_wake:
            return reservation_of(wanted.kind)
        returned = await self._offload.returned(package.name, wanted.id, sock)
        if returned is not None:
            return returned
        names = {"app": package.name, "socket": wanted.id, "kind": wanted.kind.name, "task_id": wanted.task_id}
        return await self._offload.reserved(wanted.kind, sock, names)

    def _begin(
        self, app: AppProcess, wanted: TransferSocket, transfer: int, sock: socket.socket, reservation: Reservation
    ) -> None:
        package = app.package
        replaced = self._table.find(package.name, wanted.id)
        if replaced is not None:
            self.drop(replaced, "another one has its id")
        saved = SavedSocket(
            package=package.name,
            id=wanted.id,
            kind=wanted.kind,
            task_id=wanted.task_id,
            action=wanted.action,
            context=wanted.context,
            keep_alive_ms=wanted.keep_alive_ms,
            transfer=transfer,
            key=reservation.key,
            keep_alive=bool(sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)) and reservation.key is not None,
        )
        brokered = BrokeredSocket(saved, sock, package, reservation)
        brokered.turn_keep_alive(on=False)
        self._table.add(brokered)
        self._offload.keep(brokered)
        self._timeline.add("OWNERSHIP_TO_BROKER", **brokered.names, action=wanted.action.name, instance=app.instance)
        self._timers.start(brokered)
        self._activity.begin(brokered)

    # -- to the app ----------------------------------------------------------------------------------------------------

    def take(self, app: AppProcess, socket_id: str) -> WithDescriptors:
        """The same again, until it is `taken`. Raises HostError."""
        brokered = self._table.find(app.package.name, socket_id)
        if brokered is None:
            raise HostError(HResult.ELEMENT_NOT_FOUND, f"the broker has no socket {socket_id!r} of app {app.name}")
        if brokered.saved.taker is None:
            self._activity.pause(brokered)
            brokered.turn_keep_alive(on=True)
            brokered.change(taker=app.instance)
            self._taking.setdefault(app.instance, set()).add(brokered)
            self._timeline.add("OWNERSHIP_TO_APP", **brokered.names, instance=app.instance)
        elif brokered.saved.taker != app.instance:
            raise HostError(HResult.ILLEGAL_METHOD_CALL, f"another process of app {app.name} takes socket {socket_id!r} just now")
        saved = brokered.saved
        return WithDescriptors(
            TakenSocket(saved.kind, saved.task_id, saved.action, saved.context, saved.keep_alive_ms, saved.transfer),
            [brokered.sock.fileno()],
        )

    def taken(self, app: AppProcess, socket_id: str, transfer: int) -> None:
        """It is there. Of another transfer, or another process: nothing."""
        brokered = self._table.find(app.package.name, socket_id)
        if brokered is not None and (brokered.saved.transfer, brokered.saved.taker) == (transfer, app.instance):
            if brokered.saved.run is not None:
                self._offload.lend(brokered, brokered.saved.run)
            self._remove(brokered)

    def taker_gone(self, app: AppProcess) -> None:
        """What it has asked for, and has not got as far as we know, is the broker's as before."""
        for brokered in self._taking.pop(app.instance, ()):
            brokered.turn_keep_alive(on=False)
            brokered.change(taker=None)
            self._timeline.add("OWNERSHIP_TO_BROKER", **brokered.names, action=brokered.saved.action.name, instance=app.instance)
            self._activity.begin(brokered)

    def infos(self, package: AppPackage, behind: int) -> list[BrokeredSocketInfo]:
        """As many as an answer can hold, in the order of their transfers."""
        infos: list[BrokeredSocketInfo] = []
        room = PAGE_BYTES
        for brokered in self._table.of(package.name):
            saved = brokered.saved
            if saved.transfer <= behind:
                continue
            infos.append(BrokeredSocketInfo(saved.id, saved.kind, saved.task_id, saved.context, saved.transfer))
            room -= INFO_BYTES + len(saved.id.encode()) + len(saved.context or b"")
            if room < 0:
                break
        return infos

    # -- its end -------------------------------------------------------------------------------------------------------

    def drop(self, brokered: BrokeredSocket, why: str) -> None:
        """The broker closes it."""
        self._timeline.add("SOCKET_DROPPED", **brokered.names, reason=why)
        self._remove(brokered)

    def restore(self, brokered: BrokeredSocket) -> None:
        """As the system before had it."""
        self._table.add(brokered)
        self._offload.keep(brokered)
        if brokered.saved.taker is not None:
            self._taking.setdefault(brokered.saved.taker, set()).add(brokered)
        self._activity.begin(brokered)

    def _remove(self, brokered: BrokeredSocket) -> None:
        self._activity.end(brokered)
        if brokered.saved.taker is not None:
            self._taking[brokered.saved.taker].discard(brokered)
        self._table.remove(brokered)
        self._offload.let_go(brokered)
        self._supervisor.remove(brokered.stored_as)
        brokered.sock.close()
