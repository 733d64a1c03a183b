"""The mark `levers`: what is around the host when a test begins. A wrong one is said before anything runs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from rig.errors import UsageError

BENCH = "bench"
"""The fixture whose host has the levers."""


def levers_of(item: pytest.Item) -> dict[str, Any]:
    """What the test's marks turn; of two the nearer one counts."""
    return {name: value for mark in reversed(list(item.iter_markers("levers"))) for name, value in mark.kwargs.items()}


def check_levers(items: Iterable[pytest.Item]) -> None:
    """Raises UsageError RIG-C20 with the name of the first test that has a wrong one."""
    for item in items:
        if any(mark.args for mark in item.iter_markers("levers")):
            raise UsageError("RIG-C20", f"{item.nodeid}: a lever has a name, as in levers(ac=False)", "rig help levers")
        if changes := levers_of(item):
            _check(item, changes)
            _check_host(item)


def _check(item: pytest.Item, changes: dict[str, Any]) -> None:
    from rig.standby.levers import turned
    from rig.standby.wire.surroundings import Surroundings

    try:
        turned(Surroundings(), changes)
    except UsageError as error:
        raise UsageError(error.code, f"{item.nodeid}: {error.cause}", error.fix) from None


def _check_host(item: pytest.Item) -> None:
    """There is something to turn: a mark that turns nothing would say what is not so."""
    if BENCH not in getattr(item, "fixturenames", ()):
        cause = f"{item.nodeid} turns levers and has no bench"
        raise UsageError("RIG-C20", cause, f"use the fixture '{BENCH}', or one that does, or take the mark away")
