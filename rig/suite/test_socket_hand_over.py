"""When and how an app gives its sockets to the broker: which, with nothing under way, last of all, and then not used any more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from rig.bench import Bench
from rig.config import StandbyConfig
from rig.peers import PushConnection
from rig.standby.wire.hresult import HostError, HResult
from rig.suite.hand_over_scene import HandOverScene

KINDS = {"stream": 3, "datagram": 2, "listener": 1}
OTHERS = [
    ("rig.standby.api.websockets", "StreamWebSocket"),
    ("rig.standby.api.websockets", "MessageWebSocket"),
    ("rig.standby.api.http.client", "RtcRequest"),
    ("rig.standby.api.http.client", "HttpClient"),
    ("rig.standby.api.http.web_client", "HttpRequestMessage"),
    ("rig.standby.api.http.web_client", "HttpClient"),
    ("rig.standby.api.xhr", "XmlHttpRequest2"),
]
"""What has no way to the broker: its connection means nothing without the state that the app's process has of it."""


@pytest.fixture
def sockets(bench: Bench) -> Iterator[HandOverScene]:
    with HandOverScene(bench) as scene:
        yield scene


@pytest.mark.requirement("SAT-001")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.host_alone
def test_the_broker_takes_the_three_kinds_of_sockets(sockets: HandOverScene, kind: str) -> None:
    sockets.open(kind)
    sockets.app.call("give_it", kind=kind)
    told = sockets.given_back(socket=kind)
    assert told.kind == ["", "STREAM_SOCKET_LISTENER", "DATAGRAM_SOCKET", "STREAM_SOCKET"][KINDS[kind]]
    assert sockets.app.call("all_sockets")[kind][0] == KINDS[kind]


@pytest.mark.requirement("SAT-001")
@pytest.mark.parametrize(("module", "name"), OTHERS, ids=[f"{module}.{name}" for module, name in OTHERS])
@pytest.mark.host_alone
def test_websockets_and_http_have_no_way_to_the_broker(sockets: HandOverScene, module: str, name: str) -> None:
    with pytest.raises(HostError, match=r"AttributeError: .*transfer_ownership"):
        sockets.app.call("offer", module=module, name=name)


@pytest.mark.requirement("SAT-008")
@pytest.mark.host_alone
def test_a_stream_with_a_pending_read_is_not_taken_before_that_is_cancelled(sockets: HandOverScene) -> None:
    server = sockets.stream()
    sockets.app.call("post")
    sockets.refused(HResult.ILLEGAL_METHOD_CALL, "give_it", kind="stream")
    assert not sockets.timeline.find("OWNERSHIP_TO_BROKER")
    sockets.app.call("cancel_io", kind="stream")
    sockets.timeline.wait("read-over", status="CANCELED")
    sockets.app.call("give_it", kind="stream")
    server.push(b"afterwards")
    assert sockets.read("stream").bytes == 10


@pytest.mark.requirement("SAT-008")
@pytest.mark.host_alone
def test_a_stream_without_one_is_taken_at_once(sockets: HandOverScene) -> None:
    """The control: it is the read that is in the way."""
    sockets.stream()
    sockets.app.call("give_it", kind="stream")
    sockets.given_back(socket="stream")


@pytest.mark.requirement("SAT-009")
@pytest.mark.host_alone
def test_when_cancel_io_is_over_reads_are_terminal_and_their_handlers_may_run(sockets: HandOverScene) -> None:
    sockets.stream()
    sockets.app.call("post", slowly=True)
    assert sockets.app.call("write_and_cancel", count=1) == "CANCELED"
    cancelled = sockets.timeline.wait("read-over", status="CANCELED")
    sockets.app.call("give_it", kind="stream")
    given = sockets.given_back(socket="stream")
    assert not sockets.timeline.find("handler-returns"), "the handler is on the stack still"
    sockets.app.call("let_go")
    assert cancelled.seq < given.seq < sockets.timeline.wait("handler-returns").seq


@pytest.mark.requirement("SAT-009")
@pytest.mark.host_alone
def test_a_read_that_nobody_cancels_stays_posted_until_something_comes(sockets: HandOverScene) -> None:
    """The control: it is `cancel_io` that ends one."""
    server = sockets.stream()
    sockets.app.call("post")
    with pytest.raises(HostError):
        sockets.app.call("give_it", kind="stream")
    assert not sockets.timeline.find("read-over")
    server.push(b"news")
    assert sockets.timeline.wait("read-over").status == "COMPLETED"


@pytest.mark.requirement("SAT-009")
@pytest.mark.host_alone
def test_what_was_written_before_cancel_io_reaches_the_peer(sockets: HandOverScene) -> None:
    server, count = sockets.stream(), 100_000
    sockets.app.call("post")
    sockets.app.call("write_and_cancel", count=count)
    sockets.app.call("give_it", kind="stream")
    assert server.wait_received(count) == bytes(index % 251 for index in range(count))


@pytest.mark.requirement("SAT-010")
@pytest.mark.parametrize(
    "more", [{}, {"context": "who I am"}, {"context": "who I am", "minutes": 15}], ids=["id", "context", "time"]
)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.host_alone
def test_a_transfer_has_three_forms_and_a_listeners_two(sockets: HandOverScene, kind: str, more: dict[str, Any]) -> None:
    sockets.open(kind)
    if kind == "listener" and "minutes" in more:
        with pytest.raises(HostError, match="TypeError"):
            sockets.app.call("give_it", kind=kind, **more)
        assert not sockets.timeline.find("OWNERSHIP_TO_BROKER")
        del more["minutes"]
    sockets.app.call("give_it", kind=kind, **more)
    assert sockets.app.call("all_sockets") == {kind: [KINDS[kind], sockets.task_id, more.get("context")]}


# -- when ------------------------------------------------------------------------------------------------------------------


def used(server: PushConnection, sockets: HandOverScene) -> None:
    """What was given away is used no more."""
    for kind, calls in {"stream": ("write", "read"), "datagram": ("send", "bind"), "listener": ("bind",)}.items():
        for call in calls:
            sockets.refused(HResult.ILLEGAL_METHOD_CALL, "use", kind=kind, call=call)
    assert not server.received


@pytest.mark.requirement("SAT-011")
@pytest.mark.host_alone
def test_after_the_transfer_the_objects_raise(sockets: HandOverScene) -> None:
    server = sockets.stream()
    for kind in ("datagram", "listener"):
        sockets.open(kind)
    for kind in KINDS:
        sockets.app.call("use", kind=kind, call="none of them")
        sockets.app.call("give_it", kind=kind)
    used(server, sockets)


@pytest.mark.requirement("SAT-011")
@pytest.mark.parametrize("deferred", [True, False], ids=["in a deferral", "in the handler"])
@pytest.mark.host_alone
def test_sockets_are_given_when_the_app_is_suspended_and_taken_when_it_goes_on(sockets: HandOverScene, deferred: bool) -> None:
    server = sockets.stream()
    sockets.open("datagram")
    sockets.app.call("give_when_suspended", deferred=deferred)
    stopped = sockets.app.suspend()
    asked = sockets.timeline.wait("APP_SUSPENDING")
    given = [sockets.given_back(socket=kind) for kind in ("stream", "datagram")]
    order = [asked, *given, stopped]
    if deferred:
        order.insert(3, sockets.timeline.wait("DEFERRAL_DONE"))
        assert asked.seq < sockets.timeline.wait("DEFERRAL_GET").seq < given[0].seq
    assert [record.seq for record in order] == sorted(record.seq for record in order)
    server.push(b"while it is stopped")
    assert sockets.read("stream").bytes == 19
    sockets.given_back(socket="stream", after=stopped.seq)
    after = sockets.timeline.mark()
    sockets.app.resume()
    assert sockets.timeline.wait("taken-back", after=after).kinds == ["datagram", "stream"]
    sockets.app.call("use", kind="stream", call="write")
    server.wait_received(4)


@pytest.mark.requirement("SAT-011")
def test_sockets_are_given_before_the_host_sleeps_and_wake_it(sockets: HandOverScene) -> None:
    server = sockets.stream(action="WAKE")
    sockets.app.call("give_when_suspended")
    asleep = sockets.host.enter_standby()
    given = sockets.given_back(socket="stream")
    assert given.seq < sockets.timeline.wait("APP_SUSPEND").seq < asleep.seq
    server.push(b"wake up")
    sockets.timeline.wait("NIC_WAKE", after=asleep.seq)
    assert sockets.read("stream", after=asleep.seq).bytes == 7
    assert not sockets.timeline.find("APP_RESUME"), "the task has a process of its own"


@pytest.mark.requirement("SAT-011")
@pytest.mark.host_alone
def test_sockets_are_given_when_the_user_closes_the_app_and_outlive_it(sockets: HandOverScene) -> None:
    server = sockets.stream()
    sockets.app.call("give_when_suspended")
    ended = sockets.app.close_by_user()
    assert sockets.given_back(socket="stream").seq < sockets.timeline.wait("APP_END").seq < ended.seq
    server.push(b"nobody there?")
    assert sockets.read("stream").bytes == 13


@pytest.mark.requirement("SAT-011")
@pytest.mark.host_alone
def test_an_app_that_is_ended_without_a_word_takes_its_sockets_along(sockets: HandOverScene) -> None:
    """The control."""
    server = sockets.stream()
    sockets.app.call("give_when_suspended")
    sockets.app.terminate()
    server.wait_closed()
    assert not sockets.timeline.find("OWNERSHIP_TO_BROKER")


@pytest.mark.requirement("SAT-011")
@pytest.mark.bench_config(standby=StandbyConfig(suspend_deadline_s=0.3))
def test_a_deferral_that_is_never_complete_holds_the_host_up_for_a_bounded_time(sockets: HandOverScene) -> None:
    """The control: it is the deferral that the system waits for."""
    sockets.stream()
    sockets.app.call("never_complete")
    asleep = sockets.host.enter_standby()
    overdue = sockets.timeline.wait("SUSPEND_OVERDUE")
    asked = sockets.timeline.wait("APP_SUSPENDING")
    assert overdue.t_ns - asked.t_ns >= 0.3e9
    assert asked.seq < overdue.seq < sockets.timeline.wait("APP_SUSPEND").seq < asleep.seq
    refused = sockets.timeline.wait("SLEEP_REFUSED")
    assert refused.reason == "it is asked before it is suspended"


# -- tasks -----------------------------------------------------------------------------------------------------------------


def data(sockets: HandOverScene) -> None:
    sockets.give_stream().push(b"news")


def closed(sockets: HandOverScene) -> None:
    sockets.app.call("remember_server", host=sockets.bench.server.address, port=sockets.bench.server.port)
    sockets.give_stream().finish()


def timer(sockets: HandOverScene) -> None:
    sockets.give_stream(minutes=1)


def datagram(sockets: HandOverScene) -> None:
    sockets.give_datagram().send(b"news", sockets.seen)


def connection(sockets: HandOverScene) -> None:
    port = sockets.open("listener")
    sockets.app.call("give_it", kind="listener")
    sockets.greeted(port)


@pytest.mark.requirement("SAT-019")
@pytest.mark.topology("flat")
@pytest.mark.parametrize("happens", [data, closed, timer, datagram, connection])
@pytest.mark.host_alone
def test_a_task_takes_a_deferral_first_and_completes_it_last_whatever_the_reason(sockets: HandOverScene, happens: Any) -> None:
    happens(sockets)
    first = sockets.given_back()
    got = sockets.timeline.wait("DEFERRAL_GET", task="HandsOver")
    to_app = sockets.timeline.wait("OWNERSHIP_TO_APP")
    back = sockets.given_back(after=first.seq + 1)
    done = sockets.timeline.wait("DEFERRAL_DONE", task="HandsOver")
    assert got.seq < to_app.seq < back.seq < done.seq < sockets.timeline.wait("RUN_EXIT").seq


@pytest.mark.requirement("SAT-019")
@pytest.mark.host_alone
def test_without_a_deferral_the_task_is_over_and_its_socket_with_it(sockets: HandOverScene) -> None:
    """The control: what is given back on a thread of its own is given back only when the run waits for it."""
    sockets.register("Hasty")
    server = sockets.give_stream()
    server.push(b"news")
    over = sockets.timeline.wait("RUN_EXIT")
    sockets.timeline.wait("TASK_HOST_END", after=over.seq)
    assert len(sockets.timeline.find("OWNERSHIP_TO_BROKER")) == 1
    sockets.assert_no_run(over.seq)


@pytest.mark.requirement("SAT-022")
@pytest.mark.parametrize("own_process", [True, False], ids=["out-of-process", "in-process"])
@pytest.mark.host_alone
def test_a_handler_that_a_task_attaches_gets_the_datagram_that_ran_it(sockets: HandOverScene, own_process: bool) -> None:
    sockets.register("HandsOver", own_process=own_process)
    peer = sockets.give_datagram()
    sockets.app.suspend()
    after = sockets.timeline.mark()
    peer.send(b"the waking one", sockets.seen)
    task = sockets.task(after=after)
    assert (task.reason, task.kind) == (1, 2)
    came = sockets.timeline.wait("datagram", after=task.seq)
    assert (came.data, came.source) == ("the waking one", [peer.address, peer.port])
    assert task.seq < came.seq < sockets.given_back(after=after).seq
    for number in range(3):
        peer.send(b"%d" % number, sockets.seen)
    last = [sockets.timeline.wait("datagram", data=str(number), after=after).seq for number in range(3)]
    assert last == sorted(last)


@pytest.mark.requirement("SAT-022")
@pytest.mark.host_alone
def test_a_task_that_attaches_no_handler_gets_nothing_of_it(sockets: HandOverScene) -> None:
    """The control: there is nothing to read from, and no event without a handler."""
    sockets.register("Attaches")
    sockets.give_datagram().send(b"the waking one", sockets.seen)
    assert sockets.timeline.wait("attached-none").attributes == []
    sockets.timeline.wait("RUN_EXIT")
    assert not sockets.timeline.find("datagram")
