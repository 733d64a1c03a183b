"""The device's own link: changes that wake, changes that do not, and keep-alives that wait for it."""

from __future__ import annotations

import pytest

from rig.clock import Clock, Deadline
from rig.config import StandbyConfig
from rig.device.numbers import PatternType, SlotState
from rig.device.offload_types import Pattern
from rig.suite.scene import Scene

LINK_UP, LINK_DOWN = 740, 741
NDIS_MEDIA_CONNECT, NDIS_MEDIA_DISCONNECT = 0x1, 0x2
"""NDIS_PM_WAKE_ON_MEDIA_CONNECT_SUPPORTED, and of the disconnect."""
WAIT_S = 10

FEW_PROBES = {"standby": StandbyConfig(network_ka_retry_min=12, network_ka_probes=2), "clock": Clock(50_000)}
"""A keep-alive after 750 ms, two probes 600 ms apart (the peer's kernel answers one in 500 ms): over after 2 s."""
ENOUGH_RETRIES = 25
"""Of 100 ms each: longer than a connection lasts whose peer does not answer."""


def wait_counter(scene: Scene, name: str, least: int) -> None:
    deadline = Deadline(WAIT_S)
    while (count := scene.device.counters()[name]) < least:
        assert not deadline.expired, f"{name} is {count}, not {least}"
        deadline.pause()


@pytest.mark.device_can(pattern=(PatternType.LINK_UP, PatternType.LINK_DOWN))
def test_link_that_goes_wakes_and_one_that_comes_back_wakes(scene: Scene) -> None:
    scene.device.add_pattern(Pattern.link(LINK_UP, up=True))
    scene.device.add_pattern(Pattern.link(LINK_DOWN, up=False))
    after = scene.sleep()
    with scene.bench.device_unplugged():
        wake = scene.timeline.wait("NIC_WAKE", after=after)
        assert (wake.reason, wake.pattern_id) == ("MEDIA_DISCONNECT", LINK_DOWN)
        scene.host.exit_standby()
        after = scene.sleep()
        scene.assert_no_wake(after)
    wake = scene.timeline.wait("NIC_WAKE", after=after)
    assert (wake.reason, wake.pattern_id) == ("MEDIA_CONNECT", LINK_UP)
    hits = {pattern.id: pattern.hits for pattern in scene.device.patterns()}
    assert (hits[LINK_UP], hits[LINK_DOWN]) == (1, 1)
    assert scene.device.capabilities().wake_up_events == NDIS_MEDIA_CONNECT | NDIS_MEDIA_DISCONNECT, "it says what it does"


@pytest.mark.edge(18)
@pytest.mark.bench_config(**FEW_PROBES)
@pytest.mark.device_can(pattern=PatternType.LINK_DOWN)  # one that watches its link
def test_without_a_pattern_a_lost_link_wakes_nobody_and_ends_no_connection(scene: Scene) -> None:
    connection = scene.open_hardware()
    after = scene.sleep()
    wait_counter(scene, "ka_rx_ack", 1)
    with scene.bench.device_unplugged():
        retries = scene.device.counters()["tx_busy_retry"]
        wait_counter(scene, "tx_busy_retry", retries + 1)
        (frozen,) = scene.device.slots()
        wait_counter(scene, "tx_busy_retry", retries + ENOUGH_RETRIES)
        (slot,) = scene.device.slots()
        assert (slot.ka_sent, slot.ka_lost, slot.state) == (frozen.ka_sent, frozen.ka_lost, frozen.state)
        answers = scene.device.counters()["ka_rx_ack"]
    wait_counter(scene, "ka_rx_ack", answers + 1)
    scene.assert_no_wake(after)
    assert [s.state is SlotState.BROKEN for s in scene.device.slots()] == [False]
    scene.push_and_run(connection, b"still here")


@pytest.mark.edge(18)
@pytest.mark.bench_config(**FEW_PROBES)
def test_a_peer_that_is_gone_ends_the_connection_in_that_time(scene: Scene) -> None:
    """The control: the same silence with the device's own link up."""
    scene.open_hardware()
    after = scene.sleep()
    wait_counter(scene, "ka_rx_ack", 1)
    with scene.bench.network.unplugged(scene.bench.network.topology.next_hop.name):
        assert scene.timeline.wait("NIC_WAKE", after=after).reason == "KA_TIMEOUT"
        assert scene.device.counters()["tx_busy_retry"] == 0
