"""Brokered sockets as an owner of what the device keeps: what sleep and wake, the end of an app and that of the system mean to
them."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterable, Mapping

from rig.device.numbers import WakeReason
from rig.standby.system.app_process import AppProcess
from rig.standby.system.background import Background
from rig.standby.system.owner import Owner
from rig.standby.system.package import AppPackage
from rig.standby.system.power import PowerState, Sleep
from rig.standby.system.sleep_cycle import SleepCycle
from rig.standby.system.sockets.activity import SocketActivity
from rig.standby.system.sockets.broker import SocketBroker
from rig.standby.system.sockets.brokered import SOCKETS, BrokeredSocket, SavedSocket, stored_name
from rig.standby.system.sockets.offload import SocketOffload, reservation_of
from rig.standby.system.sockets.table import SocketTable
from rig.standby.system.sockets.watch import SocketWatch
from rig.standby.system.store import Name, saved_of
from rig.standby.wire.nic import Held


class SocketOwner(Owner):
    def __init__(
        self,
        table: SocketTable,
        broker: SocketBroker,
        activity: SocketActivity,
        watch: SocketWatch,
        offload: SocketOffload,
        packages: Mapping[str, AppPackage],
        power: PowerState,
        sleep: SleepCycle,
        background: Background,
    ) -> None:
        self._table = table
        self._broker = broker
        self._activity = activity
        self._watch = watch
        self._offload = offload
        self._packages = packages
        self._power = power
        self._sleep = sleep
        self._background = background
        self._has_network = False
        power.subscribe(self._look)

    def has(self, key: str) -> bool:
        return self._offload.has(key)

    @property
    def places(self) -> Mapping[str, int]:
        return {"brokered sockets": self._offload.places}

    # -- the host falls asleep and wakes -------------------------------------------------------------------------------

    async def prepare(self) -> None:
        await self._offload.prepare()

    def to_offload(self) -> Iterable[str]:
        return self._offload.offloaded

    def label_of(self, key: str) -> str:
        brokered = self._offload.of(key)
        return brokered.label if brokered is not None else key

    def network_goes(self) -> None:
        self._has_network = False
        self._look()

    def network_is_back(self) -> None:
        self._has_network = True
        self._look()

    def left_standby(self) -> None:
        self._look()
        self._activity.left_standby()

    def _look(self) -> None:
        """In standby only what wakes is looked at (SAT-006), and nothing while the device may own the connections."""
        here = self._has_network and self._power.awake
        self._watch.listen(wakes=here, others=here and not self._power.in_standby)
        if self._power.sleep is Sleep.ASLEEP and self._watch.has_come:  # in the moment in which the host fell asleep
            self._background.start("what came last on a socket", self._sleep.wake("socket_activity"))

    def woke(self, key: str, reason: str) -> None:
        brokered = self._offload.of(key)
        if reason == WakeReason.KA_TIMEOUT.name:
            self.lost(key)
        elif brokered is not None and brokered.has_pattern:
            self._activity.expect(brokered)

    def lost(self, key: str) -> None:
        """The device found the peer gone, or nobody knows the connection's numbers any more: what can be read of it is read, and
        its end is seen by whoever has it, the broker or its app (SAT-017)."""
        brokered = self._offload.of(key)
        if brokered is None:
            self._offload.lost_lent(key)
        elif not self._offload.lost_pattern(brokered):
            self._end(brokered)

    def _end(self, brokered: BrokeredSocket) -> None:
        with contextlib.suppress(OSError):
            brokered.sock.shutdown(socket.SHUT_RDWR)
        self._offload.let_go(brokered)

    # -- the apps ------------------------------------------------------------------------------------------------------

    def app_gone(self, app: AppProcess) -> None:
        self._broker.taker_gone(app)

    def package_gone(self, package: AppPackage) -> None:
        for brokered in self._table.of(package.name):
            self._broker.drop(brokered, "its app is uninstalled")

    # -- what outlives the system's process ----------------------------------------------------------------------------

    def take_up(self, things: Mapping[Name, bytes], descriptors: dict[str, int]) -> None:
        """One whose descriptor is not there was about to be taken, or dropped: that was not written down any more."""
        for saved in sorted(saved_of(things, SOCKETS, SavedSocket), key=lambda saved: saved.transfer):
            fd = descriptors.pop(stored_name(saved.transfer), None)
            if fd is not None:
                sock = socket.socket(fileno=fd)
                package = self._packages[saved.package]
                self._broker.restore(BrokeredSocket(saved, sock, package, reservation_of(saved.kind, saved.key)))

    def adopt(self, held: Held) -> None:
        self._offload.adopt(held)

    async def agree(self, held: Held) -> None:
        for brokered in await self._offload.agree(held):
            self._end(brokered)
