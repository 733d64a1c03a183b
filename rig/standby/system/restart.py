"""A system that is a new one takes up what the one before it had: apps, what their owners have saved, and what the driver holds.

Nothing that is still valid is thrown away, and what has ended meanwhile ends as it would have.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from rig.standby.system.app_process import APPS, AppProcess, SavedApp
from rig.standby.system.driver import Driver
from rig.standby.system.owners import Owners
from rig.standby.system.processes import Processes
from rig.standby.system.store import Name, saved_of
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

    def stop(self) -> bool:
        return True

    def go_on(self) -> None:
        pass

    async def end(self) -> str:
        return "it ended while the system was started anew"

    def kill(self) -> None:
        pass

    def cpu_ticks(self) -> int:
        return 0

    def rests(self) -> bool:
        return True

    def socket_bytes(self) -> dict[int, int]:
        return {}


class Restart:
    """One of these parts; `make_app` takes what was saved of an app, its child and its line."""

    def __init__(
        self,
        things: Mapping[Name, bytes],
        make_app: Callable[[SavedApp, Child, Line[FromApp]], AppProcess],
        driver: Driver,
        supervisor: Supervising,
        processes: Processes,
        owners: Owners,
    ) -> None:
        self._things = things
        self._make_app = make_app
        self._driver = driver
        self._supervisor = supervisor
        self._processes = processes
        self._owners = owners

    def take_up(self, outlived: Sequence[Outlived], descriptors: Mapping[str, int]) -> None:
        """Apps, and what is theirs. The descriptors are the system's own from now on; those that belong to nobody are closed."""
        alive = {app.instance: app for app in outlived}
        for saved in saved_of(self._things, APPS, SavedApp):
            self._app(saved, alive.pop(saved.instance, None))
        for unknown in alive.values():
            unknown.child.kill()
            unknown.line.close()
        left = dict(descriptors)
        self._owners.take_up(self._things, left)
        for name, fd in left.items():
            os.close(fd)
            self._supervisor.remove(name)

    async def agree_with_driver(self, held: Held) -> None:
        """It gives back what is nobody's, and gets what it lacks. Raises what the driver does."""
        self._owners.adopt(held)
        for key in held.slots:
            if not self._owners.has(key):  # as they are now: a key that nobody had written down comes again
                await self._driver.give_back(key)
        for key in held.patterns:
            if not self._owners.has(key):
                await self._driver.remove_pattern(key)
        await self._owners.agree(held)

    def _app(self, saved: SavedApp, outlived: Outlived | None) -> None:
        if outlived is not None:
            app = self._make_app(saved, outlived.child, outlived.line)
        else:
            if saved.task_host and saved.starting:  # it was never born: nobody has heard of its run
                saved = msgspec.structs.replace(saved, runs=[])
            ours, theirs = pair()
            theirs.close()  # the line says that it hung up
            app = self._make_app(saved, Gone(), Line(ours, FromApp))
            app.ended_unseen = True
        self._processes.add(app)
