"""What the system does is written down first, and told then.

The ledger saves all that must last, in one transaction with the number of the message that did it, and lets out what is to be
said to apps. Whatever changes the state besides an app's message says `soon`.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from typing import Any

import msgspec

from rig.standby.system.numbers import Numbers
from rig.standby.system.owners import Owners
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
        owners: Owners,
        on_fault: Callable[[str, BaseException], None],
    ) -> None:
        self._store = store
        self._numbers = numbers
        self._packages = packages
        self._power = power
        self._processes = processes
        self._owners = owners
        self._on_fault = on_fault
        self._loop = asyncio.get_running_loop()
        self._soon: asyncio.Handle | None = None
        self._gone: list[int] = []
        self._encoded: dict[Name, tuple[Any, bytes]] = {}
        """Of apps and what the owners save, most of which a message does not change."""

    def inbox(self, instance: int) -> Inbox:
        """Of an app, as the system before has left it."""
        saved = self._store.inbox(instance)
        return Inbox(lambda number, answer, last: self.now(Done(instance, number, answer, last)), saved.last, saved.answers)

    def forget(self, instance: int) -> None:
        """It will never say anything again."""
        self._gone.append(instance)
        self.soon()

    def soon(self) -> None:
        """Something has changed, or is to be told."""
        if self._soon is None:
            self._soon = self._loop.call_soon(self.now)

    def now(self, done: Done | None = None) -> None:
        """What cannot be written down counts as done all the same, and is told."""
        if self._soon is not None:
            self._soon.cancel()
            self._soon = None
        gone, self._gone = self._gone, []
        try:
            self._store.save(self._things(), done, gone)
        except sqlite3.Error as error:
            self._on_fault("the system's store", error)
        for app in self._processes:
            app.flush()

    def _things(self) -> dict[Name, bytes]:
        things = {HOST: _encode(SavedHost(self._power.screen, self._numbers))}
        for package in self._packages.values():
            things["package", package.name] = _encode(package)
        saved: dict[Name, Any] = {("app", str(app.instance)): app.save() for app in self._processes}
        saved.update(self._owners.saved())
        before, self._encoded = self._encoded, {}
        for name, thing in saved.items():
            known = before.get(name)
            self._encoded[name] = known if known is not None and known[0] == thing else (thing, _encode(thing))
            things[name] = self._encoded[name][1]
        return things
