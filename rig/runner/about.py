"""What a test says of itself: the requirements that it proves, and in one line what it is about."""

from __future__ import annotations

import pytest

from rig import catalogue


def requirements(item: pytest.Item) -> list[str]:
    """The ids of the requirements and edge cases that a test's marks name."""
    ids = [id_ for mark in item.iter_markers("requirement") for id_ in mark.args]
    return ids + [catalogue.edge_id(number) for mark in item.iter_markers("edge") for number in mark.args]


def title(item: pytest.Item) -> str:
    """The first line of the test's docstring."""
    text = getattr(getattr(item, "obj", None), "__doc__", None) or ""
    return text.strip().partition("\n")[0]
