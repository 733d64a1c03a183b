"""Fixtures of the engine tests: `eng`, in D0; every test ends with the check of the counter sum."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.engine.engine_lib import Engine


@pytest.fixture
def eng() -> Iterator[Engine]:
    """A fresh engine whose clock stands at 1 s. Function scope."""
    engine = Engine(now_us=1_000_000)
    yield engine
    engine.check_sum()
