"""Control channels as an owner of what the device keeps: what sleep and wake, the end of an app and that of the system mean to
them."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping

from rig.device.numbers import WakeReason
from rig.standby.system.app_process import AppProcess
from rig.standby.system.channels.channel import CHANNELS, Channel, SavedChannel, restored, stored_name
from rig.standby.system.channels.closing import ChannelClosing
from rig.standby.system.channels.keep_alive import KeepAliveTimers
from rig.standby.system.channels.setup import ChannelSetup
from rig.standby.system.channels.standing_orders import StandingOrders
from rig.standby.system.channels.table import ChannelTable
from rig.standby.system.channels.triggers import ChannelTriggers
from rig.standby.system.channels.watch import TransportWatch
from rig.standby.system.driver import Driver
from rig.standby.system.owner import Owner
from rig.standby.system.package import AppPackage
from rig.standby.system.processes import Processes
from rig.standby.system.store import Name, saved_of
from rig.standby.wire.nic import Held
from rig.standby.wire.task_enums import BackgroundTaskCancellationReason


class ChannelOwner(Owner):
    """Of all channels. The slot that one has in the policy's count is its own in standby and out of it; see setup.py."""

    def __init__(
        self,
        table: ChannelTable,
        setup: ChannelSetup,
        timers: KeepAliveTimers,
        watch: TransportWatch,
        triggers: ChannelTriggers,
        standing: StandingOrders,
        closing: ChannelClosing,
        processes: Processes,
        driver: Driver,
    ) -> None:
        self._table = table
        self._setup = setup
        self._timers = timers
        self._watch = watch
        self._triggers = triggers
        self._standing = standing
        self._closing = closing
        self._processes = processes
        self._driver = driver

    def has(self, key: str) -> bool:
        return self._table.by_key(key) is not None

    @property
    def places(self) -> Mapping[str, int]:
        return {"control channels": sum(channel.key is not None for channel in self._table)}

    # -- the host falls asleep and wakes -------------------------------------------------------------------------------

    async def prepare(self) -> None:
        """A channel whose transport is over keeps its slot for the next one."""
        for channel in self._table:
            if channel.reset:
                await self._setup.free(channel)
            elif channel.over:
                await self._setup.give_back(channel)
            elif channel.offloaded:
                await self._setup.set_resumed(channel)

    def to_offload(self) -> Iterable[str]:
        return [channel.key for channel in self._table if channel.offloaded and channel.key is not None]

    def label_of(self, key: str) -> str:
        return self._of(key).label

    def network_goes(self) -> None:
        self._watch.stop_all()

    def network_is_back(self) -> None:
        for app in self._processes:
            if app.suspended:
                self.app_stopped(app)

    def woke(self, key: str, reason: str) -> None:
        channel = self._of(key)
        if reason != WakeReason.NO_MORE_TOKENS.name:
            self._processes.resume(channel.app, "wake")
        if reason == WakeReason.KA_TIMEOUT.name:
            channel.app.tell_failed(channel.channel_id)

    # -- what the driver says ------------------------------------------------------------------------------------------

    def lost(self, key: str) -> None:
        self._lose(self._of(key))

    def _lose(self, channel: Channel) -> None:
        """Nobody knows what the device sent on its transport last, or the device would not have it again: the app ends it, and
        may connect again (CCT-039)."""
        if channel.transport is not None:
            channel.transport.over = True
        self._processes.resume(channel.app, "transport_failed")
        channel.app.tell_failed(channel.channel_id)

    def no_more_tokens(self, key: str) -> None:
        self._triggers.no_more_tokens(self._of(key))

    # -- the user and the apps -----------------------------------------------------------------------------------------

    def left_standby(self) -> None:
        """Software channels count again (CCT-028)."""
        self.network_is_back()
        for channel in self._table:
            self._triggers.fire_held(channel)

    def app_stopped(self, app: AppProcess) -> None:
        self._watch.start(app, self._processes.resume)

    def app_goes_on(self, app: AppProcess) -> None:
        self._watch.stop(app)

    def app_gone(self, app: AppProcess) -> None:
        for channel in self._table.of(app):
            self._timers.stop(channel)

    async def app_stops(self, app: AppProcess) -> None:
        self._take_back(app)

    async def package_stops(self, package: AppPackage, reason: BackgroundTaskCancellationReason) -> None:
        for app in self._processes:
            if app.package is package:
                self._take_back(app)

    def _take_back(self, app: AppProcess) -> None:
        """It is about to end, and begins nothing any more."""
        for channel in self._table.of(app):
            self._standing.take_back(channel)

    async def end_app(self, app: AppProcess) -> None:
        errors = []
        for channel in self._table.of(app):
            async with channel.turn:
                try:
                    await self._closing.close_for_good(channel)
                except Exception as error:
                    errors.append(error)
        if errors:
            raise errors[0]

    # -- what outlives the system's process ----------------------------------------------------------------------------

    def take_up(self, things: Mapping[Name, bytes], descriptors: dict[str, int]) -> None:
        for saved in saved_of(things, CHANNELS, SavedChannel):
            app = self._processes.get(saved.instance)
            assert app is not None, "channels and their app are saved in one transaction"
            self._take_up(saved, app, descriptors.pop(stored_name(saved.instance, saved.channel_id), None))

    def _take_up(self, saved: SavedChannel, app: AppProcess, fd: int | None) -> None:
        sock = socket.socket(fileno=fd) if fd is not None else None
        connected = saved.transport is not None and saved.transport.connected
        if sock is not None and not connected:  # the message that brought it was not done: it comes again, with its descriptor
            sock.close()
            sock = None
        channel = restored(saved, app, sock)
        self._table.add(channel)
        self._setup.restore_slot(channel)
        if saved.due_s is not None:
            self._timers.go_on(channel, saved.due_s)

    def adopt(self, held: Held) -> None:
        for channel in self._table:
            if channel.key in held.slots and channel.sock is not None:
                self._driver.adopt(channel.key, channel.sock.fileno())

    async def agree(self, held: Held) -> None:
        for channel in self._table:
            if channel.offloaded and channel.key not in held.slots:
                async with channel.turn:
                    await self._reserve_again(channel)

    async def _reserve_again(self, channel: Channel) -> None:
        if channel.offloaded and not await self._setup.reserve_again(channel):  # else its app has changed it meanwhile
            self._lose(channel)

    def _of(self, key: str) -> Channel:
        channel = self._table.by_key(key)
        assert channel is not None, f"no channel has {key}"
        return channel
