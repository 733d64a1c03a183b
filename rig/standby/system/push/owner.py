"""The push client as an owner of what the device keeps: what sleep and wake, an app's end and that of the system mean to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rig.device.numbers import WakeReason
from rig.standby.system.app_process import AppProcess
from rig.standby.system.driver import Driver
from rig.standby.system.owner import Owner
from rig.standby.system.package import AppPackage
from rig.standby.system.push.client import PushClient
from rig.standby.system.push.delivery import PushDelivery
from rig.standby.system.push.offload import PushOffload
from rig.standby.system.push.state import LABEL, PUSH
from rig.standby.system.store import Name
from rig.standby.wire.nic import Held


class PushOwner(Owner):
    def __init__(self, client: PushClient, delivery: PushDelivery, offload: PushOffload, driver: Driver) -> None:
        self._client = client
        self._delivery = delivery
        self._offload = offload
        self._driver = driver

    def has(self, key: str) -> bool:
        return key == self._offload.key

    # -- the host falls asleep and wakes -------------------------------------------------------------------------------

    async def prepare(self) -> None:
        """Without a place in the device the host is deaf to the service while it sleeps, and asks again before the next time."""
        if self._client.fd is None:
            await self._offload.give_back()
        elif self._offload.key is None:
            await self._client.reserve()

    @property
    def places(self) -> Mapping[str, int]:
        return {LABEL: 1} if self._offload.key is not None else {}

    def to_offload(self) -> Iterable[str]:
        key = self._offload.key
        return [key] if key is not None and self._client.fd is not None else []

    def label_of(self, key: str) -> str:
        return LABEL

    def network_goes(self) -> None:
        self._client.network_goes()

    def network_is_back(self) -> None:
        self._client.network_is_back()
        self._delivery.go_on()

    def woke(self, key: str, reason: str) -> None:
        if reason == WakeReason.KA_TIMEOUT.name:
            self.lost(key)

    def lost(self, key: str) -> None:
        self._client.lose("the device found the push service gone, or lost the connection")

    # -- the apps ------------------------------------------------------------------------------------------------------

    def app_gone(self, app: AppProcess) -> None:
        self._delivery.app_gone(app)

    def package_gone(self, package: AppPackage) -> None:
        self._delivery.package_gone(package)
        self._client.tell_gone(package.name)

    # -- what outlives the system's process ----------------------------------------------------------------------------

    def take_up(self, things: Mapping[Name, bytes], descriptors: dict[str, int]) -> None:
        self._client.take_up(descriptors.pop(PUSH, None))
        self._delivery.take_up(things)

    def adopt(self, held: Held) -> None:
        key, fd = self._offload.key, self._client.fd
        if key is not None and fd is not None and key in held.slots:
            self._driver.adopt(key, fd)

    async def agree(self, held: Held) -> None:
        key, fd = self._offload.key, self._client.fd
        if key is not None and fd is not None and key not in held.slots and not await self._offload.reserve_again(fd):
            await self._offload.give_back()
