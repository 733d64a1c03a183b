"""Listeners and datagram sockets with the broker: what runs their tasks, and whether they wake."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rig.bench import Bench
from rig.config import StandbyConfig
from rig.device.numbers import PatternType
from rig.standby.wire.hresult import HResult
from rig.suite.hand_over_scene import HandOverScene

LISTENER, DATAGRAM = 1, 2
ACTIVITY, ACCEPTED = 1, 2
STRICT = pytest.mark.bench_config(standby=StandbyConfig(strict_wake_kinds=True))
WAKES = pytest.mark.bench_config(standby=StandbyConfig(wake_listeners_and_datagrams=True))
FLAT = pytest.mark.topology("flat")
"""Nobody connects to the host from beyond a NAT."""
KINDS = pytest.mark.parametrize("kind", ["listener", "datagram"])


@pytest.fixture
def sockets(bench: Bench) -> Iterator[HandOverScene]:
    with HandOverScene(bench) as scene:
        yield scene


@pytest.mark.requirement("SAT-005")
@STRICT
@KINDS
def test_one_that_is_to_wake_cannot_be_bound_where_that_is_chosen(sockets: HandOverScene, kind: str) -> None:
    task_id = sockets.register()
    sockets.refused(HResult.NOT_SUPPORTED_FOR_SOCKET, "open", kind=kind, task_id=task_id, action="WAKE")
    assert sockets.open(kind, action="DO_NOT_WAKE")
    sockets.stream(action="WAKE")


@pytest.mark.requirement("SAT-005")
@KINDS
def test_elsewhere_it_can_and_the_device_hears_nothing_of_it(sockets: HandOverScene, kind: str) -> None:
    sockets.open(kind, action="WAKE")
    sockets.app.call("give_it", kind=kind)
    assert sockets.given_back(socket=kind).action == "WAKE"
    assert not sockets.timeline.find("NIC_PATTERN_ADD", app="sockets")


@pytest.mark.requirement("SAT-015")
@FLAT
@pytest.mark.parametrize("own_process", [True, False], ids=["out-of-process", "in-process"])
@pytest.mark.host_alone
def test_a_connection_to_a_listener_of_a_suspended_app_runs_its_task_which_takes_it(
    sockets: HandOverScene, own_process: bool
) -> None:
    sockets.register(own_process=own_process)
    port = sockets.open("listener")
    sockets.app.call("give_it", kind="listener", context="the door")
    sockets.app.suspend()
    for _ in range(2):
        after = sockets.timeline.mark()
        sockets.greeted(port)
        task = sockets.task(after=after)
        assert (task.reason, task.kind, task.id, task.context) == (ACCEPTED, LISTENER, "listener", "the door")
        assert task.seq < sockets.timeline.wait("OWNERSHIP_TO_APP", after=after).seq < sockets.given_back(after=after).seq


@pytest.mark.requirement("SAT-015")
@FLAT
@pytest.mark.host_alone
def test_a_listener_that_the_app_has_runs_no_task(sockets: HandOverScene) -> None:
    """The control."""
    port = sockets.open("listener")
    after = sockets.timeline.mark()
    sockets.connected(port).close()
    sockets.assert_no_run(after)


@pytest.mark.requirement("SAT-014")
@pytest.mark.host_alone
def test_a_datagram_runs_the_task_which_gets_it(sockets: HandOverScene) -> None:
    peer = sockets.give_datagram()
    sockets.app.suspend()
    after = sockets.timeline.mark()
    peer.send(b"hello", sockets.seen)
    task = sockets.task(after=after)
    assert (task.reason, task.kind, task.id) == (ACTIVITY, DATAGRAM, "datagram")
    assert sockets.timeline.wait("datagram", after=after).data == "hello"


@pytest.mark.requirement("SAT-020")
@pytest.mark.parametrize(
    ("kind", "own"), [("stream", "stream_socket"), ("datagram", "datagram_socket"), ("listener", "stream_socket_listener")]
)
@pytest.mark.host_alone
def test_the_kind_of_a_socket_says_which_accessor_has_it_and_the_others_take_nothing(
    sockets: HandOverScene, kind: str, own: str
) -> None:
    sockets.open(kind)
    sockets.app.call("give_it", kind=kind)
    for accessor in {"stream_socket", "datagram_socket", "stream_socket_listener"} - {own}:
        sockets.refused(HResult.ILLEGAL_METHOD_CALL, "take", socket_id=kind, accessor=accessor)
    assert not sockets.timeline.find("OWNERSHIP_TO_APP")
    sockets.app.call("take", socket_id=kind, accessor=own)
    assert sockets.timeline.wait("OWNERSHIP_TO_APP").socket == kind
    assert sockets.app.call("all_sockets") == {}


# -- our extension -------------------------------------------------------------------------------------------------------


def asleep(sockets: HandOverScene) -> int:
    """With the app's process gone."""
    sockets.app.terminate()
    sockets.host.enter_standby()
    return sockets.timeline.mark()


@pytest.mark.requirement("SAT-007", "SAT-015")
@FLAT
@WAKES
@pytest.mark.device_can(pattern=PatternType.IPV4_SYN)
def test_a_waking_syn_reaches_the_app_as_a_connection(sockets: HandOverScene) -> None:
    port = sockets.open("listener", action="WAKE")
    sockets.app.call("give_it", kind="listener")
    added = sockets.timeline.wait("NIC_PATTERN_ADD", socket="listener")
    assert added.task_id == sockets.task_id
    after = asleep(sockets)
    for _ in range(2):
        sockets.greeted(port)
        woke = sockets.timeline.wait("NIC_WAKE", after=after)
        assert (woke.socket, woke.pattern_id) == ("listener", added.pattern_id)
        task = sockets.task(after=after)
        assert (woke.seq < task.seq, task.reason) == (True, ACCEPTED)
        sockets.timeline.wait("SLEEP_ENTER", after=task.seq)
        after = sockets.timeline.mark()
        added = sockets.timeline.find("NIC_PATTERN_ADD", socket="listener")[-1]


@pytest.mark.requirement("SAT-007", "SAT-014", "SAT-022")
@WAKES
@pytest.mark.device_can(pattern=PatternType.UDP_PORT)
def test_a_waking_datagram_reaches_the_app(sockets: HandOverScene) -> None:
    peer = sockets.give_datagram(action="WAKE")
    after = asleep(sockets)
    for data in ("the waking one", "another"):
        peer.send(data.encode(), sockets.seen)
        came = sockets.timeline.wait("datagram", after=after)
        assert (came.data, came.source) == (data, [peer.address, peer.port])
        assert sockets.timeline.wait("NIC_WAKE", after=after).socket == "datagram"
        assert sockets.task(after=after).reason == ACTIVITY
        sockets.timeline.wait("SLEEP_ENTER", after=came.seq)
        after = sockets.timeline.mark()


@pytest.mark.requirement("SAT-006", "SAT-007")
@FLAT
@WAKES
@pytest.mark.parametrize(
    "action",
    ["DO_NOT_WAKE", pytest.param("another port", marks=pytest.mark.device_can(pattern=PatternType.UDP_PORT))],
)
def test_what_does_not_wake_or_is_for_another_port_leaves_the_host_asleep(sockets: HandOverScene, action: str) -> None:
    other = action == "another port"
    peer = sockets.give_datagram(action="WAKE" if other else action)
    after = asleep(sockets)
    peer.send(b"hello", (sockets.seen[0], sockets.seen[1] ^ 1) if other else sockets.seen)
    sockets.assert_no_run(after)
    assert not sockets.timeline.find("SLEEP_EXIT", after=after)


@pytest.mark.requirement("SAT-007")
@FLAT
@pytest.mark.parametrize("kind", ["datagram"])
def test_without_the_extension_it_waits_for_the_user(sockets: HandOverScene, kind: str) -> None:
    peer = sockets.give_datagram(action="WAKE")
    after = asleep(sockets)
    peer.send(b"hello", sockets.seen)
    sockets.assert_no_run(after)
    sockets.host.exit_standby()
    peer.send(b"again", sockets.seen)
    assert sockets.task(after=after).reason == ACTIVITY


@pytest.mark.requirement("SAT-007")
@WAKES
@pytest.mark.device_can(pattern=PatternType.UDP_PORT)
def test_where_the_device_has_no_room_for_a_pattern_the_transfer_is_refused(sockets: HandOverScene) -> None:
    sockets.fill_patterns()
    sockets.open("listener", action="WAKE")
    sockets.refused(HResult.NO_SLOT, "give_it", kind="listener")
    assert sockets.app.call("all_sockets") == {}
    sockets.bench.device.remove_pattern(1)
    sockets.app.call("give_it", kind="listener")
    sockets.app.call("take", socket_id="listener", accessor="stream_socket_listener")
    sockets.timeline.wait("NIC_PATTERN_DEL", socket="listener")
