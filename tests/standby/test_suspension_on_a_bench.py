"""An app that is asked before it is stopped, on a bench: the system dies, the app dies, the user comes back meanwhile."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.bench import Bench
from rig.config import BenchConfig, StandbyConfig
from rig.net import userns
from rig.suite.hand_over_scene import HandOverScene

pytestmark = pytest.mark.skipif(not userns.privileged(), reason="needs namespaces")

AWAITED_S = 2.0
"""Where the deadline is waited for."""

NEVER_S = 30.0
"""Where something else happens first, on a busy machine too."""


@pytest.fixture(params=[NEVER_S], ids=["never"])
def scene(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[HandOverScene]:
    rules = StandbyConfig(suspend_deadline_s=request.param)
    with Bench(BenchConfig(standby=rules), tmp_path) as bench, HandOverScene(bench) as scene:
        yield scene


def asked_in_vain(scene: HandOverScene) -> int:
    """It does not say that it is done; a mark behind the asking."""
    scene.app.call("never_complete")
    scene.host.begin_standby()
    return scene.timeline.wait("APP_SUSPENDING").seq + 1


@pytest.mark.parametrize("scene", [AWAITED_S], indirect=True, ids=["awaited"])
def test_a_system_that_is_killed_meanwhile_is_followed_by_one_that_asks_again(scene: HandOverScene) -> None:
    after = asked_in_vain(scene)
    os.kill(scene.host.pid, signal.SIGKILL)
    again = scene.timeline.wait("APP_SUSPENDING", after=after)
    assert not scene.timeline.find("SUSPEND_OVERDUE"), "the time that it had is over with the system that gave it"
    overdue = scene.timeline.wait("SUSPEND_OVERDUE", after=again.seq)
    assert overdue.t_ns - again.t_ns >= AWAITED_S * 1e9
    scene.timeline.wait("SLEEP_ENTER", after=overdue.seq)
    scene.host.exit_standby()
    assert scene.app.call("all_sockets") == {}
    assert not scene.timeline.find("SERVICE_FAULT")


def test_a_user_who_comes_back_meanwhile_finds_it_going_on(scene: HandOverScene) -> None:
    after = asked_in_vain(scene)
    scene.host.exit_standby()
    assert scene.timeline.wait("APP_RESUME", after=after).cause == "foreground"
    assert scene.app.call("all_sockets") == {}
    assert not scene.timeline.find("APP_SUSPEND")
    assert not scene.timeline.find("SLEEP_ENTER")


def test_one_that_is_killed_meanwhile_keeps_nobody_awake(scene: HandOverScene) -> None:
    asked = asked_in_vain(scene)
    os.kill(scene.timeline.wait("APP_READY").pid, signal.SIGKILL)
    scene.timeline.wait("APP_TERMINATED")
    scene.timeline.wait("SLEEP_ENTER", after=asked)
    assert not scene.timeline.find("SUSPEND_OVERDUE")


def test_sockets_that_were_given_come_back_when_the_user_is_quicker_than_the_rest(scene: HandOverScene) -> None:
    """The deferral is complete, or about to be, when the user comes back: whatever was first, the app has its socket."""
    server = scene.stream()
    scene.app.call("give_when_suspended")
    for _ in range(5):
        after = scene.timeline.mark()
        scene.host.begin_standby()
        given = scene.given_back(socket="stream", after=after)
        scene.host.exit_standby()
        assert scene.timeline.wait("taken-back", after=given.seq).kinds == ["stream"]
        came = len(server.received)
        scene.app.call("use", kind="stream", call="write")
        server.wait_received(came + 4)
        assert not scene.timeline.find("SERVICE_FAULT", after=after)
