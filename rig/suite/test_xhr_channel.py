"""Channels whose transport is XmlHttpRequest2: one object a poll, bound one after another; awake and asleep."""

from __future__ import annotations

import os
import signal

import pytest

from rig.config import StandbyConfig
from rig.peers import http_handlers as handlers
from rig.standby.api import ControlChannelTriggerStatus as Status
from rig.standby.api import HResult
from rig.standby.api.xhr import XhrError
from rig.suite.scene import QUIET_S
from rig.suite.xhr_scene import XHR_APP, XhrScene

CYCLES = 100


@pytest.mark.requirement("CXR-004")
def test_the_right_order_ends_with_a_slot(xhr: XhrScene) -> None:
    xhr.xhr.call("construct")
    xhr.xhr.call("make", xhr="one")
    xhr.refused(HResult.ILLEGAL_METHOD_CALL, "bind", xhr="one")
    assert not xhr.timeline.find("USING_TRANSPORT"), "bound before it was open, it is not bound"
    xhr.xhr.call("open", xhr="one", url=xhr.web.url("/poll"))
    xhr.xhr.call("set_header", xhr="one", name="X-Session", value="7")
    xhr.xhr.call("bind", xhr="one")
    xhr.refused(HResult.ILLEGAL_METHOD_CALL, "wait")
    xhr.xhr.call("send", xhr="one")
    assert Status(xhr.xhr.call("wait")) is Status.HARDWARE_SLOT_ALLOCATED
    order = [xhr.timeline.wait(event).seq for event in ("USING_TRANSPORT", "CONNECT_BEGIN", "CONNECT_END", "SLOT_GRANT")]
    assert order == sorted(order)
    assert xhr.web.request(path="/poll").header("X-Session") == "7"


@pytest.mark.requirement("CXR-004")
@pytest.mark.host_alone
def test_an_object_that_was_sent_is_too_late_to_be_bound(xhr: XhrScene) -> None:
    xhr.xhr.call("construct")
    xhr.xhr.call("get", xhr="one", url=xhr.web.url("/poll"))
    xhr.refused(HResult.ILLEGAL_METHOD_CALL, "bind", xhr="one")


@pytest.mark.requirement("CXR-004")
def test_a_response_that_is_quicker_than_the_wait_is_pushed_then(xhr: XhrScene) -> None:
    xhr.web.on("/quick", handlers.answer(b"at once"))
    xhr.xhr.call("construct")
    xhr.xhr.call("make", xhr="poll-quick")
    xhr.xhr.call("open", xhr="poll-quick", url=xhr.web.url("/quick"))
    xhr.xhr.call("bind", xhr="poll-quick")
    xhr.xhr.call("send", xhr="poll-quick")
    xhr.wait_call("response", "poll-quick")
    assert not xhr.timeline.find("RUN_ENTER"), "nothing runs before the channel is set up"
    assert Status(xhr.xhr.call("wait")) is Status.HARDWARE_SLOT_ALLOCATED
    xhr.timeline.wait("TASK_DATA", data=b"at once".hex())


@pytest.mark.requirement("CXR-005")
@pytest.mark.parametrize("path", ["/there", "/feed", "/old", "/reset", "/cut"])
@pytest.mark.host_alone
def test_callbacks_are_the_same_with_a_channel_and_without(xhr: XhrScene, path: str) -> None:
    xhr.web.on("/there", handlers.answer(b"the body"))
    xhr.web.on("/feed", handlers.stream([b"one", b"two"], 0.03))
    xhr.web.on("/old", handlers.redirect("/there"))
    xhr.web.on("/reset", handlers.reset)
    xhr.web.on("/cut", handlers.cut_short(b"half", 8))
    without = xhr.get(path)
    xhr.xhr.call("construct")
    xhr.xhr.call("make", xhr="bound")
    xhr.xhr.call("open", xhr="bound", url=xhr.web.url(path))
    xhr.xhr.call("bind", xhr="bound")
    xhr.xhr.call("send", xhr="bound")
    xhr.xhr.call("wait")
    assert xhr.trace(xhr.calls_to_end("bound")) == xhr.trace(without)


@pytest.mark.requirement("CXR-002")
def test_one_channel_takes_a_hundred_transports(xhr: XhrScene) -> None:
    held = xhr.polling()
    for number in range(CYCLES):
        if number:
            status, held = xhr.poll()
            assert status is Status.HARDWARE_SLOT_ALLOCATED
            assert len(xhr.device.slots()) == 1
        xhr.answer_and_run(held, b"news %d" % number)
    events = ("CTOR", "USING_TRANSPORT", "SLOT_REQUEST", "SLOT_FREE")
    assert [len(xhr.timeline.find(event, channel="inbox")) for event in events] == [1, CYCLES, 1, 0]
    assert len(xhr.xhr.call("alive")) <= 1, "no object but the one that is bound"


@pytest.mark.requirement("CXR-003")
@pytest.mark.bench_config(standby=StandbyConfig(hw_slots_per_app=2))
@pytest.mark.host_alone
def test_objects_that_are_kept_use_the_limits_up(xhr: XhrScene) -> None:
    xhr.xhr.call("construct")
    for number in range(2):
        status, held = xhr.poll(leak=True)
        assert status is Status.HARDWARE_SLOT_ALLOCATED
        xhr.answer_and_run(held, b"news %d" % number)
    assert xhr.poll(leak=True)[0] is Status.POLICY_ERROR
    xhr.xhr.call("let_leaked_go")
    status, held = xhr.poll()
    assert status is Status.HARDWARE_SLOT_ALLOCATED, "what was let go costs nothing"
    xhr.answer_and_run(held, b"at last")


@pytest.mark.requirement("CXR-003")
@pytest.mark.bench_config(standby=StandbyConfig(hw_slots_per_app=1))
@pytest.mark.host_alone
def test_objects_that_are_let_go_use_nothing_up(xhr: XhrScene) -> None:
    held = xhr.polling()
    for number in range(5):
        xhr.answer_and_run(held, b"news %d" % number)
        status, held = xhr.poll()
        assert status is Status.HARDWARE_SLOT_ALLOCATED


@pytest.mark.requirement("CXR-005")
def test_in_standby_the_response_wakes_and_runs(xhr: XhrScene) -> None:
    held = xhr.polling()
    after = xhr.sleep()
    xhr.answer_and_run(held, b"good morning")
    assert xhr.timeline.wait("NIC_WAKE", after=after).channel == "inbox"
    calls = xhr.timeline.find("xhr-call", xhr="poll-1")
    assert xhr.trace(calls) == ["headers", "data", "response"]
    assert xhr.timeline.wait("APP_RESUME", after=after).seq < calls[0].seq


@pytest.mark.requirement("CXR-005")
def test_in_standby_an_answer_on_another_port_wakes_nobody(xhr: XhrScene) -> None:
    xhr.polling()
    xhr.xhr.call("get", xhr="unbound", url=xhr.web.url("/poll"))
    unbound = xhr.web.request(1, path="/poll")
    after = xhr.sleep()
    unbound.respond(200, b"for nobody")
    xhr.assert_no_wake(after)


@pytest.mark.requirement("CXR-002")
def test_a_poll_that_the_task_renews_wakes_again_and_again(xhr: XhrScene) -> None:
    held = xhr.polling()
    xhr.xhr.call("set_renews", renews=True)
    for number in range(3):
        xhr.sleep()
        xhr.answer_and_run(held, b"news %d" % number)
        held = xhr.web.request(number + 1, path="/poll")
    assert len({request.connection.number for request in xhr.web.requests("/poll")}) == 4


@pytest.mark.requirement("CXR-011")
@pytest.mark.host_alone
def test_a_keep_alive_run_sends_nothing_while_the_poll_stands(xhr: XhrScene) -> None:
    held = xhr.polling(minutes=15)
    xhr.timeline.wait("keep-alive-run", broken=False, count=2)
    ended = xhr.timeline.wait("RUN_EXIT", kind="keepalive", count=2)
    assert ended.fault is None
    assert len(xhr.web.requests()) == 1, "no message of HTTP but the poll itself"
    xhr.answer_and_run(held, b"still there")


@pytest.mark.requirement("CXR-011")
@pytest.mark.parametrize("how", ["finish", "reset"])
@pytest.mark.host_alone
def test_a_keep_alive_run_renews_a_poll_that_is_gone(xhr: XhrScene, how: str) -> None:
    held = xhr.polling(minutes=15)
    getattr(held, how)()
    xhr.wait_call("error", "poll-1")
    xhr.timeline.wait("keep-alive-run", broken=True)
    again = xhr.web.request(1, path="/poll")
    xhr.timeline.wait("SLOT_GRANT", count=2)
    xhr.answer_and_run(again, b"renewed")


@pytest.mark.requirement("CXR-008")
@pytest.mark.host_alone
def test_an_error_lets_the_channel_be_built_anew(xhr: XhrScene) -> None:
    held = xhr.polling()
    held.reset()
    xhr.wait_call("error", "poll-1")
    assert xhr.xhr.call("is_broken")
    status, again = xhr.poll()
    assert status is Status.HARDWARE_SLOT_ALLOCATED
    xhr.answer_and_run(again, b"anew")
    assert len(xhr.timeline.find("CTOR")) == 1


@pytest.mark.requirement("CXR-009")
@pytest.mark.host_alone
def test_closing_the_channel_ends_its_request(xhr: XhrScene) -> None:
    held = xhr.polling()
    xhr.xhr.call("close")
    assert xhr.trace(xhr.calls_to_end("poll-1")) == ["error"]
    held.connection.wait_closed()
    xhr.timeline.assert_none("RUN_ENTER", timeout_s=QUIET_S)


@pytest.mark.requirement("CXR-005")
@pytest.mark.host_alone
def test_a_suspended_app_goes_on_for_its_response(xhr: XhrScene) -> None:
    held = xhr.polling()
    after = xhr.timeline.mark()
    xhr.xhr.suspend()
    xhr.answer_and_run(held, b"while you were away")
    names = ("APP_RESUME", "READ_COMPLETE_ENTER", "READ_COMPLETE_EXIT", "RUN_ENTER")
    order = [xhr.timeline.wait(name, after=after).seq for name in names]
    assert order == sorted(order)


@pytest.mark.requirement("CXR-004")
@pytest.mark.bench_config(standby=StandbyConfig(hw_slots_total=1, no_slot_fails_connect=True))
def test_without_a_free_slot_the_request_fails_and_the_set_up_too(xhr: XhrScene) -> None:
    other = xhr.host.start_app("other", XHR_APP)
    other.call("construct")
    assert Status(other.call("poll", url=xhr.web.url("/poll"))) is Status.HARDWARE_SLOT_ALLOCATED
    xhr.xhr.call("construct")
    assert not Status(xhr.xhr.call("poll", url=xhr.web.url("/poll"))).allocated
    assert [(r.call, r.error) for r in xhr.timeline.find("xhr-call")] == [("error", XhrError.NO_SLOT)]
    assert len(xhr.web.requests()) == 1, "nothing of it was sent"


@pytest.mark.requirement("CXR-008")
def test_a_connection_that_cannot_be_is_one_error_and_no_slot(xhr: XhrScene) -> None:
    xhr.xhr.call("construct")
    gone = xhr.web.url("/poll")
    xhr.web.close()
    assert Status(xhr.xhr.call("poll", url=gone)) is Status.TRANSPORT_DISCONNECTED
    assert [(r.call, r.error) for r in xhr.calls_to_end("poll-1")] == [("error", XhrError.CANNOT_CONNECT)]
    assert xhr.device.slots() == ()
    xhr.timeline.assert_none("RUN_ENTER", timeout_s=QUIET_S)


@pytest.mark.requirement("CXR-009")
def test_a_poll_that_is_bound_in_place_of_another_leaves_that_one_its_end(xhr: XhrScene) -> None:
    """An app that forgets to abort: two requests, one channel. Each ends once, and the channel is the new one's."""
    first = xhr.polling()
    status, second = xhr.poll()
    assert status is Status.HARDWARE_SLOT_ALLOCATED
    first.respond(200, b"the first")
    assert xhr.trace(xhr.calls_to_end("poll-1")) == ["headers", "data", "response"]
    after = xhr.sleep()
    second.respond(200, b"the second")
    assert xhr.timeline.wait("NIC_WAKE", after=after).channel == "inbox"
    assert xhr.trace(xhr.calls_to_end("poll-2")) == ["headers", "data", "response"]


@pytest.mark.requirement("CXR-003")
@pytest.mark.bench_config(standby=StandbyConfig(hw_slots_per_app=2))
@pytest.mark.host_alone
def test_what_is_kept_counts_for_the_next_system_too(xhr: XhrScene) -> None:
    """Between binding and sending the system dies: it has written down how many the app keeps."""
    xhr.xhr.call("construct")
    for number in range(2):
        _, held = xhr.poll(leak=True)
        xhr.answer_and_run(held, b"news %d" % number)
    xhr.xhr.call("make", xhr="third")
    xhr.xhr.call("open", xhr="third", url=xhr.web.url("/poll"))
    xhr.xhr.call("bind", xhr="third")
    os.kill(xhr.host.pid, signal.SIGKILL)
    xhr.timeline.wait("SYSTEM_STARTED", count=2)
    xhr.xhr.call("send", xhr="third")
    assert Status(xhr.xhr.call("wait")) is Status.POLICY_ERROR


@pytest.mark.requirement("CXR-005")
@pytest.mark.topology("dual-stack")
def test_over_ipv6_the_response_wakes_too(xhr: XhrScene) -> None:
    with xhr.bench.peers.http_server(ipv6=True) as web:
        web.on("/poll", handlers.hold)
        xhr.xhr.call("construct")
        assert Status(xhr.xhr.call("poll", url=web.url("/poll"))) is Status.HARDWARE_SLOT_ALLOCATED
        held = web.request(path="/poll")
        assert held.header("Host") == f"[{web.address}]:{web.port}"
        after = xhr.sleep()
        xhr.answer_and_run(held, b"good morning")
        assert xhr.timeline.wait("NIC_WAKE", after=after).channel == "inbox"
