"""Data for a stopped app: the transports of its channels are watched in its place (CCT-030)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from rig.standby.system.app_process import AppProcess
from rig.standby.system.channels.channel import Channel
from rig.standby.system.channels.table import ChannelTable
from rig.standby.system.power import PowerState


class TransportWatch:
    """Of the system's own descriptors; none is watched while the device may own the connections."""

    def __init__(self, power: PowerState, table: ChannelTable) -> None:
        self._power = power
        self._table = table
        self._loop = asyncio.get_running_loop()
        self._watched: dict[int, AppProcess] = {}

    def may_fire(self, channel: Channel) -> bool:
        """In standby only a hardware channel's data and timers count (CCT-028)."""
        return channel.push_enabled and (channel.hardware or not self._power.in_standby)

    def left_to_device(self, channel: Channel) -> bool:
        """Keep-alives: the device has some to send if it takes any, no task is to wake the host for one, and it may be asleep."""
        return channel.kept_alive_by_device and channel.payload is not None and channel.offloaded and self._power.in_standby

    def start(self, app: AppProcess, on_data: Callable[[AppProcess, str], None]) -> None:
        """Call with the app and "data" while there are any for one of its channels that may fire."""
        if not self._power.awake:
            return
        for channel in self._table.of(app):
            if channel.sock is not None and not channel.over and self.may_fire(channel):
                self._watched[channel.sock.fileno()] = app
                self._loop.add_reader(channel.sock.fileno(), on_data, app, "data")

    def stop(self, app: AppProcess) -> None:
        for fd in [fd for fd, watched in self._watched.items() if watched is app]:
            self._stop(fd)

    def stop_channel(self, channel: Channel) -> None:
        """Before its transport is closed."""
        if channel.sock is not None:
            self._stop(channel.sock.fileno())

    def stop_all(self) -> None:
        for fd in list(self._watched):
            self._stop(fd)

    def _stop(self, fd: int) -> None:
        if self._watched.pop(fd, None) is not None:
            self._loop.remove_reader(fd)
