"""The phases of the driver: each is reached from where it may be, and from nowhere else."""

from __future__ import annotations

import pytest

from rig.errors import RigBug
from rig.standby.nic.phase import EDGES, Phase, PhaseState


@pytest.mark.parametrize("before", Phase)
@pytest.mark.parametrize("after", Phase)
def test_only_what_is_in_the_table(before: Phase, after: Phase) -> None:
    state = PhaseState(before)
    if after in EDGES[before]:
        state.change(after)
        assert state.now is after
        return
    with pytest.raises(RigBug, match=f"RIG-X07 the driver cannot go from {before.value} to {after.value}"):
        state.change(after)
    assert state.now is before
