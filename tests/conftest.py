"""Marks for every test of the project: the plugin registers them where the project is installed, this file elsewhere."""

from __future__ import annotations

import pytest

from rig.plugin import MARKS


def pytest_configure(config: pytest.Config) -> None:
    known = {line.partition("(")[0] for line in config.getini("markers")}
    for mark in MARKS:
        if mark.partition("(")[0] not in known:
            config.addinivalue_line("markers", mark)
