"""One worker runs thousands of tests: a descriptor that each of them leaves open is one that the last ones do not get, or one
above 1023, which some libraries cannot take."""

from __future__ import annotations

import gc
import os
import re
from collections import Counter
from collections.abc import Generator
from pathlib import Path

import pytest

MOST = 500
"""More than when the first test began: half of what select(2) can bear. What is known to stay: images of flash, the process that
forks benches, the epolls of an app's crews, whose threads end with the process (140), sockets of systems that die (100)."""

OPEN = Path("/proc/self/fd")


def open_files() -> int:
    """How many descriptors this process has; none that tests before have left for a garbage collection, whenever it comes."""
    gc.collect()
    return len(os.listdir(OPEN))  # noqa: PTH208


class OpenFiles:
    """A pytest plugin. The test at whose end there are too many fails; it need not be the one that left most."""

    def __init__(self) -> None:
        self._before = len(os.listdir(OPEN))  # noqa: PTH208  (after each test, so the cheapest)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self) -> Generator[None, object, object]:
        """Behind the fixtures'."""
        result = yield
        self.look()
        return result

    def look(self) -> None:
        """Fails when MOST are open beside those that were there before, and begins anew."""
        if self._more() <= MOST:
            return
        gc.collect()  # what is in circles of garbage is open no longer than until the next collection
        more = self._more()
        if more > MOST:
            self._before += more
            pytest.fail(
                f"the tests of this process have left {more} descriptors open; all that it has: {_kinds()}", pytrace=False
            )

    def _more(self) -> int:
        return len(os.listdir(OPEN)) - self._before  # noqa: PTH208


def _kinds() -> str:
    """How many of each kind, the most of them first: "70 pipe, 3 socket, 1 /dev/null"."""
    kinds = Counter[str]()
    for link in OPEN.iterdir():
        try:
            kinds[re.sub(r":\[\d+\]", "", str(link.readlink()))] += 1
        except FileNotFoundError:  # the one that this reads them by
            continue
    return ", ".join(f"{count} {kind}" for kind, count in kinds.most_common(12))
