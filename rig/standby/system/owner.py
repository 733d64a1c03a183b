"""Who has something that the device keeps while the host sleeps, or that ends with an app or outlives the system's process.

Control channels are one such owner. What the host's sleep, the ledger, a restart of the system and the end of an app have to do
with any of them they do through `Owners` (owners.py), and know none by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rig.standby.system.app_process import AppProcess
from rig.standby.system.package import AppPackage
from rig.standby.system.store import Name
from rig.standby.wire.nic import Held
from rig.standby.wire.task_enums import BackgroundTaskCancellationReason


class Owner:
    """What an owner has nothing to do with it leaves as it is here: nothing. Keys are the driver's names of connections and
    patterns; a method that takes one is called with the owner's own only."""

    def has(self, key: str) -> bool:
        """Whether it means the driver to hold that; asked at each wake, and there may be very many."""
        return False

    @property
    def places(self) -> Mapping[str, int]:
        """How many places in the device it has, by what for."""
        return {}

    # -- the host falls asleep and wakes -------------------------------------------------------------------------------

    async def prepare(self) -> None:
        """An attempt to fall asleep begins: give back what is over, and tell the driver whom a wake continues. Raises what the
        driver does; the attempt fails then."""

    def to_offload(self) -> Iterable[str]:
        """Keys of the connections that the device is to keep in this sleep. Patterns it has without being asked."""
        return ()

    def label_of(self, key: str) -> str:
        """Who keeps the host awake, for SLEEP_REFUSED."""
        return key

    def network_goes(self) -> None:
        """The device may own the host's connections from now on: nothing that comes on them can be seen here."""

    def network_is_back(self) -> None:
        """They are the host's; also said when they never went."""

    def woke(self, key: str, reason: str) -> None:
        """It woke the host, for the WakeReason of that name. The processes that the driver was told of go on already."""

    # -- what the driver says ------------------------------------------------------------------------------------------

    def lost(self, key: str) -> None:
        """The connection is of no more use, or the device would not have the pattern again. The driver holds it until it is given
        back, or removed."""

    def no_more_tokens(self, key: str) -> None:
        """What its payload keep-alive is made of is used up."""

    # -- the user and the apps -----------------------------------------------------------------------------------------

    def left_standby(self) -> None:
        """The user is back; the host is awake unless the device is not to be had."""

    def app_ready(self, app: AppProcess) -> None:
        """It has started, and does what it is for."""

    def app_moved(self, app: AppProcess) -> None:
        """It is in the foreground now, or no more."""

    def app_stopped(self, app: AppProcess) -> None:
        """It sees nothing of what comes for it; the host may be about to sleep."""

    def app_goes_on(self, app: AppProcess) -> None:
        """It is about to be continued."""

    def app_gone(self, app: AppProcess) -> None:
        """It has ended: nothing of it happens any more. `end_app` follows."""

    async def end_app(self, app: AppProcess) -> None:
        """Give back all that was its own. What raises counts as given back: nobody is left who could try again."""

    async def app_stops(self, app: AppProcess) -> None:
        """Its process is about to be ended, by the user or by the system. Tell what it runs of it, and wait for what it may still
        do."""

    async def package_stops(self, package: AppPackage, reason: BackgroundTaskCancellationReason) -> None:
        """All of its processes are about to be ended, for an update or because the user does not want it any more. Tell them of
        it, and wait for what they may still do."""

    def package_stopped(self, package: AppPackage) -> None:
        """What `package_stops` was said for is over, done or not: its processes may start again, unless it is gone."""

    def package_gone(self, package: AppPackage) -> None:
        """It is not installed any more, and none of its processes runs."""

    # -- what outlives the system's process ----------------------------------------------------------------------------

    def take_up(self, things: Mapping[Name, bytes], descriptors: dict[str, int]) -> None:
        """What the system before had in rows (rows.py), of kinds of its own; what it does not put there again is gone. Apps are
        there already. It takes its own out of the supervisor's `descriptors`; what is left in the end is closed."""

    def adopt(self, held: Held) -> None:
        """Give the driver, which may be a new one too, the descriptors of what it holds."""

    async def agree(self, held: Held) -> None:
        """Give the driver what it does not hold and should. Raises what the driver does."""
