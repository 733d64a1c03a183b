"""How seldom a connection may be kept alive is learnt from the router before it: its connection tracking, with real timeouts.

The routers forget after whole seconds, which is what the kernel counts in. A minute is made to last 1.1 s, so that the longest
interval which a router allows ends half a second and more before it forgets, and the next one a tenth and more behind that.
"""

from __future__ import annotations

import itertools

import pytest

from rig.clock import Clock, Deadline
from rig.config import StandbyConfig
from rig.device.numbers import OffloadType
from rig.standby.api import ControlChannelTriggerStatus as Status
from rig.suite.scene import Scene
from rig.suite.test_nat import WAKES, nat_of, probe_times_s

INITIAL_MIN = 4
MINUTE_S = 1.1
LEARNING = {
    "standby": StandbyConfig(network_ka_initial_min=INITIAL_MIN, network_ka_step_min=1, network_ka_retry_min=0.3),
    "clock": Clock(round(MINUTE_S * 1e6)),
}
HELD_PROBES = 3


def longest_minutes(router_s: int) -> int:
    """The longest interval, in the host's steps, that a router which forgets after `router_s` allows."""
    return max(minutes for minutes in range(1, INITIAL_MIN + 1) if minutes * MINUTE_S < router_s)


def wait_held(scene: Scene, mark: int, after: int) -> list[float]:
    """Times between HELD_PROBES keep-alives that follow one another, in seconds; nothing wakes the host meanwhile. One that left
    a busy machine late has a longer time before it and a shorter one behind it."""
    deadline = Deadline(30)
    while len(times_s := probe_times_s(scene, mark)) < HELD_PROBES:
        assert not scene.timeline.find("NIC_WAKE", after=after), f"probes at {times_s}"
        assert not deadline.expired, f"probes at {times_s}"
        deadline.pause()
    return [later - earlier for earlier, later in itertools.pairwise(times_s)]


@pytest.mark.requirement("CCT-036", "CCT-037")
@pytest.mark.topology("nat-2s", "nat-3s", "nat")
@pytest.mark.bench_config(**LEARNING)
@pytest.mark.limit_s(120)
@pytest.mark.device_can(offload=OffloadType.ARP)
def test_the_longest_interval_that_the_router_allows_is_found_asleep(scene: Scene) -> None:
    """Each longer one loses the mapping, and that alone wakes the host; the one that is left holds it. It takes longer than a
    router's kernel believes in a neighbour that nobody answers for."""
    nat, server = nat_of(scene), scene.bench.server
    longest = longest_minutes(nat.established_s)
    app = scene.host.start_app("learner", "rig.suite.learning_app:LearningApp")
    assert Status(app.call("learn", channel="inbox", host=server.address, port=server.port)) is Status.HARDWARE_SLOT_ALLOCATED
    after = scene.sleep()
    learnt = [
        scene.timeline.wait("interval-learnt", after=after, count=count, timeout_s=30)
        for count in range(1, INITIAL_MIN - longest + 1)
    ]
    assert [record.minutes for record in learnt] == list(range(INITIAL_MIN - 1, longest - 1, -1))
    asleep = scene.timeline.wait("SLEEP_ENTER", after=learnt[-1].seq)
    periods_s = wait_held(scene, scene.bench.capture.mark(scene.device_port), asleep.seq)
    assert all((longest - 0.5) * MINUTE_S < period_s < nat.established_s for period_s in periods_s), periods_s
    server.push(b"found")
    scene.timeline.wait("TASK_DATA", data=b"found".hex(), after=asleep.seq)
    woke = [wake.reason for wake in scene.timeline.find("NIC_WAKE", after=after)]
    assert woke == [WAKES[nat.forgotten][0]] * len(learnt) + ["TCP_DATA"]
