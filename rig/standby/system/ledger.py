"""What the system does is written down first, and told then.

The ledger saves what has changed of all that must last (rows.py), in one transaction with the number of the message that did
it, and lets out what is to be said to apps. Whatever changes the state besides an app's message says `soon`. A message that
nothing is said about waits for the next: a wake has two, and one transaction. Who said it keeps it meanwhile, and is not stopped,
as it holds the host awake.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable

import msgspec

from rig.standby.system.app_process import AppProcess
from rig.standby.system.numbers import Numbers
from rig.standby.system.power import PowerState, Screen
from rig.standby.system.rows import Rows
from rig.standby.system.store import Done, Name, Store
from rig.standby.wire.inbox import Inbox

HOST: Name = ("host", "")
POSTPONED_S = 0.005
"""The completion of a read is over by then; whoever takes longer is written down without."""


class SavedHost(msgspec.Struct, frozen=True):
    screen: Screen = Screen.ACTIVE
    numbers: Numbers = msgspec.field(default_factory=Numbers)


class Ledger:
    """A store that fails (the disk is full) is a fault that is told; the system goes on without it."""

    def __init__(
        self,
        store: Store,
        rows: Rows,
        numbers: Numbers,
        power: PowerState,
        on_fault: Callable[[str, BaseException], None],
    ) -> None:
        self._store = store
        self._rows = rows
        rows.add(HOST, lambda: SavedHost(power.screen, numbers))
        self._on_fault = on_fault
        self._loop = asyncio.get_running_loop()
        self._soon: asyncio.Handle | None = None
        self._later: asyncio.TimerHandle | None = None
        self._done: list[Done] = []
        """Not yet written down."""
        self._gone: list[int] = []
        self._to_tell: dict[AppProcess, None] = {}
        """Apps that something is to be said to."""

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

    def tell(self, app: AppProcess) -> None:
        """As soon as it is written down."""
        self._to_tell[app] = None
        self.soon()

    def taken_up(self) -> None:
        """All that is left of the system before has its row: others that are written down are over."""
        for name in self._store.known.keys() - self._rows.names:
            self._rows.changed(name)
        self.now()

    def now(self) -> None:
        """What cannot be written down counts as done all the same, and is told."""
        for handle in (self._soon, self._later):
            if handle is not None:
                handle.cancel()
        self._soon = self._later = None
        gone, self._gone = self._gone, []
        done, self._done = self._done, []
        self._rows.changed(HOST)  # small, and most messages change its numbers
        changes = self._rows.take()
        try:
            self._store.save(changes, done, gone)
        except sqlite3.Error as error:
            self._rows.put_back(changes)
            self._on_fault("the system's store", error)
        to_tell, self._to_tell = self._to_tell, {}
        for app in to_tell:
            app.flush()
