"""A NAT between host and server forgets what is idle (edge case 20). Its clock is the kernel's: real seconds, four of them."""

from __future__ import annotations

import pytest

from rig.clock import Clock, Deadline
from rig.config import StandbyConfig
from rig.inject.frames import IPPROTO_TCP, transport
from rig.net.machines import NatSpec
from rig.suite.scene import Scene

pytestmark = pytest.mark.edge(20)

OFTEN = {"standby": StandbyConfig(network_ka_retry_min=15, network_ka_probes=8), "clock": Clock(40_000)}
"""A keep-alive every 15 minutes of 40 ms: 600 ms, so far below the NAT's 4 s that a busy machine keeps it up."""
SELDOM = {"standby": StandbyConfig(network_ka_retry_min=1.5, network_ka_probes=3), "clock": Clock(400_000)}
"""The first keep-alive after 6 s, well above; those behind it 600 ms apart."""
WAKES = {"remap": ("TCP_RST", 1), "drop": ("KA_TIMEOUT", 3)}
"""What the device meets behind a NAT that has forgotten, and how many probes that takes."""


def nat_of(scene: Scene) -> NatSpec:
    nat = scene.bench.network.topology.next_hop.nat
    assert nat is not None
    return nat


def probe_times_s(scene: Scene, mark: int) -> list[float]:
    """When the device sent TCP segments in the host's name since `mark`, a mark of its port."""
    frames = scene.bench.capture.frames(scene.device_port, after=mark)
    return [frame.t_ns / 1e9 for frame in frames if is_tcp_of_host(scene, frame.data)]


def is_tcp_of_host(scene: Scene, frame: bytes) -> bool:
    try:
        return frame[6:12] == scene.host_mac and transport(frame)[0] == IPPROTO_TCP
    except ValueError:
        return False


@pytest.mark.topology("nat")
@pytest.mark.bench_config(**OFTEN)
def test_keep_alives_hold_the_mapping_and_a_push_still_finds_the_host(scene: Scene) -> None:
    """For half again as long as the NAT remembers. That it does forget is the test below."""
    connection = scene.open_hardware()
    assert connection.peer[0] != scene.bench.network.topology.host.ip4
    mark = scene.bench.capture.mark(scene.device_port)
    after = scene.sleep()
    deadline = Deadline(20)
    while not (times_s := probe_times_s(scene, mark)) or times_s[-1] - times_s[0] < 1.5 * nat_of(scene).established_s:
        assert not scene.timeline.find("NIC_WAKE", after=after), f"probes at {times_s}"
        assert not deadline.expired, f"probes at {times_s}"
        deadline.pause()
    scene.push_and_run(connection, b"still mapped")
    assert [wake.reason for wake in scene.timeline.find("NIC_WAKE", after=after)] == ["TCP_DATA"]


@pytest.mark.topology("nat", "nat-drop")
@pytest.mark.bench_config(**SELDOM)
def test_a_forgotten_mapping_wakes_once_and_not_again(scene: Scene) -> None:
    reason, probes = WAKES[nat_of(scene).forgotten]
    scene.open_hardware()
    mark = scene.bench.capture.mark(scene.device_port)
    after = scene.sleep()
    wake = scene.timeline.wait("NIC_WAKE", after=after, timeout_s=20)
    assert (wake.reason, wake.channel) == (reason, "inbox")
    scene.timeline.wait("TASK_DATA", closed=True, after=after)
    assert len(probe_times_s(scene, mark)) == probes
    asleep = scene.timeline.wait("SLEEP_ENTER", after=wake.seq)
    quiet = scene.bench.capture.mark(scene.device_port)
    scene.assert_no_wake(asleep.seq)
    assert probe_times_s(scene, quiet) == []
    assert len(scene.timeline.find("NIC_WAKE", after=after)) == 1
    assert scene.device.slots() == ()
