"""Marks for every test of the project: the plugin registers them where the project is installed, this file elsewhere."""

from __future__ import annotations

import pytest
from hypothesis import settings

from rig.plugin import MARKS

settings.register_profile("long", max_examples=5000, deadline=None)
"""For a property that found something, or did not for a long time: pytest --hypothesis-profile=long -k fuzz"""


def pytest_configure(config: pytest.Config) -> None:
    known = {line.partition("(")[0] for line in config.getini("markers")}
    for mark in MARKS:
        if mark.partition("(")[0] not in known:
            config.addinivalue_line("markers", mark)
