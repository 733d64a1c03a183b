"""Patterns for a slot's data, the peer a real kernel: what matches wakes at once, what does not, before it is lost."""

from __future__ import annotations

import pytest

from rig.device.numbers import PatternType
from rig.device.offload_types import Pattern, SlotRef
from rig.inject.frames import tcp_segment
from rig.peers import PushConnection
from rig.suite.scene import NO_PROBES, Scene

pytestmark = [pytest.mark.bench_config(standby=NO_PROBES), pytest.mark.device_can(pattern=PatternType.TCP_PAYLOAD)]

PATTERN_ID = 760
REPETITIONS = 3
"""Of data that matches nothing: the last of them wakes."""


def open_with_pattern(scene: Scene) -> PushConnection:
    connection = scene.open_hardware()
    (slot,) = scene.device.slots()
    scene.device.add_pattern(Pattern.payload(PATTERN_ID, SlotRef(slot.slot, slot.gen), b"GO"))
    return connection


@pytest.mark.edge(73)
def test_data_that_matches_nothing_arrives_and_its_connection_lives_on(scene: Scene) -> None:
    """The peer's kernel repeats it, and would give up after its last repetition; the third one wakes."""
    scene.let_peers_repeat()
    connection = open_with_pattern(scene)
    after, before = scene.sleep(), scene.device.counters()
    connection.push(b"no match")
    wake = scene.timeline.wait("NIC_WAKE", after=after)
    assert (wake.reason, wake.pattern_id) == ("TCP_DATA", None)
    scene.timeline.wait("TASK_DATA", data=b"no match".hex(), after=after)
    scene.timeline.wait("RUN_EXIT", kind="push", after=after)
    rose = {name: count - before[name] for name, count in scene.device.counters().items()}
    assert (rose["tcp_data_unmatched"], rose["wake_tcp_data"]) == (REPETITIONS, 1)
    scene.host.exit_standby()
    after = scene.sleep()
    scene.push_and_run(connection, b"GO on")
    assert scene.timeline.wait("NIC_WAKE", after=after).pattern_id == PATTERN_ID


@pytest.mark.edge(73)
def test_fewer_repetitions_wake_nobody(scene: Scene) -> None:
    """Nor do segments behind a hole, however many; then the one that was missing wakes."""
    connection = open_with_pattern(scene)
    after = scene.sleep()
    handoff, flow, stamps = scene.handoff(), scene.flow_to_host(connection), scene.peer_timestamps()
    first = tcp_segment(flow, handoff.rcv_nxt, handoff.snd_nxt, "PA", b"no match", timestamps=stamps)
    later = tcp_segment(flow, handoff.rcv_nxt + 8, handoff.snd_nxt, "PA", b"more", timestamps=stamps)
    scene.send_to_device([first] * REPETITIONS + [later] * 2 * REPETITIONS)
    scene.assert_no_wake(after)
    scene.bench.inject.send(first)
    wake = scene.timeline.wait("NIC_WAKE", after=after)
    assert (wake.reason, wake.pattern_id) == ("TCP_DATA", None)
