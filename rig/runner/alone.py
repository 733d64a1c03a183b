"""Tests that need the machine for themselves: no other test of the run beside them. They are handed out last.

    @pytest.mark.alone
    def test_latency_of_a_wake(...): ...

Workers share one lock: a test takes part in it, one marked `alone` has it whole. The lock is on a directory of the run and ends
with the worker, however that ends. Without workers the mark says nothing: every test is alone, in the order of the files.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Generator
from pathlib import Path

import pytest

MARK = "alone"


def take_turns(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In a worker: order its tests, those with the mark after all others, and let each wait for its turn."""
    items.sort(key=_is_alone)
    config.pluginmanager.register(Turn(_shared_directory(config)), "rig-turn")


class Turn:
    """The plugin of a worker: each test waits for its turn, outside of its time limits."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._fd: int | None = None

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        if self._fd is None:  # the directory is there when the first test is handed out
            self._fd = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(self._fd, fcntl.LOCK_EX if _is_alone(item) else fcntl.LOCK_SH)
        try:
            return (yield)
        finally:
            fcntl.flock(self._fd, fcntl.LOCK_UN)


def _shared_directory(config: pytest.Config) -> Path:
    """The run's own, else that of its temporary files, below which each worker has one."""
    run_dir: str = getattr(config, "workerinput", {}).get("rig", {}).get("run_dir", "")
    return Path(run_dir) if run_dir else Path(config.option.basetemp).parent


def _is_alone(item: pytest.Item) -> bool:
    return item.get_closest_marker(MARK) is not None
