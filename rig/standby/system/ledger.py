"""What the system does is written down first, and told then.

The ledger saves all that must last, in one transaction with the number of the message that did it, and lets out what is to be
said to apps. Whatever changes the state besides an app's message says `soon`. A message that nothing is said about waits for the
next: a wake has two, and one transaction. Who said it keeps it meanwhile, and is not stopped, as it holds the host awake.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from typing import Any

import msgspec

from rig.standby.system.app_process import APPS
from rig.standby.system.numbers import Numbers
from rig.standby.system.owners import Owners
from rig.standby.system.package import PACKAGES, AppPackage
from rig.standby.system.power import PowerState, Screen
from rig.standby.system.processes import Processes
from rig.standby.system.store import Done, Name, Store
from rig.standby.wire.inbox import Inbox

HOST: Name = ("host", "")
POSTPONED_S = 0.005
"""The completion of a read is over by then; whoever takes longer is written down without."""
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
        self._later: asyncio.TimerHandle | None = None
        self._done: list[Done] = []
        """Not yet written down."""
        self._gone: list[int] = []
        self._encoded: dict[Name, tuple[Any, bytes]] = {}
        """Of apps and what the owners save, most of which a message does not change."""

    def inbox(self, instance: int) -> Inbox:
        """Of an app, as the system before has left it."""
        saved = self._store.inbox(instance)

        def note(number: int, answer: bytes, last: int) -> None:
            self._done.append(Done(instance, number, answer, last))
            self.now()

        def postpone(number: int, answer: bytes, last: int) -> None:
            self._done.append(Done(instance, number, answer, last))
            if self._later is None:
                self._later = self._loop.call_later(POSTPONED_S, self.now)

        return Inbox(note, saved.last, saved.answers, postpone)

    def forget(self, instance: int) -> None:
        """It will never say anything again."""
        self._gone.append(instance)
        self.soon()

    def soon(self) -> None:
        """Something has changed, or is to be told."""
        if self._soon is None:
            self._soon = self._loop.call_soon(self.now)

    def now(self) -> None:
        """What cannot be written down counts as done all the same, and is told."""
        for handle in (self._soon, self._later):
            if handle is not None:
                handle.cancel()
        self._soon = self._later = None
        gone, self._gone = self._gone, []
        done, self._done = self._done, []
        try:
            self._store.save(self._things(), done, gone)
        except sqlite3.Error as error:
            self._on_fault("the system's store", error)
        for app in self._processes:
            app.flush()

    def _things(self) -> dict[Name, bytes]:
        things = {HOST: _encode(SavedHost(self._power.screen, self._numbers))}
        for package in self._packages.values():
            things[PACKAGES, package.name] = _encode(package)
        saved: dict[Name, Any] = {(APPS, str(app.instance)): app.save() for app in self._processes}
        saved.update(self._owners.saved())
        before, self._encoded = self._encoded, {}
        for name, thing in saved.items():
            known = before.get(name)
            same = known is not None and (known[0] is thing or known[0] == thing)
            self._encoded[name] = known if known is not None and same else (thing, _encode(thing))
            things[name] = self._encoded[name][1]
        return things
