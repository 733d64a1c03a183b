"""The plugin of `rig run`: collects, chooses, and prepares the devices once it is known that there is something to run.

With -n its workers choose the same tests and take the flashes that were prepared here.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from typing import Any

import pytest

from rig.device.images import listed
from rig.device.prepared import adopt, share
from rig.errors import RigError
from rig.runner.mixing import mixed
from rig.runner.parallel import is_controller
from rig.runner.selection import Selection

TESTS_PER_WORKER = 4
"""A worker takes as long to start as that many tests take."""


class SuiteRun:
    """`prepare` is called before the first test, and not at all when none is selected."""

    error: RigError | None = None
    """What ended the run before its first test: told by who called pytest, as any other error of a command."""

    def __init__(self, selection: Selection, prepare: Callable[[], None]) -> None:
        self._selection = selection
        self._prepare = prepare
        self._session: pytest.Session | None = None
        self._collected = False
        """Before its time, to know how many workers there is work for."""

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionstart(self, session: pytest.Session) -> Generator[None, object, object]:
        """pytest's own words stay out of it, and xdist's."""
        self._session, plugins = session, session.config.pluginmanager
        plugins.unregister(name="terminalreporter")
        if workers := plugins.get_plugin("rig-workers"):
            plugins.unregister(name="terminaldistreporter")
            xdist: Any = plugins.get_plugin("dsession")
            xdist.terminal = None
            workers.shared["suite"] = {
                "selection": self._selection.as_words(),
                "flashes": {name: share(name) for name in listed()},
            }
        result = yield
        if workers and not is_controller(session.config):
            plugins.unregister(name="dsession")
        return result

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_setupnodes(self, config: pytest.Config, specs: list[Any]) -> None:
        """As many workers as there is work for; what one could do is done here."""
        if self._selection.takes_all:
            return
        assert self._session is not None
        config.hook.pytest_collection(session=self._session)
        self._collected = True
        del specs[len(config.option.tx) :]

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> bool | None:
        return True if self._collected else None

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        try:
            items[:] = self._selection.of(items)
        except RigError as error:
            self.error = error
            items.clear()
        if is_controller(config) and not self._selection.takes_all:
            self._limit_workers(config, len(items))

    def _limit_workers(self, config: pytest.Config, tests: int) -> None:
        """xdist counts its workers by `tx`; without one nothing of the run is theirs."""
        wanted = tests // TESTS_PER_WORKER
        config.option.tx = config.option.tx[: wanted if wanted > 1 else 0]
        if not config.option.tx:
            config.option.dist = "no"
            config.pluginmanager.unregister(name="rig-workers")

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
            items[:] = mixed(self._selection.of(items))
        except RigError:  # the controller finds the same, and says it
            items.clear()
