"""What a test turns around the host: it is on the timeline, lasts over the system's death, and a cable is a real one."""

from __future__ import annotations

import os
import signal

import pytest

from rig.net import links
from rig.net.network import HOST_IFNAME
from rig.suite.scene import NO_PROBES, Scene


@pytest.mark.levers(ac=False, battery_percent=15)
def test_what_the_mark_turns_is_so_when_the_test_begins(scene: Scene) -> None:
    assert (scene.host.levers.now.ac, scene.host.levers.now.battery_percent) == (False, 15)
    assert scene.timeline.find("LEVER", ac=False, battery_percent=15)
    scene.host.levers.set(ac=True)
    assert scene.timeline.find("LEVER")[-1].detail == {"ac": True}


def test_the_levers_outlast_the_system(scene: Scene) -> None:
    scene.host.levers.set(time_zone="Europe/Oslo")
    after = scene.timeline.mark()
    os.kill(scene.host.pid, signal.SIGKILL)
    scene.timeline.wait("SYSTEM_STARTED", after=after)
    assert scene.host.levers.now.time_zone == "Europe/Oslo"


def test_the_cable_of_host_and_device_is_out_and_in_again(scene: Scene) -> None:
    """A push waits for the cable; the connection lasts."""
    scene.let_peers_repeat()
    connection = scene.open_hardware()
    scene.host.levers.link(False)
    assert not has_carrier(scene)
    connection.push(b"late")
    scene.host.levers.link(True)
    assert has_carrier(scene)
    scene.timeline.wait("TASK_DATA", data=b"late".hex())
    scene.sleep()
    scene.push_and_run(connection, b"and the device is there")


@pytest.mark.levers(link=False, ac=False)
def test_a_test_may_begin_with_the_cable_out(scene: Scene) -> None:
    assert scene.timeline.find("LEVER", link=False)
    assert scene.timeline.find("LEVER", ac=False)
    assert not has_carrier(scene)
    scene.timeline.wait("NETWORK_CHANGED", link=False)
    scene.host.levers.set(link=True)
    scene.timeline.wait("NETWORK_CHANGED", link=True)
    assert has_carrier(scene)


def has_carrier(scene: Scene) -> bool:
    """The host's own interface."""

    def read() -> bool:
        with links.rtnetlink() as route:
            (link,) = route.get_links(ifname=HOST_IFNAME)
        return bool(link.get_attr("IFLA_CARRIER"))

    return scene.bench.network.host.run(read)


def test_the_host_sees_its_link_go_and_come_back(scene: Scene) -> None:
    after = scene.timeline.mark()
    scene.host.levers.link(False)
    assert not scene.timeline.wait("NETWORK_CHANGED", after=after).link
    scene.host.levers.link(True)
    assert scene.timeline.wait("NETWORK_CHANGED", after=after, count=2).link


@pytest.mark.bench_config(standby=NO_PROBES)
def test_a_sleep_is_no_change_of_the_hosts_network_and_what_happened_meanwhile_is_seen_after_it(scene: Scene) -> None:
    scene.open_hardware()
    after = scene.timeline.mark()
    for _ in range(3):
        scene.sleep()
        scene.host.exit_standby()
    scene.sleep()
    scene.host.levers.link(False)
    scene.assert_no_wake(after)
    assert not scene.timeline.find("NETWORK_CHANGED")
    scene.host.exit_standby()
    assert not scene.timeline.wait("NETWORK_CHANGED", after=after).link
