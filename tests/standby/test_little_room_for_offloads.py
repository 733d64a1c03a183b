"""A host whose device has room for one protocol offload sleeps, and its address is answered for."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.bench import Bench
from rig.config import BenchConfig
from rig.device.numbers import OffloadType
from rig.device.offload_types import ProtocolOffload
from rig.mac import mac_bytes
from rig.net import userns

LEFT = 1


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    if not userns.privileged():
        pytest.skip(userns.refusal().cause)
    with Bench(BenchConfig(), tmp_path) as made:
        yield made


def test_a_host_sleeps_on_a_device_with_room_for_one(bench: Bench) -> None:
    """The driver that begins after the first one's death finds the rest of the room taken."""
    device, timeline, host = bench.device, bench.timeline, bench.network.topology.host
    count = device.capabilities().offload_count
    assert count is not None
    for row in device.offloads():
        device.remove_offload(row.id)
    for number in range(1, count - LEFT + 1):
        device.add_offload(ProtocolOffload(id=number, ip=f"198.51.100.{number}", mac=mac_bytes(host.mac)))
    os.kill(bench.host.driver_pid, signal.SIGKILL)
    timeline.wait("DRIVER_TERMINATED")
    bench.host.enter_standby()
    assert [row.type for row in device.offloads()][count - LEFT :] == [OffloadType.ARP]
    [refused] = timeline.find("OFFLOAD_REFUSED")
    assert (refused.type, refused.address, refused.error) == ("ECHO", host.ip4, "LIST_FULL")
