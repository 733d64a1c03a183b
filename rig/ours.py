"""Which tests of a pytest session are the rig's: those that run on a device, or have a requirement's mark.

Loaded into every pytest of an environment that has the rig, so it imports nothing.
"""

from __future__ import annotations

import pytest

COMBINATION = "rig_combination"
"""Name of the parametrised fixture below `bench` and whatever else has a device: (device, topology)."""


def is_ours(item: pytest.Item) -> bool:
    """Whether a test uses the rig: a device, by whatever fixture, or its marks."""
    return COMBINATION in getattr(item, "fixturenames", ()) or any(
        item.get_closest_marker(name) for name in ("requirement", "edge", "levers")
    )
