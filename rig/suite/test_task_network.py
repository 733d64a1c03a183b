"""The network of a run in connected standby: there for one that was to have it, for as long as it runs; else not at all."""

from __future__ import annotations

import socket

import pytest

from rig.inject.frames import transport
from rig.suite.task_scene import TaskScene
from rig.timeline import Record

UNREACHABLE = "OSError: [Errno 101] Network is unreachable"
WHERE = pytest.mark.parametrize("own_process", [True, False], ids=["out-of-process", "in-process"])


@pytest.fixture
def connecting(tasks: TaskScene) -> TaskScene:
    """Whose tasks know where to connect to."""
    server = tasks.bench.server
    tasks.app.call("set_server", address=server.address, port=server.port)
    return tasks


def left(scene: TaskScene, after: int) -> Record:
    """Run, with what it raised."""
    return scene.timeline.wait("RUN_EXIT", task="Connects", after=after)


def segments_to_server(scene: TaskScene) -> int:
    """Of TCP, for the port that the task connects to, as they pass the server's port of the switch."""
    frames = scene.bench.capture.frames(scene.bench.network.topology.server.port)
    return sum(destination_port(frame.data) == scene.bench.server.port for frame in frames)


def destination_port(frame: bytes) -> int | None:
    """None of what is no TCP."""
    try:
        protocol, start = transport(frame)
    except ValueError:
        return None
    return int.from_bytes(frame[start + 2 : start + 4], "big") if protocol == socket.IPPROTO_TCP else None


@pytest.mark.requirement("BGT-015")
@WHERE
def test_a_task_that_asked_for_the_network_has_it_in_standby_for_exactly_its_run(
    connecting: TaskScene, own_process: bool
) -> None:
    """Its second connection begins when an idle host would have gone to sleep."""
    connecting.register("Connects", own_process=own_process, network=True)
    connecting.host.enter_standby()
    after = connecting.fire()
    awake = connecting.timeline.wait("SLEEP_EXIT", after=after)
    assert left(connecting, after).fault is None
    asleep = connecting.timeline.wait("SLEEP_ENTER", after=after)
    begun = connecting.timeline.find("RUN_ENTER", task="Connects", after=after)
    ended = connecting.ended("Connects", after=after)
    assert awake.seq < begun[0].seq < ended.seq < asleep.seq
    assert connecting.bench.server.connection(1)
    assert segments_to_server(connecting)


@pytest.mark.requirement("BGT-016")
@WHERE
def test_a_task_that_did_not_ask_for_the_network_has_none_in_standby(connecting: TaskScene, own_process: bool) -> None:
    connecting.register("Connects", own_process=own_process)
    connecting.host.enter_standby()
    after = connecting.fire()
    assert left(connecting, after).fault == UNREACHABLE
    connecting.timeline.wait("SLEEP_ENTER", after=after)
    assert not segments_to_server(connecting)
    assert not connecting.bench.server.connections


@pytest.mark.requirement("BGT-016")
@WHERE
def test_the_same_task_has_it_while_the_host_is_active(connecting: TaskScene, own_process: bool) -> None:
    """Before standby, and after one in which it had none."""
    connecting.register("Connects", own_process=own_process)
    assert left(connecting, connecting.fire()).fault is None
    connecting.ended("Connects")
    connecting.host.enter_standby()
    assert left(connecting, connecting.fire()).fault == UNREACHABLE
    connecting.host.exit_standby()
    assert left(connecting, connecting.fire()).fault is None
