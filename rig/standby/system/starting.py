"""How an app's process, or one for a run of a background task, comes to be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from rig.standby.system.app_process import AppProcess, SavedApp
from rig.standby.system.ledger import Ledger
from rig.standby.system.numbers import Numbers
from rig.standby.system.package import AppPackage
from rig.standby.system.processes import Processes
from rig.standby.system.supervising import Child, Supervising
from rig.standby.wire.from_app import FromApp
from rig.standby.wire.line import Line, pair
from rig.standby.wire.supervision import TaskLimits

MakeApp: TypeAlias = Callable[[SavedApp, Child, Line[FromApp]], AppProcess]


class Starting:
    """Each is written down before it is started: a system that is a new one knows it. Both raise HostError when the machine has
    no process left, and then there is none."""

    def __init__(
        self, supervisor: Supervising, processes: Processes, ledger: Ledger, numbers: Numbers, make_app: MakeApp
    ) -> None:
        self._supervisor = supervisor
        self._processes = processes
        self._ledger = ledger
        self._numbers = numbers
        self._make_app = make_app

    async def app(self, package: AppPackage, entry: str, test_fd: int) -> AppProcess:
        """One that makes an object of the class "module:Class", and serves the calls that come over `test_fd`, which stays the
        caller's."""
        saved = SavedApp(self._numbers.next_instance(), package.name)
        return await self._start(saved, package, entry, [test_fd])

    async def activated(self, package: AppPackage, entry: str) -> AppProcess:
        """One in the background, for a task that runs in the app's process while there is none. No test calls it."""
        saved = SavedApp(self._numbers.next_instance(), package.name, foreground=False, untested=True)
        return await self._start(saved, package, entry, [])

    async def task_host(self, package: AppPackage, limits: TaskLimits, order: Callable[[AppProcess], None]) -> AppProcess:
        """One for a run alone; it ends as soon as it is not busy any more. `order` gives it its run before it is written down, so
        that no system knows one without the other."""
        saved = SavedApp(self._numbers.next_instance(), package.name, foreground=False, task_host=True)
        return await self._start(saved, package, "", [], order, limits)

    async def _start(
        self,
        saved: SavedApp,
        package: AppPackage,
        entry: str,
        test_fds: Sequence[int],
        order: Callable[[AppProcess], None] | None = None,
        limits: TaskLimits | None = None,
    ) -> AppProcess:
        ours, theirs = pair()
        child = self._supervisor.child()
        app = self._make_app(saved, child, Line(ours, FromApp))
        self._processes.add(app)
        if order is not None:
            order(app)
        self._ledger.now()
        fds = theirs.fileno(), ours.fileno(), *test_fds
        with theirs:
            try:
                await self._supervisor.start(child, package.name, entry, package.path, app.instance, fds, limits)
            except BaseException:
                app.let_go()
                self._processes.remove(app)
                self._ledger.forget(app.instance)
                raise
        return app
