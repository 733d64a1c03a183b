"""For every test of the project: marks, which the plugin registers where the project is installed and this file elsewhere; a look
at what tests leave open."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

from rig.plugin import MARKS
from rig.runner.mixing import mixed
from tests.open_files import OpenFiles

settings.register_profile("rig", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("rig")
"""An example that a busy machine leaves for 200 ms, which is the library's own deadline, has not failed."""

settings.register_profile("long", parent=settings.get_profile("rig"), max_examples=5000)
"""For a property that found something, or did not for a long time: pytest --hypothesis-profile=long -k fuzz"""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In workers as `rig run` has them, unless an order was asked for."""
    if hasattr(config, "workerinput") and not any(config.getoption(name) for name in ("failedfirst", "newfirst", "stepwise")):
        items[:] = mixed(items)


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(OpenFiles())
    known = {line.partition("(")[0] for line in config.getini("markers")}
    for mark in MARKS:
        if mark.partition("(")[0] not in known:
            config.addinivalue_line("markers", mark)
