"""Something happens at every moment of a channel's set-up, on the real processes.

tests/standby does the same in virtual time, with thousands of moments; here are dozens, with a kernel, a device and signals that
are real.
"""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

import pytest

from rig.clock import Deadline
from rig.config import StandbyConfig
from rig.standby.api import ControlChannelTriggerStatus as Status
from rig.standby.app_handle import AppHandle
from rig.standby.wire.hresult import HostError, HResult
from rig.suite.scene import Scene

APP = "rig.suite.channel_app:ChannelApp"
NAME = "races"
ONE_SLOT = pytest.mark.bench_config(standby=StandbyConfig(hw_slots_total=1, sw_slots_per_app=1))
STEP_S, POINTS = 0.0002, 24
"""A set-up takes two to four milliseconds."""
STEPS = ("CTOR", "REGISTER", "USING_TRANSPORT", "SLOT_REQUEST", "CONNECT_END", "NIC_PATTERN_ADD", "SLOT_GRANT", "READ_POST")
"""Of a set-up, as `test_the_steps_are_those_of_a_set_up` has recorded it."""


def start(scene: Scene) -> AppHandle:
    app = scene.host.start_app(NAME, APP)
    app.call("request_access")
    return app


class SettingUp:
    """A set-up under way, on a thread. `status` waits for its end; None: the app died with it, or its connect failed."""

    def __init__(self, scene: Scene, app: AppHandle, hardware: bool) -> None:
        self.began = scene.timeline.mark()
        self._status: Status | None = None
        server = scene.bench.server
        self._arguments: dict[str, Any] = {"host": server.address, "port": server.port, "hardware": hardware}
        self._app = app
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    @property
    def status(self) -> Status | None:
        self._thread.join()
        return self._status

    def _run(self) -> None:
        try:
            self._status = Status(self._app.call("set_up", channel="inbox", **self._arguments))
        except (HostError, OSError):
            pass


def after(seconds: float) -> None:
    """The moment that a sweep is at: no wait for an effect."""
    deadline = Deadline(seconds)
    while not deadline.expired:
        pass


def next_gets_it(scene: Scene, app: AppHandle, hardware: bool = True) -> None:
    """Of the only slot."""
    app.call("close", channel="inbox")
    assert scene.device.slots() == ()
    under_way = SettingUp(scene, app, hardware)
    assert under_way.status is (Status.HARDWARE_SLOT_ALLOCATED if hardware else Status.SOFTWARE_SLOT_ALLOCATED)
    assert len(scene.device.slots()) == hardware
    app.call("close", channel="inbox")


def test_the_steps_are_those_of_a_set_up(scene: Scene) -> None:
    under_way = SettingUp(scene, start(scene), True)
    assert under_way.status is Status.HARDWARE_SLOT_ALLOCATED
    done = [r.event for r in scene.timeline.records()[under_way.began :] if r.detail.get("app") == NAME]
    assert [event for event in done if event in STEPS] == list(STEPS)


@pytest.mark.requirement("CCT-044")
@ONE_SLOT
def test_an_app_killed_at_each_step_of_its_set_up_leaves_nothing(scene: Scene) -> None:
    for step in STEPS:
        app = start(scene)
        under_way = SettingUp(scene, app, True)
        scene.timeline.wait(step, after=under_way.began)
        os.kill(scene.timeline.find("APP_READY", app=NAME)[-1].pid, signal.SIGKILL)
        scene.timeline.wait("APP_TERMINATED", after=under_way.began)
        assert scene.device.slots() == (), step
    next_gets_it(scene, set_up_again(scene))


def set_up_again(scene: Scene) -> AppHandle:
    app = start(scene)
    assert SettingUp(scene, app, True).status is Status.HARDWARE_SLOT_ALLOCATED
    return app


@pytest.mark.requirement("CCT-019", "CCT-044")
@ONE_SLOT
def test_the_system_killed_at_steps_of_a_set_up_ends_it_as_if_nothing_had_been(scene: Scene) -> None:
    app = start(scene)
    for number, step in enumerate(("CTOR", "CONNECT_END", "NIC_PATTERN_ADD", "SLOT_GRANT")):
        under_way = SettingUp(scene, app, True)
        scene.timeline.wait(step, after=under_way.began)
        os.kill(scene.host.pid, signal.SIGKILL)
        scene.timeline.wait("SYSTEM_STARTED", after=under_way.began)
        assert under_way.status is Status.HARDWARE_SLOT_ALLOCATED, step
        scene.push_and_run(scene.bench.server.connection(number), step.encode())
        assert len(scene.device.slots()) == 1, step
        app.call("close", channel="inbox")
        assert scene.device.slots() == (), step


@pytest.mark.requirement("CCT-020", "CCT-041")
@ONE_SLOT
def test_the_system_that_comes_next_counts_the_slots_of_the_one_before(scene: Scene) -> None:
    """Full it is full; and what is given back then is one slot, no more."""
    scene.open_hardware("first")
    after = scene.timeline.mark()
    os.kill(scene.host.pid, signal.SIGKILL)
    scene.timeline.wait("SYSTEM_STARTED", after=after)
    assert_no_slot(scene, "second")
    scene.app.call("close_channel", channel="first")
    scene.open_hardware("second")
    assert_no_slot(scene, "third")


def assert_no_slot(scene: Scene, channel: str) -> None:
    with pytest.raises(HostError) as refused:
        scene.open(channel)
    assert refused.value.hresult is HResult.NO_SLOT


@pytest.mark.requirement("CCT-024")
@ONE_SLOT
@pytest.mark.parametrize("how", ["finish", "reset"])
@pytest.mark.parametrize("hardware", [True, False], ids=["hardware", "software"])
def test_a_peer_that_goes_at_any_moment_of_a_set_up(scene: Scene, how: str, hardware: bool) -> None:
    """From its accept until the grant. What is allocated was so before the peer went; the slot goes to the next channel."""
    app = start(scene)
    statuses = []
    for point in range(POINTS):
        under_way = SettingUp(scene, app, hardware)
        connection = scene.bench.server.connection(point)
        if point == POINTS - 1:
            scene.timeline.wait("SLOT_GRANT", after=under_way.began)
        after(point * STEP_S)
        granted = bool(scene.timeline.find("SLOT_GRANT", after=under_way.began))
        getattr(connection, how)()
        status = under_way.status
        statuses.append(status)
        if status is None:  # the peer had reset the connection before connect(2) returned
            assert how == "reset"
            assert scene.timeline.wait("CONNECT_END", after=under_way.began).error is not None
        else:
            assert status.allocated or status is Status.TRANSPORT_DISCONNECTED, f"point {point}"
        allocated = status is not None and status.allocated
        assert allocated or not granted, f"point {point}"
        assert len(scene.device.slots()) == (hardware and allocated), f"point {point}"
        app.call("close", channel="inbox")
        assert scene.device.slots() == ()
    assert statuses[-1] is not None
    assert statuses[-1].allocated, "the last point was behind the grant"


@pytest.mark.requirement("CCT-025", "CCT-047")
@ONE_SLOT
@pytest.mark.parametrize("hardware", [True, False], ids=["hardware", "software"])
def test_standby_that_begins_at_any_moment_of_a_set_up(scene: Scene, hardware: bool) -> None:
    """A hardware channel is alive afterwards; a software one was refused, was reset, or has been made when that was over."""
    app = start(scene)
    for number, point in enumerate(range(0, POINTS, 3)):
        under_way = SettingUp(scene, app, hardware)
        after(point * STEP_S)
        scene.host.enter_standby()
        scene.host.exit_standby()
        status = under_way.status
        assert status is not None
        if hardware:
            assert status is Status.HARDWARE_SLOT_ALLOCATED, f"point {point}"
            assert not scene.timeline.find("RESET", after=under_way.began)
        else:
            assert status in (Status.SOFTWARE_SLOT_ALLOCATED, Status.SERVICE_UNAVAILABLE), f"point {point}"
        reset = bool(scene.timeline.find("RESET", after=under_way.began))
        if status.allocated and not reset:
            scene.push_and_run(scene.bench.server.connection(number), b"alive")
        assert status.allocated or reset, f"point {point}: who is refused is told when to try again"
        app.call("close", channel="inbox")
        assert scene.device.slots() == ()
