"""What the system does is written down first, and told then.

The ledger saves all that must last, in one transaction with the number of the message that did it, and lets out what is to be
said to apps. Whatever changes the state besides an app's message says `soon`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec

from rig.standby.system.channels.keep_alive import KeepAliveTimers
from rig.standby.system.channels.table import ChannelTable
from rig.standby.system.numbers import Numbers
from rig.standby.system.package import AppPackage
from rig.standby.system.power import PowerState, Screen
from rig.standby.system.processes import Processes
from rig.standby.system.store import Done, Name, Store
from rig.standby.wire.inbox import Inbox

HOST: Name = ("host", "")
_encode = msgspec.msgpack.Encoder().encode


class SavedHost(msgspec.Struct, frozen=True):
    screen: Screen = Screen.ACTIVE
    numbers: Numbers = msgspec.field(default_factory=Numbers)


class Ledger:
    """A store that fails (the disk is full) is a fault that is told; the system goes on without it."""

    def __init__(
        self,
        store: Store,
        numbers: Numbers,
        packages: dict[str, AppPackage],
        power: PowerState,
        processes: Processes,
        table: ChannelTable,
        timers: KeepAliveTimers,
        on_fault: Callable[[str, BaseException], None],
    ) -> None:
        self._store = store
        self._numbers = numbers
        self._packages = packages
        self._power = power
        self._processes = processes
        self._table = table
        self._timers = timers
        self._on_fault = on_fault
        self._loop = asyncio.get_running_loop()
        self._soon: asyncio.Handle | None = None
        self._gone: list[int] = []

    def inbox(self, instance: int) -> Inbox:
        """Of an app, as the system before has left it."""
        saved = self._store.inbox(instance)
        return Inbox(lambda number, answer, last: self._write(Done(instance, number, answer, last)), saved.last, saved.answers)

    def forget(self, instance: int) -> None:
        """It will never say anything again."""
        self._gone.append(instance)
        self.soon()

    def soon(self) -> None:
        """Something has changed, or is to be told."""
        if self._soon is None:
            self._soon = self._loop.call_soon(self.now)

    def now(self) -> None:
        try:
            self._write(None)
        except Exception as error:
            self._on_fault("the system's store", error)

    def _write(self, done: Done | None) -> None:
        """Raises sqlite3.Error; what is to be told is told all the same."""
        if self._soon is not None:
            self._soon.cancel()
            self._soon = None
        gone, self._gone = self._gone, []
        try:
            self._store.save(self._things(), done, gone)
        finally:
            for app in self._processes:
                app.flush()

    def _things(self) -> dict[Name, bytes]:
        things: dict[Name, Any] = {HOST: SavedHost(self._power.screen, self._numbers)}
        for package in self._packages.values():
            things["package", package.name] = package
        for app in self._processes:
            things["app", str(app.instance)] = app.save()
        for channel in self._table:
            key = f"{channel.app.instance} {channel.channel_id}"
            things["channel", key] = channel.save(self._timers.due_s(channel))
        return {name: _encode(thing) for name, thing in things.items()}
