"""The mark `profile`: which Windows the host behaves as in a test. A wrong one is said before anything runs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from rig.errors import UsageError


def profile_of(item: pytest.Item) -> str | None:
    """The nearest mark's."""
    mark = item.get_closest_marker("profile")
    return mark.args[0] if mark is not None else None


def check_profiles(items: Iterable[pytest.Item]) -> None:
    """Raises UsageError RIG-C24 with the name of the first test that has a wrong one."""
    from rig.config import CHOICES

    for item in items:
        for mark in item.iter_markers("profile"):
            if mark.kwargs or len(mark.args) != 1 or mark.args[0] not in CHOICES["profile"]:
                raise UsageError("RIG-C24", f"{item.nodeid}: profile({_given(mark)})", f"one of {', '.join(CHOICES['profile'])}")
        own = [mark for mark in item.own_markers if mark.name == "profile"]
        if len(own) > 1:
            fix = "one of them; pytest.param(..., marks=...) or two tests for both"
            raise UsageError("RIG-C24", f"{item.nodeid} has two profiles, {' and '.join(map(_given, own))}", fix)


def _given(mark: Any) -> str:
    return ", ".join([*map(repr, mark.args), *(f"{name}={value!r}" for name, value in mark.kwargs.items())])
