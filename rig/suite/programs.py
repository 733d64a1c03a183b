"""Peers that are programs, which a machine may lack."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import pytest

from rig.errors import BenchError

P = TypeVar("P")


def started(start: Callable[[], P]) -> P:
    """A peer's program; where it is not installed the test is skipped, and the reason names what installs it."""
    try:
        return start()
    except BenchError as error:
        if error.code != "RIG-T01":
            raise
        pytest.skip(f"{error.cause}; fix: {error.fix}")
