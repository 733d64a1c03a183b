"""The order in which workers get the tests of a run: those of a file spread over all of it.

Some files wait for most of their time, others compute. In the order of files all workers wait at once, and then want a processor
at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

SHARED_BY_FILE = frozenset({"module", "class", "package"})
"""Scopes of fixtures that are made anew whenever a test of another file comes between. One of the session with parameters is
made anew whenever a test of another parameter comes between, and pytest has sorted for that."""


def mixed(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """Files whose tests share a fixture stay whole, and come first; within a file the order stays."""
    whole = {item.path for item in items if _shares(item)}
    sizes, begun = Counter(item.path for item in items), Counter[Path]()
    due = list[float]()
    for item in items:
        begun[item.path] += 1
        due.append(0.0 if item.path in whole else (begun[item.path] - 0.5) / sizes[item.path])
    return [items[number] for number in sorted(range(len(items)), key=due.__getitem__)]


def _shares(item: pytest.Item) -> bool:
    fixtures = getattr(item, "_fixtureinfo", None)
    if fixtures is None:
        return False
    made = (one for same_name in fixtures.name2fixturedefs.values() for one in same_name)
    return any(fixture.scope in SHARED_BY_FILE or (fixture.scope == "session" and fixture.params) for fixture in made)
