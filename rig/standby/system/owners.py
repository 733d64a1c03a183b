"""All owners as one: who has to do with sleep, the ledger, a restart or an app's end knows none by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rig.standby.system.app_process import AppProcess
from rig.standby.system.owner import Owner
from rig.standby.system.package import AppPackage
from rig.standby.system.store import Name
from rig.standby.wire.nic import Held
from rig.standby.wire.task_enums import BackgroundTaskCancellationReason


class Owners(Owner):
    """Each is added before the system starts. What is said of a key goes to the owner that has it, or to nobody any more."""

    def __init__(self) -> None:
        self._all: list[Owner] = []

    def add(self, *owners: Owner) -> None:
        self._all.extend(owners)

    def _of(self, key: str | None) -> list[tuple[Owner, str]]:
        """One at most, with its key."""
        return [(owner, key) for owner in self._all if key is not None and owner.has(key)]

    def has(self, key: str) -> bool:
        return any(owner.has(key) for owner in self._all)

    @property
    def places(self) -> Mapping[str, int]:
        """All, by what for: what is not in it, the device has free, or others have."""
        return {what: count for owner in self._all for what, count in owner.places.items() if count}

    async def prepare(self) -> None:
        for owner in self._all:
            await owner.prepare()

    def to_offload(self) -> Iterable[str]:
        return [key for owner in self._all for key in owner.to_offload()]

    def label_of(self, key: str | None) -> str:
        return next((owner.label_of(own) for owner, own in self._of(key)), "the network")

    def network_goes(self) -> None:
        for owner in self._all:
            owner.network_goes()

    def network_is_back(self) -> None:
        for owner in self._all:
            owner.network_is_back()

    def woke(self, key: str | None, reason: str) -> None:
        for owner, own in self._of(key):
            owner.woke(own, reason)

    def lost(self, key: str) -> None:
        for owner, own in self._of(key):
            owner.lost(own)

    def no_more_tokens(self, key: str) -> None:
        for owner, own in self._of(key):
            owner.no_more_tokens(own)

    def left_standby(self) -> None:
        for owner in self._all:
            owner.left_standby()

    def app_ready(self, app: AppProcess) -> None:
        for owner in self._all:
            owner.app_ready(app)

    def app_moved(self, app: AppProcess) -> None:
        for owner in self._all:
            owner.app_moved(app)

    def app_stopped(self, app: AppProcess) -> None:
        for owner in self._all:
            owner.app_stopped(app)

    def app_goes_on(self, app: AppProcess) -> None:
        for owner in self._all:
            owner.app_goes_on(app)

    def app_gone(self, app: AppProcess) -> None:
        for owner in self._all:
            owner.app_gone(app)

    async def end_app(self, app: AppProcess) -> None:
        """Every owner's part is done whatever another one's raises. Raises the first of them."""
        errors = []
        for owner in self._all:
            try:
                await owner.end_app(app)
            except Exception as error:
                errors.append(error)
        if errors:
            raise errors[0]

    async def app_stops(self, app: AppProcess) -> None:
        for owner in self._all:
            await owner.app_stops(app)

    async def package_stops(self, package: AppPackage, reason: BackgroundTaskCancellationReason) -> None:
        for owner in self._all:
            await owner.package_stops(package, reason)

    def package_stopped(self, package: AppPackage) -> None:
        for owner in self._all:
            owner.package_stopped(package)

    def package_gone(self, package: AppPackage) -> None:
        for owner in self._all:
            owner.package_gone(package)

    def take_up(self, things: Mapping[Name, bytes], descriptors: dict[str, int]) -> None:
        for owner in self._all:
            owner.take_up(things, descriptors)

    def adopt(self, held: Held) -> None:
        for owner in self._all:
            owner.adopt(held)

    async def agree(self, held: Held) -> None:
        for owner in self._all:
            await owner.agree(held)
