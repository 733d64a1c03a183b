"""Networks for tests of rig.net: real namespaces, so they need the right to make them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rig.net import topology, userns
from rig.net.network import Network


@pytest.fixture
def flat() -> Iterator[Network]:
    """The flat topology with a native device's port."""
    yield from _network("flat")


@pytest.fixture
def dual_stack() -> Iterator[Network]:
    """The dual-stack topology with a native device's port."""
    yield from _network("dual-stack")


def _network(name: str) -> Iterator[Network]:
    if not userns.privileged():
        pytest.skip(userns.refusal().cause)
    with Network(topology.load(name)) as network:
        yield network
