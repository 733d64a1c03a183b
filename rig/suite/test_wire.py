"""Cables that a test makes worse, for the awake host and for the device that speaks for it."""

from __future__ import annotations

import pytest

from rig.errors import UsageError
from rig.suite.scene import NO_PROBES, Scene

PUSHES_ALONE = pytest.mark.bench_config(standby=NO_PROBES)
"""A cable that is slow or loses everything leaves a device's probes without their answers: what wakes is to be the push."""


@PUSHES_ALONE
def test_a_push_comes_through_a_slow_cable_to_the_sleeping_host_and_not_before_its_delay(scene: Scene) -> None:
    connection = scene.open_hardware()
    after = scene.sleep()
    scene.bench.wire.shape(delay_ms=150)
    lever = scene.timeline.find("LEVER", wire=scene.bench.network.topology.next_hop.name, delay_ms=150)
    assert lever, "it is on the timeline"
    connection.push(b"late")
    pushed = scene.timeline.find("PUSH")[-1]
    wake = scene.timeline.wait("NIC_WAKE", after=after)
    assert wake.t_ns - pushed.t_ns >= 150_000_000
    scene.timeline.wait("TASK_DATA", after=after, data=b"late".hex())
    passed = scene.bench.wire.passed()
    assert passed["from_machine"].frames >= 1
    scene.bench.wire.shape()
    assert scene.bench.wire.passed() == {}


@PUSHES_ALONE
def test_a_push_that_the_cable_loses_is_sent_again_and_wakes_then(scene: Scene) -> None:
    scene.let_peers_repeat()
    connection = scene.open_hardware()
    after = scene.sleep()
    before = scene.bench.wire.shape_of()
    with scene.bench.wire.shaped(loss_percent=100):
        connection.push(b"again")
        scene.timeline.wait("PUSH", after=after)
        scene.assert_no_wake(after)
        assert scene.bench.wire.passed()["from_machine"].lost >= 1
    assert scene.bench.wire.shape_of() == before
    scene.timeline.wait("NIC_WAKE", after=after)
    scene.timeline.wait("TASK_DATA", after=after, data=b"again".hex())


def test_a_cable_that_cannot_be_is_refused_and_the_one_there_is_stays(scene: Scene) -> None:
    before = scene.bench.wire.shape_of()
    with pytest.raises(UsageError, match="RIG-C20 a cable cannot have loss_percent = 120"):
        scene.bench.wire.shape(loss_percent=120)
    with pytest.raises(UsageError, match="RIG-C20 there is no cable of 'host'"):
        scene.bench.wire.shape("host", delay_ms=1)
    assert scene.bench.wire.shape_of() == before
    assert not scene.timeline.find("LEVER")
