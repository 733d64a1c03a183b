"""Peers on the server's machine of a real network, and clients on the host's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from rig.net import topology, userns
from rig.net.network import Network
from rig.peers.authority import Authority
from rig.timeline import Timeline
from tests.peers.http_bench import HttpBench
from tests.peers.push_bench import PushBench


@pytest.fixture
def network() -> Iterator[Network]:
    if not userns.privileged():
        pytest.skip(userns.refusal().cause)
    with Network(topology.load("flat")) as made:
        yield made


@pytest.fixture
def timeline(tmp_path: Path) -> Iterator[Timeline]:
    made = Timeline(tmp_path / "timeline.jsonl")
    yield made
    made.close()


@pytest.fixture
def http(network: Network, timeline: Timeline, tmp_path: Path) -> Iterator[HttpBench]:
    """HTTP servers and clients on demand."""
    with ExitStack() as stack:
        yield HttpBench(network, Authority(tmp_path / "trusted.pem"), timeline, stack)


@pytest.fixture
def push(network: Network, timeline: Timeline, tmp_path: Path) -> Iterator[PushBench]:
    """Push services, hosts and posters on demand."""
    with ExitStack() as stack:
        yield PushBench(network, Authority(tmp_path / "trusted.pem"), timeline, stack)
