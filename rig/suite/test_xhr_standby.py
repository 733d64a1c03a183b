"""XmlHttpRequest2 over sleep, and the end of its app: nothing of a body is lost, no limit runs on, everything is given back."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from rig.clock import WAIT_S, Deadline
from rig.config import StandbyConfig
from rig.peers.http_request import HttpRequest
from rig.standby.api import ControlChannelTriggerStatus as Status
from rig.standby.api.xhr import XhrError
from rig.suite.scene import NO_PROBES, QUIET_S
from rig.suite.xhr_scene import LAST_CALLS, XHR_APP, XhrScene

LIMIT_MS = 2500
"""Long enough for a set-up and the way to sleep on a busy machine."""


def bound(xhr: XhrScene, *, limit_ms: int = 0) -> HttpRequest:
    """A channel's poll with that limit, held at the server."""
    xhr.xhr.call("construct")
    xhr.xhr.call("make", xhr="poll-1")
    xhr.xhr.call("open", xhr="poll-1", url=xhr.web.url("/poll"))
    xhr.xhr.call("set_property", xhr="poll-1", name="TIMEOUT", value=limit_ms)
    xhr.xhr.call("bind", xhr="poll-1")
    xhr.xhr.call("send", xhr="poll-1")
    assert Status(xhr.xhr.call("wait")) is Status.HARDWARE_SLOT_ALLOCATED
    return xhr.web.request(path="/poll")


@pytest.mark.requirement("CXR-005")
def test_a_body_that_comes_over_three_sleeps_is_whole(xhr: XhrScene) -> None:
    held = bound(xhr)
    held.start(200, length=9)
    xhr.wait_call("headers", "poll-1")
    for piece in (b"one", b"two", b"six"):
        after = xhr.sleep()
        held.chunk(piece)
        xhr.wait_call("data", "poll-1", after=after)
        assert xhr.timeline.wait("NIC_WAKE", after=after).channel == "inbox"
    held.end()
    xhr.timeline.wait("TASK_DATA", data=b"onetwosix".hex())
    assert xhr.trace(xhr.calls_to_end("poll-1")) == ["headers", "data", "response"]


@pytest.mark.requirement("CXR-008")
@pytest.mark.parametrize("how", ["finish", "reset"])
def test_a_server_that_leaves_in_the_middle_of_a_body_wakes_for_one_error(xhr: XhrScene, how: str) -> None:
    held = bound(xhr)
    held.start(200, length=9)
    held.chunk(b"one")
    xhr.wait_call("data", "poll-1")
    after = xhr.sleep()
    getattr(held, how)()
    calls = xhr.calls_to_end("poll-1", after=after)
    assert [(record.call, record.error) for record in calls] == [("error", XhrError.DOWNLOAD_FAILURE)]
    xhr.timeline.wait("RUN_EXIT", kind="push", after=after)


@pytest.mark.requirement("CXR-010")
@pytest.mark.bench_config(standby=NO_PROBES)
def test_a_limit_does_not_run_on_while_the_host_sleeps(xhr: XhrScene) -> None:
    held = bound(xhr, limit_ms=LIMIT_MS)
    after = xhr.sleep()
    xhr.timeline.assert_none("xhr-call", timeout_s=1.2 * LIMIT_MS / 1000, after=after)
    xhr.answer_and_run(held, b"behind the limit")
    assert xhr.trace(xhr.calls_to_end("poll-1")) == ["headers", "data", "response"]


@pytest.mark.requirement("CXR-010")
@pytest.mark.host_alone
def test_awake_the_same_limit_ends_it(xhr: XhrScene) -> None:
    bound(xhr, limit_ms=LIMIT_MS)
    calls = xhr.calls_to_end("poll-1")
    assert [(record.call, record.error) for record in calls] == [("error", XhrError.CONNECTION_TIMEOUT)]


@pytest.mark.requirement("CXR-009")
def test_aborted_by_the_app_its_channel_sleeps_without_it(xhr: XhrScene) -> None:
    held = bound(xhr)
    xhr.xhr.call("abort", xhr="poll-1")
    assert xhr.calls_to_end("poll-1")[-1].error == XhrError.ABORT
    held.connection.wait_closed()
    after = xhr.sleep()
    xhr.assert_no_wake(after)


@pytest.mark.requirement("CXR-008")
@pytest.mark.bench_config(standby=StandbyConfig(hw_slots_total=1))
@pytest.mark.parametrize("asleep", [False, True], ids=["awake", "asleep"])
def test_an_app_that_is_killed_gives_everything_back(xhr: XhrScene, asleep: bool) -> None:
    """A poll of a channel, one of none, and one in the middle of its body."""
    held = bound(xhr)
    requests = [held]
    for name in ("plain", "half"):
        xhr.xhr.call("get", xhr=name, url=xhr.web.url("/poll"))
        requests.append(xhr.web.request(len(requests), path="/poll"))
    requests[-1].start(200, length=9)
    requests[-1].chunk(b"one")
    xhr.wait_call("data", "half")
    if asleep:
        xhr.sleep()
        xhr.host.exit_standby()
    xhr.xhr.terminate()
    for request in requests:
        request.connection.wait_closed()
    xhr.timeline.wait("SLOT_FREE", channel="inbox")
    deadline = Deadline(WAIT_S)
    while xhr.device.slots() and not deadline.expired:
        deadline.pause()
    assert xhr.device.slots() == ()
    another = xhr.host.start_app("another", XHR_APP)
    another.call("construct")
    before = len(xhr.web.requests("/poll"))
    assert Status(another.call("poll", url=xhr.web.url("/poll"))) is Status.HARDWARE_SLOT_ALLOCATED
    xhr.answer_and_run(xhr.web.request(before, path="/poll"), b"for the next one")


@pytest.mark.requirement("CXR-005")
@pytest.mark.host_alone
def test_a_callback_that_does_not_return_holds_the_task_back(xhr: XhrScene) -> None:
    xhr.xhr.call("construct")
    xhr.xhr.call("make", xhr="poll-1")
    xhr.xhr.call("open", xhr="poll-1", url=xhr.web.url("/poll"), waits_in=["response"])
    xhr.xhr.call("bind", xhr="poll-1")
    xhr.xhr.call("send", xhr="poll-1")
    xhr.xhr.call("wait")
    xhr.web.request(path="/poll").respond(200, b"news")
    xhr.wait_call("response", "poll-1")
    xhr.timeline.assert_none("RUN_ENTER", timeout_s=QUIET_S)
    xhr.xhr.call("go_on", xhr="poll-1")
    entered = xhr.timeline.wait("RUN_ENTER", kind="push")
    assert xhr.timeline.find("READ_COMPLETE_EXIT", channel="inbox")[-1].seq < entered.seq


@pytest.mark.requirement("CXR-008")
@pytest.mark.host_alone
def test_the_system_dies_and_the_poll_is_answered_all_the_same(xhr: XhrScene) -> None:
    held = bound(xhr)
    os.kill(xhr.host.pid, signal.SIGKILL)
    xhr.timeline.wait("SYSTEM_STARTED", count=2)
    xhr.answer_and_run(held, b"who was that")
    assert [record.call for record in xhr.calls_to_end("poll-1") if record.call in LAST_CALLS] == ["response"]


STEPS = ("USING_TRANSPORT", "CONNECT_BEGIN", "CONNECT_END", "SLOT_GRANT", "READ_POST")
"""Of a poll, as they come."""


@pytest.mark.requirement("CXR-008")
@pytest.mark.parametrize("step", STEPS)
def test_the_system_dies_in_the_middle_of_a_poll_that_ends_once(xhr: XhrScene, step: str) -> None:
    """Whatever the set-up says, the request has its one end, and the channel takes the next one."""
    xhr.xhr.call("construct")
    statuses: list[Status] = []
    polling = threading.Thread(target=lambda: statuses.append(Status(xhr.xhr.call("poll", url=xhr.web.url("/poll")))))
    polling.start()
    xhr.timeline.wait(step)
    os.kill(xhr.host.pid, signal.SIGKILL)
    xhr.timeline.wait("SYSTEM_STARTED", count=2)
    polling.join(20)
    assert statuses
    if statuses[0].allocated:
        xhr.answer_and_run(xhr.web.request(path="/poll"), b"who was that")
    else:
        xhr.web.request(path="/poll").respond(200, b"who was that")
    calls = xhr.calls_to_end("poll-1")
    assert [record.call for record in calls if record.call in LAST_CALLS] == ["response"]
    status, held = xhr.poll()
    assert status is Status.HARDWARE_SLOT_ALLOCATED
    xhr.sleep()
    xhr.answer_and_run(held, b"again")
