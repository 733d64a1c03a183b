"""How an app that wants to know is asked before it is stopped, and told when the user is back.

It does what it has to do before its threads stand still (hand over its sockets, seal keep-alives) and says that it is done; that
keeps the host awake, for a bounded time. Most apps do not want to know, and are stopped at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec

from rig.standby.system.governor import Governor, Hold
from rig.standby.system.rows import SavedPart
from rig.standby.wire.from_app import FollowSuspension
from rig.standby.wire.to_app import Resuming, Suspending, ToApp


class SavedSuspension(msgspec.Struct, frozen=True):
    """What outlives the system's process."""

    asks: bool = False
    """It wants to be asked before it is stopped."""
    tells: bool = False
    """It wants to know when it goes on for the user."""
    number: int = 0
    """Of the last that was said to it of either. None comes twice: what it says to one that is over counts for nothing."""
    away: bool = False
    """It was asked or stopped, and the user has not been back since: it may have gone on meanwhile, for a wake or a task."""


class Suspension(SavedPart):
    """Of one app."""

    def __init__(self, saved: SavedSuspension, governor: Governor, label: str, tell: Callable[[ToApp], None]) -> None:
        self._saved = saved
        self._governor = governor
        self._label = label
        self._tell = tell
        self._hold: Hold | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._over = asyncio.Event()

    def save(self) -> SavedSuspension:
        return self._saved

    @property
    def wanted(self) -> bool:
        """Whether it is to be asked."""
        return self._saved.asks

    @property
    def number(self) -> int:
        return self._saved.number

    @property
    def under_way(self) -> bool:
        """It was asked, and has neither said that it is done nor been stopped."""
        return self._hold is not None

    def follow(self, wanted: FollowSuspension) -> None:
        self._change(asks=wanted.suspending, tells=wanted.resuming)

    def begin(self, within_s: float, overdue: Callable[[], None]) -> None:
        """Ask. `overdue` is called when it has not said within that long, of real time, that it is done."""
        self._over.clear()
        self._change(number=self.number + 1, away=True)
        self._hold = self._governor.hold(self._label, "it is asked before it is suspended")
        self._timer = asyncio.get_running_loop().call_later(within_s, overdue)
        self._tell(Suspending(self.number, within_s))

    async def wait_over(self) -> None:
        """Of one that is under way: it is stopped, goes on or has ended."""
        await self._over.wait()

    def over(self) -> None:
        """It is stopped, goes on or has ended: nobody waits for it. Safe to call twice."""
        self._over.set()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._hold is not None:
            hold, self._hold = self._hold, None
            hold.release()

    def stopped(self) -> None:
        """It is, whether it was asked or not."""
        self.over()
        if not self._saved.away:
            self._change(away=True)

    def back(self) -> None:
        """The user is, and it goes on."""
        if self._saved.away:
            self._change(away=False)
            if self._saved.tells:
                self._change(number=self.number + 1)
                self._tell(Resuming(self.number))

    def _change(self, **changes: object) -> None:
        self._saved = msgspec.structs.replace(self._saved, **changes)
