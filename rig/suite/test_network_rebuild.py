"""An app that makes its channel anew when its network has changed over a sleep, and one that does not: the control."""

from __future__ import annotations

import pytest

from rig.standby.api import ControlChannelTriggerStatus as Status
from rig.standby.app_handle import AppHandle
from rig.suite.scene import Scene

APP = "rig.suite.channel_app:ChannelApp"


def set_up(scene: Scene, *, with_task: bool = True) -> AppHandle:
    app = scene.host.start_app("network", APP)
    app.call("request_access")
    if with_task:
        app.call("register_for_network_changes")
    server = scene.bench.server
    status = app.call("set_up", channel="inbox", host=server.address, port=server.port, hardware=True)
    assert Status(status) is Status.HARDWARE_SLOT_ALLOCATED
    return app


def assert_made_anew(scene: Scene, after: int) -> None:
    """The old slot is free before the new one is granted; the new channel is as good as the first."""
    assert scene.timeline.wait("RUN_EXIT", task="network", after=after).fault is None
    steps = [r.event for r in scene.timeline.records(after) if r.event in ("SLOT_FREE", "CONNECT_BEGIN", "SLOT_GRANT")]
    assert steps == ["SLOT_FREE", "CONNECT_BEGIN", "SLOT_GRANT"]
    assert len(scene.timeline.find("RUN_ENTER", task="network", after=after)) == 1
    assert len(scene.device.slots()) == 1
    scene.sleep()
    scene.push_and_run(scene.bench.server.connection(1), b"on the new one")


@pytest.mark.requirement("CCT-048")
@pytest.mark.bench_config(minute_us=2_000_000)  # a device that does not watch its link ends a connection after some probes
def test_a_network_that_changed_while_the_host_slept_makes_it_anew_at_the_wake(scene: Scene) -> None:
    set_up(scene)
    after = scene.sleep()
    scene.host.levers.link(False)
    scene.assert_no_wake(after)
    scene.host.exit_standby()
    scene.timeline.wait("TASK_PENDING", task="network", after=after)
    after = scene.timeline.mark()
    scene.host.levers.link(True)
    assert_made_anew(scene, after)


@pytest.mark.requirement("CCT-048")
def test_without_such_a_task_the_channel_stays(scene: Scene) -> None:
    """The negative control: the connection lives on, as its peer has not gone."""
    scene.let_peers_repeat()
    set_up(scene, with_task=False)
    after = scene.timeline.mark()
    scene.host.levers.link(False)
    scene.timeline.wait("NETWORK_CHANGED", link=False, after=after)
    scene.host.levers.link(True)
    scene.timeline.wait("NETWORK_CHANGED", link=True, after=after)
    scene.push_and_run(scene.bench.server.connection(0), b"on the old one")
    assert not scene.timeline.find("CONNECT_BEGIN", after=after)
