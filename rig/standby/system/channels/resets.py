"""Channels that the system takes away: dead until they are rebuilt, and a ControlChannelReset tells their app when they can be
(CCT-046, CCT-047).

cause                       taken away when             told when
fast user switch            another user gets in        the user is back
standby                     the host has slept: only    the user is back
                            software slots
quiet hours                 they begin                  they end
the app's process ended     at once, with all of it     the app runs again

Who asked for a channel in vain meanwhile (SERVICE_UNAVAILABLE) is told too, as of a slot of that kind. What is to be told
outlives the system's process.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress

import msgspec

from rig.errors import RigError
from rig.standby.system.app_process import APPS, AppProcess, SavedApp
from rig.standby.system.background import Background
from rig.standby.system.channels.availability import ChannelAvailability, away_in
from rig.standby.system.channels.channel import CHANNELS, Channel, SavedChannel
from rig.standby.system.channels.keep_alive import KeepAliveTimers
from rig.standby.system.channels.setup import ChannelSetup
from rig.standby.system.channels.slots import SlotKind
from rig.standby.system.channels.table import ChannelTable
from rig.standby.system.governor import Governor
from rig.standby.system.owner import Owner
from rig.standby.system.power import PowerState, Screen
from rig.standby.system.rows import Rows, SavedTable
from rig.standby.system.store import Name, saved_of
from rig.standby.system.tasks.triggers.system_changes import Happened
from rig.standby.wire.surroundings import Surroundings
from rig.standby.wire.task_enums import ControlChannelTriggerResetReason as Reason
from rig.standby.wire.task_enums import SystemTriggerType
from rig.standby.wire.triggers import ResetDetails
from rig.timeline import TimelineWriter

KIND = "channel reset"
EVERY_KIND = tuple(SlotKind)


class SavedReset(msgspec.Struct, frozen=True):
    """To be told to the tasks of a package."""

    package: str
    details: ResetDetails


class ChannelResets(Owner):
    """`happens` fires the tasks. To be asked for what it has missed (`catch_up`) when the system is started."""

    def __init__(
        self,
        table: ChannelTable,
        setup: ChannelSetup,
        timers: KeepAliveTimers,
        availability: ChannelAvailability,
        power: PowerState,
        governor: Governor,
        background: Background,
        happens: Callable[[Happened], None],
        timeline: TimelineWriter,
        rows: Rows,
    ) -> None:
        self._table = table
        self._setup = setup
        self._timers = timers
        self._availability = availability
        self._power = power
        self._governor = governor
        self._background = background
        self._happens = happens
        self._timeline = timeline
        self._untold: SavedTable[SavedReset] = SavedTable(rows, KIND)

    # -- causes --------------------------------------------------------------------------------------------------------

    def surroundings_changed(self, before: Surroundings, after: Surroundings) -> None:
        old, new = away_in(before), away_in(after)
        for reason in new:
            if reason not in old:
                self._take_away(reason, EVERY_KIND)
        for reason in old:
            if reason not in new:
                self._tell(reason)

    def power_changed(self) -> None:
        if self._power.screen is Screen.CONNECTED_STANDBY:
            self._take_away(Reason.LOW_POWER_EXIT, (SlotKind.SOFTWARE,))

    def left_standby(self) -> None:
        self._tell(Reason.LOW_POWER_EXIT)

    def app_gone(self, app: AppProcess) -> None:
        """Called before its channels end."""
        for channel in self._table.of(app):
            if channel.kind is not None:
                self._note(channel, Reason.APPLICATION_RESTART, channel.kind)

    def app_ready(self, app: AppProcess) -> None:
        """One that runs again."""
        self._tell(Reason.APPLICATION_RESTART, app.package.name)

    def unavailable(self, channel: Channel, kind: SlotKind) -> None:
        """It was asked for in vain: its app waits for a system event, and this is the one (CCT-025)."""
        in_standby = [Reason.LOW_POWER_EXIT] if self._power.in_standby else []
        for reason in self._availability.away or in_standby:
            self._note(channel, reason, kind)

    # -- what outlives the system's process ----------------------------------------------------------------------------

    def take_up(self, things: Mapping[Name, bytes], descriptors: dict[str, int]) -> None:
        for saved in saved_of(things, KIND, SavedReset):
            self._untold[_key(saved.package, saved.details.reason)] = saved

    def catch_up(self) -> None:
        """The system is a new one: what the one before it did not come to."""
        for channel in self._table:
            if channel.reset:
                self._give_back_soon(channel)
        self.power_changed()
        over = set(Reason) - set(self._availability.away) - {Reason.APPLICATION_RESTART}
        for reason in over - ({Reason.LOW_POWER_EXIT} if self._power.in_standby else set()):
            self._tell(reason)

    # -- taking away and telling ---------------------------------------------------------------------------------------

    def _take_away(self, reason: Reason, kinds: Collection[SlotKind]) -> None:
        for channel in self._table:
            if channel.kind is not None and channel.kind in kinds and not channel.reset:
                self._note(channel, reason, channel.kind)
                self._kill(channel)

    def _kill(self, channel: Channel) -> None:
        """Nothing of it fires any more, whatever it waits for; the device hears of it as soon as it can."""
        self._timers.stop(channel)
        self._setup.reset(channel)
        self._give_back_soon(channel)

    def _give_back_soon(self, channel: Channel) -> None:
        self._background.start(f"the reset of {channel.label}", self._give_back(channel))

    async def _give_back(self, channel: Channel) -> None:
        """What the driver cannot do now is done before the next sleep."""
        with self._governor.hold(channel.label, "its reset"), suppress(RigError):
            async with channel.turn:
                if channel.reset and channel in self._table:  # else it has been rebuilt or closed meanwhile
                    await self._setup.free(channel)

    def _note(self, channel: Channel, reason: Reason, kind: SlotKind) -> None:
        package = channel.app.package.name
        noted = self._untold.get(_key(package, reason))
        kinds = _kinds(noted.details) if noted is not None else set[SlotKind]()
        self._untold[_key(package, reason)] = SavedReset(package, _details(reason, kinds | {kind}))

    def _tell(self, reason: Reason, package: str | None = None) -> None:
        for key, untold in list(self._untold.items()):
            if untold.details.reason is reason and package in (None, untold.package):
                details = self._untold.pop(key).details
                lost = {"hardware": details.hardware, "software": details.software}
                self._timeline.add("RESET", app=untold.package, reason=reason.name, **lost)
                self._happens(Happened(SystemTriggerType.CONTROL_CHANNEL_RESET, untold.package, details))


def resets_of_restart(things: Mapping[Name, bytes]) -> dict[Name, bytes]:
    """What is to be told, out of all that was saved, when a machine has lost its power with these channels: of each package what
    its processes had, or had lost over a standby that is over, when it runs again."""
    names = {saved.instance: saved.package for saved in saved_of(things, APPS, SavedApp)}
    lost: dict[str, set[SlotKind]] = {}
    for channel in saved_of(things, CHANNELS, SavedChannel):
        if channel.kind is not None:
            lost.setdefault(names[channel.instance], set()).add(channel.kind)
    for saved in saved_of(things, KIND, SavedReset):
        if saved.details.reason in (Reason.LOW_POWER_EXIT, Reason.APPLICATION_RESTART):
            lost.setdefault(saved.package, set()).update(_kinds(saved.details))
    reason = Reason.APPLICATION_RESTART
    return {
        _name(package, reason): msgspec.msgpack.encode(SavedReset(package, _details(reason, kinds)))
        for package, kinds in lost.items()
    }


def without_untold_exits(things: Mapping[Name, bytes]) -> dict[Name, bytes]:
    """A machine that starts is in no standby that it could leave: `resets_of_restart` tells of what was lost in one."""
    exits = {_name(saved.package, Reason.LOW_POWER_EXIT) for saved in saved_of(things, KIND, SavedReset)}
    return {name: value for name, value in things.items() if name not in exits}


def _name(package: str, reason: Reason) -> Name:
    return KIND, _key(package, reason)


def _key(package: str, reason: Reason) -> str:
    return f"{reason.name} {package}"


def _kinds(details: ResetDetails) -> set[SlotKind]:
    lost = {SlotKind.HARDWARE: details.hardware, SlotKind.SOFTWARE: details.software}
    return {kind for kind, was_lost in lost.items() if was_lost}


def _details(reason: Reason, kinds: Collection[SlotKind]) -> ResetDetails:
    return ResetDetails(reason, hardware=SlotKind.HARDWARE in kinds, software=SlotKind.SOFTWARE in kinds)
