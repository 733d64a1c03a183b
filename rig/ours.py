"""Which tests of a pytest session are the rig's: those that use one of its fixtures, or a requirement's mark.

Loaded into every pytest of an environment that has the rig, so it imports nothing.
"""

from __future__ import annotations

import pytest

FIXTURES = frozenset({"bench", "device", "host", "server", "inject", "timeline", "capture"})

COMBINATION = "rig_combination"
"""Name of the parametrised fixture below `bench`: (device, topology)."""


def is_ours(item: pytest.Item) -> bool:
    """Whether a test uses the rig: one of its fixtures or its marks."""
    used = not FIXTURES.isdisjoint(getattr(item, "fixturenames", ())) and COMBINATION in getattr(item, "fixturenames", ())
    return used or any(item.get_closest_marker(name) for name in ("requirement", "edge", "levers"))
