"""The plugin of `rig run`: collects, chooses, and prepares the devices once it is known that there is something to run.

With -n its workers choose the same tests and take the flashes that were prepared here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from rig.device.images import FILES
from rig.device.prepared import adopt, share
from rig.errors import RigError
from rig.runner.selection import Selection

WORKERS_PER_PROCESSOR = 2
"""-n auto: tests of the suite wait more than they work."""


class SuiteRun:
    """`prepare` is called before the first test, and not at all when none is selected."""

    error: RigError | None = None
    """What ended the run before its first test: told by who called pytest, as any other error of a command."""

    def __init__(self, selection: Selection, prepare: Callable[[], None]) -> None:
        self._selection = selection
        self._prepare = prepare

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """pytest's own words stay out of it, and xdist's."""
        plugins = session.config.pluginmanager
        plugins.unregister(name="terminalreporter")
        if workers := plugins.get_plugin("rig-workers"):
            plugins.unregister(name="terminaldistreporter")
            xdist: Any = plugins.get_plugin("dsession")
            xdist.terminal = None
            workers.shared["suite"] = {
                "selection": self._selection.as_words(),
                "flashes": {kind: share(kind) for kind in FILES},
            }

    @pytest.hookimpl(optionalhook=True, tryfirst=True)
    def pytest_xdist_auto_num_workers(self) -> int:
        return WORKERS_PER_PROCESSOR * len(os.sched_getaffinity(0))

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        try:
            items[:] = self._selection.of(items)
        except RigError as error:
            self.error = error
            items.clear()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """True, which is all of a test loop, when there is an error."""
        if session.items and not session.config.getoption("collectonly"):
            try:
                self._prepare()
            except RigError as error:
                self.error = error
        return True if self.error is not None else None


class WorkersSuite:
    """The plugin of a worker of `rig run`. `told` is what its SuiteRun shares."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        self._selection = Selection.of_words(told["selection"])
        adopt(told["flashes"])

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        try:
            items[:] = self._selection.of(items)
        except RigError:  # the controller finds the same, and says it
            items.clear()
