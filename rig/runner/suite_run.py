"""The plugin of `rig run`: collects, chooses, and prepares the devices once it is known that there is something to run."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rig.errors import RigError
from rig.runner.selection import Selection


class SuiteRun:
    """`prepare` is called before the first test, and not at all when none is selected."""

    error: RigError | None = None
    """What ended the run before its first test: told by who called pytest, as any other error of a command."""

    def __init__(self, selection: Selection, prepare: Callable[[], None]) -> None:
        self._selection = selection
        self._prepare = prepare

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """pytest's own words stay out of it."""
        session.config.pluginmanager.unregister(name="terminalreporter")

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
