"""Channels with the HttpClient of Windows.Web.Http: any request is bound, TLS is there, the response comes in small parts."""

from __future__ import annotations

from typing import Any

import pytest

from rig.peers.http_handlers import answer, hold, redirect, trickle
from rig.standby.api import ControlChannelTriggerStatus as Status
from rig.standby.app_handle import AppHandle
from rig.suite.http_scene import POLL, HttpScene
from rig.suite.web_http_app import PART_BYTES

pytestmark = pytest.mark.requirement("CHC-011")
WEB_APP = "rig.suite.web_http_app:WebHttpApp"
BODY = bytes(number % 251 for number in range(10 * PART_BYTES + 7))


@pytest.fixture
def web_app(http: HttpScene) -> AppHandle:
    return http.host.start_app("web", WEB_APP)


def set_up(http: HttpScene, app: AppHandle, **how: Any) -> None:
    assert Status(app.call("set_up", uri=http.web.url(POLL), **how)) is Status.HARDWARE_SLOT_ALLOCATED


@pytest.mark.parametrize("binds_client", [False, True], ids=["the request", "the client"])
def test_parts_wake_the_host_and_arrive_in_order(http: HttpScene, web_app: AppHandle, binds_client: bool) -> None:
    set_up(http, web_app, binds_client=binds_client)
    request = http.web.request()
    asleep = http.sleep()
    request.start(200)
    for number in range(3):
        after = http.timeline.mark()
        text = f"part {number}"
        request.chunk(text.encode())
        found = http.timeline.wait("task-parts", after=after, data=text)
        done = http.timeline.wait("part", after=after)
        assert done.seq < found.seq, "as from a socket: the completion first, then the task"
    assert not http.timeline.find("next-request", after=asleep)
    request.end()
    http.timeline.wait("next-request", after=asleep)
    http.host.exit_standby()
    assert web_app.call("parts")[-1] == b""
    assert http.web.request(1).target == POLL
    assert web_app.call("bind_client_and_is_read_back") is binds_client


def test_no_part_is_longer_than_was_asked_for(http: HttpScene, web_app: AppHandle) -> None:
    set_up(http, web_app, renew=False)
    after = http.sleep()
    http.web.request().respond(200, BODY)
    http.timeline.wait("task-parts", ended=True, after=after)
    http.host.exit_standby()
    parts = web_app.call("parts")
    assert max(map(len, parts)) == PART_BYTES
    assert b"".join(parts) == BODY
    assert parts.count(b"") == 1


@pytest.mark.host_alone
def test_a_request_is_sent_once(http: HttpScene, web_app: AppHandle) -> None:
    set_up(http, web_app)
    assert web_app.call("send_again") == "ILLEGAL_METHOD_CALL"
    assert web_app.call("bind_late") == "ILLEGAL_METHOD_CALL"
    http.web.request()
    assert len(http.web.requests()) == 1


@pytest.mark.host_alone
def test_a_second_set_up_registers_nothing(http: HttpScene, web_app: AppHandle) -> None:
    for number in range(2):
        set_up(http, web_app)
        http.web.request(number)
    http.web.connection(0).wait_closed()
    assert len(http.timeline.find("REGISTER", app="web")) == 2
    assert len(http.timeline.find("CTOR", app="web")) == 1
    assert len(http.web.open_connections) == 1


def test_parts_that_are_faster_than_the_set_up_run_the_task_all_the_same(http: HttpScene, web_app: AppHandle) -> None:
    http.web.on("/fast", answer(b"at once"))
    for _ in range(5):
        after = http.timeline.mark()
        assert Status(web_app.call("set_up", uri=http.web.url("/fast"), renew=False)) is Status.HARDWARE_SLOT_ALLOCATED
        http.timeline.wait("task-parts", data="at once", after=after)
    assert not http.timeline.find("USAGE_FAULT")


@pytest.mark.host_alone
def test_a_stream_that_is_closed_ends_its_read_and_its_connection(http: HttpScene, web_app: AppHandle) -> None:
    set_up(http, web_app)
    request = http.web.request()
    request.start(200)
    request.chunk(b"first")
    part = http.timeline.wait("part", bytes=5)
    http.timeline.wait("READ_COMPLETE_EXIT", after=part.seq)  # of the completion that says so
    after = http.timeline.mark()
    web_app.call("close_stream")
    assert http.timeline.wait("READ_COMPLETE_EXIT", after=after).status == "CANCELED"
    request.connection.wait_closed()
    assert web_app.call("parts") == [b"first"]


def test_a_stream_over_tls_wakes(http: HttpScene, web_app: AppHandle) -> None:
    bench = http.bench
    with bench.peers.http_server(tls=bench.authority.server_context(bench.network.topology.server.ip4)) as secure:
        secure.on(POLL, hold)
        assert Status(web_app.call("set_up", uri=secure.url(POLL))) is Status.HARDWARE_SLOT_ALLOCATED
        request = secure.request()
        http.sleep()
        request.start(200)
        after = http.timeline.mark()
        request.chunk(b"secret news")
        http.timeline.wait("task-parts", after=after, data="secret news")


def test_a_stream_that_breaks_is_an_error_of_the_read(http: HttpScene, web_app: AppHandle) -> None:
    set_up(http, web_app)
    request = http.web.request()
    asleep = http.sleep()
    request.start(200)
    request.chunk(b"half")
    http.timeline.wait("task-parts", after=asleep, data="half")
    request.reset()
    http.timeline.wait("part-failed", after=asleep)


@pytest.mark.host_alone
def test_plain_requests_are_redirected_and_read_whole_or_in_parts(http: HttpScene, web_app: AppHandle) -> None:
    http.web.on("/a", redirect("/b"))
    http.web.on("/b", answer(BODY))
    http.web.on("/c", trickle(b"slowly", 0.01))
    assert web_app.call("send_whole", uri=http.web.url("/a")) == {"status": 200, "length": len(BODY)}
    assert web_app.call("stream_plain", uri=http.web.url("/a")) == len(BODY)
    assert web_app.call("send_whole", uri=http.web.url("/c")) == {"status": 200, "length": 6}
