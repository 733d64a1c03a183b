"""A system that is a new one takes up what the one before it had: apps, channels, slots, timers, and what the driver holds.

Nothing that is still valid is thrown away, and what has ended meanwhile ends as it would have.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from rig.standby.system.app_process import AppProcess, SavedApp
from rig.standby.system.channels.channel import Channel, SavedChannel, restored, stored_name
from rig.standby.system.channels.keep_alive import KeepAliveTimers
from rig.standby.system.channels.setup import ChannelSetup
from rig.standby.system.channels.table import ChannelTable
from rig.standby.system.driver import Driver
from rig.standby.system.processes import Processes
from rig.standby.system.store import Name
from rig.standby.system.supervising import Child, Supervising
from rig.standby.wire.from_app import FromApp
from rig.standby.wire.line import Line, pair
from rig.standby.wire.nic import Held


@dataclass(frozen=True)
class Outlived:
    """An app's process that has outlived the system before."""

    instance: int
    child: Child
    line: Line[FromApp]


class Gone:
    """The process of an app that ended while there was no system."""

    pids: tuple[int, ...] = ()
    stopped = False

    async def known(self) -> int:
        return 0

    def stop(self) -> None:
        pass

    def go_on(self) -> None:
        pass

    async def end(self) -> str:
        return "it ended while the system was started anew"

    def kill(self) -> None:
        pass


def saved_of(things: Mapping[Name, bytes], kind: str, cls: type[Any]) -> list[Any]:
    return [msgspec.msgpack.decode(value, type=cls) for (thing, _), value in things.items() if thing == kind]


class Restart:
    """One of these parts; `make_app` takes what was saved of an app, its child and its line; `lose` is told of a channel whose
    connection the device would not have again."""

    def __init__(
        self,
        things: Mapping[Name, bytes],
        make_app: Callable[[SavedApp, Child, Line[FromApp]], AppProcess],
        driver: Driver,
        supervisor: Supervising,
        processes: Processes,
        table: ChannelTable,
        setup: ChannelSetup,
        timers: KeepAliveTimers,
        lose: Callable[[Channel], None],
    ) -> None:
        self._things = things
        self._make_app = make_app
        self._driver = driver
        self._supervisor = supervisor
        self._processes = processes
        self._table = table
        self._setup = setup
        self._timers = timers
        self._lose = lose

    def take_up(self, outlived: Sequence[Outlived], descriptors: Mapping[str, int]) -> None:
        """Apps and channels. The descriptors are the system's own from now on; those that belong to nobody are closed."""
        alive = {app.instance: app for app in outlived}
        apps = {saved.instance: self._app(saved, alive.pop(saved.instance, None)) for saved in self._saved("app", SavedApp)}
        for unknown in alive.values():
            unknown.child.kill()
            unknown.line.close()
        left = dict(descriptors)
        for saved in self._saved("channel", SavedChannel):
            self._channel(saved, apps[saved.instance], left)
        for name, fd in left.items():
            os.close(fd)
            self._supervisor.remove(name)

    async def agree_with_driver(self, held: Held) -> None:
        """It gives back what is nobody's, and gets what it lacks. Raises what the driver does."""
        for channel in self._table:
            if channel.key in held.slots and channel.sock is not None:
                self._driver.adopt(channel.key, channel.sock.fileno())
        wanted = {channel.key for channel in self._table if channel.key is not None}
        for key in held.slots.keys() - wanted:
            await self._driver.give_back(key)
        for channel in self._table:
            if channel.offloaded and channel.key not in held.slots:
                async with channel.turn:
                    await self._reserve_again(channel)

    async def _reserve_again(self, channel: Channel) -> None:
        if channel.offloaded and not await self._setup.reserve_again(channel):  # else its app has changed it meanwhile
            self._lose(channel)

    def _saved(self, kind: str, cls: type[Any]) -> list[Any]:
        return saved_of(self._things, kind, cls)

    def _app(self, saved: SavedApp, outlived: Outlived | None) -> AppProcess:
        if outlived is not None:
            app = self._make_app(saved, outlived.child, outlived.line)
        else:
            ours, theirs = pair()
            theirs.close()  # the line says that it hung up
            app = self._make_app(saved, Gone(), Line(ours, FromApp))
        self._processes.add(app)
        return app

    def _channel(self, saved: SavedChannel, app: AppProcess, left: dict[str, int]) -> None:
        fd = left.pop(stored_name(saved.instance, saved.channel_id), None)
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
