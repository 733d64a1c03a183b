"""What a response on a channel of System.Net.Http does: the task, what it reads, and what becomes of what fails."""

from __future__ import annotations

import time

import pytest

from rig.peers.http_handlers import answer, cut_short, hold, raw, reset
from rig.peers.http_request import HttpHandler
from rig.suite.http_scene import POLL, HttpScene
from rig.suite.scene import LONGEST_MINUTES

QUICK_MINUTES = 15
"""The shortest keep-alive interval that a channel may have: under a second."""
BODY_S = 2.0
"""What a slow server takes for its body (CHC-007)."""

BROKEN: dict[str, HttpHandler] = {
    "reset": reset,
    "closed": raw(b""),
    "closed in the head": raw(b"HTTP/1.1 200 OK\r\nContent-Le"),
    "no HTTP": raw(b"SSH-2.0-no\r\n"),
    "reset in the body": cut_short(b"ha", 4),
    "closed in the body": cut_short(b"ha", 4, "finish"),
}


@pytest.mark.requirement("CHC-007")
def test_the_task_waits_for_the_whole_of_a_slow_body(http: HttpScene) -> None:
    parts = [b"part %d " % number for number in range(5)]
    http.web.on("/slow", hold)
    request = http.polling("/slow")
    asleep = http.sleep()
    request.start(200)
    entered = http.timeline.wait("RUN_ENTER", kind="push", after=asleep)
    for part in parts:
        request.connection.pause(BODY_S / len(parts))
        request.chunk(part)
    request.end()
    last = http.timeline.wait("HTTP_RESPONSE", after=asleep)
    done = http.message(b"".join(parts).decode(), asleep)
    assert entered.seq < last.seq < done.seq
    assert done.t_ns - entered.t_ns > 0.9e9 * BODY_S


@pytest.mark.requirement("CHC-008")
@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_a_response_that_fails_gives_nothing_and_the_task_succeeds(http: HttpScene, broken: HttpHandler) -> None:
    request = http.polling()
    asleep = http.sleep()
    broken(request)
    assert http.message(None, asleep).fault is None
    assert http.timeline.wait("http-failed", after=asleep).error
    http.host.exit_standby()
    http.answer(http.web.request(1, path=POLL), "the next one works")


@pytest.mark.requirement("CHC-008")
@pytest.mark.host_alone
def test_a_future_that_was_cancelled_gives_nothing(http: HttpScene) -> None:
    first = http.polling()
    http.client.call("cancel_future", channel="inbox")
    first.connection.wait_closed()
    http.client.call("send", channel="inbox")
    after = http.timeline.mark()
    http.web.request(1, path=POLL).respond(200, b"news")
    assert http.message(None, after).fault is None
    http.message("news", after)


@pytest.mark.requirement("CHC-008")
@pytest.mark.host_alone
def test_a_response_without_content_is_none_and_the_connection_is_built_anew(http: HttpScene) -> None:
    request = http.polling()
    after = http.timeline.mark()
    request.respond(204)
    assert http.message(None, after).fault is None
    assert http.timeline.wait("rebuild", channel="inbox", after=after).status == 204
    http.answer(http.web.request(1, path=POLL), "over a new one")


@pytest.mark.requirement("CHC-008")
@pytest.mark.host_alone
def test_empty_content_is_content(http: HttpScene) -> None:
    http.answer(http.polling(), "")
    assert not http.timeline.find("rebuild")


@pytest.mark.requirement("CHC-005")
def test_the_keep_alive_task_gives_up_the_pending_request_and_sends_another(http: HttpScene) -> None:
    """To the same address, once an interval."""
    http.polling(minutes=QUICK_MINUTES)
    asleep = http.sleep()
    runs = [http.timeline.wait("RUN_EXIT", kind="keepalive", after=asleep, count=count) for count in (1, 2, 3)]
    assert not any(run.fault for run in runs)
    http.host.exit_standby()
    http.wait_for(lambda: len(http.web.requests()) - len(http.timeline.find("renewed")), 1)  # another is under way now and then
    http.wait_for(lambda: len(http.web.open_connections), 1)
    assert {(request.method, request.target) for request in http.web.requests()} == {("GET", POLL)}
    assert len(http.device.slots()) == 1
    assert not http.timeline.find("RUN_ENTER", kind="push"), "what the app gives up itself is no news"


@pytest.mark.requirement("CHC-005")
def test_no_keep_alive_task_before_its_time(http: HttpScene) -> None:
    http.polling(minutes=LONGEST_MINUTES)
    http.assert_no_wake(http.sleep())


@pytest.mark.requirement("CHC-006")
@pytest.mark.parametrize("asleep", [True, False])
def test_an_error_runs_the_task_at_once(http: HttpScene, asleep: bool) -> None:
    request = http.polling()
    after = http.sleep() if asleep else http.timeline.mark()
    request.reset()
    http.message(None, after)
    assert len(http.timeline.find("RUN_ENTER", kind="push")) == 1


@pytest.mark.requirement("CHC-006")
@pytest.mark.host_alone
def test_the_task_does_not_wait_for_completions_of_the_app(http: HttpScene) -> None:
    """The handler of another read does not return: the future cannot be done, and the task runs."""
    request = http.polling()
    http.client.call("hold_completions", host=http.bench.server.address, port=http.bench.server.port)
    http.bench.server.connection().push(b"x")
    http.timeline.wait("READ_COMPLETE_ENTER", channel=None)
    after = http.timeline.mark()
    request.respond(200, b"news")
    entered = http.timeline.wait("RUN_ENTER", kind="push", after=after)
    assert not http.timeline.find("FUTURE_DONE", after=after)
    http.client.call("go_on")
    http.message("news", after)
    assert http.timeline.wait("FUTURE_DONE", after=after).seq > entered.seq


@pytest.mark.requirement("CHC-006")
def test_one_response_in_many_pieces_is_one_task(http: HttpScene) -> None:
    request = http.polling()
    after = http.sleep()
    for piece in (b"HTTP/1.1 200", b" OK\r\nContent-Len", b"gth: 4\r\n\r\n", b"n", b"ew", b"s"):
        request.raw(piece)
        time.sleep(0.02)  # a segment of its own each: the host may sleep in between
    http.message("news", after)
    assert len(http.timeline.find("RUN_ENTER", kind="push")) == 1


@pytest.mark.requirement("CHC-007")
def test_a_body_of_a_megabyte_arrives_whole(http: HttpScene) -> None:
    http.client.call("set_renew", renew=False)
    request = http.polling()
    after = http.sleep()
    request.respond(200, b"0123456789abcdef" * 65536)
    http.timeline.wait("RUN_EXIT", kind="push", after=after)
    http.host.exit_standby()
    assert http.client.call("message_lengths") == [1 << 20]


@pytest.mark.requirement("CHC-010")
@pytest.mark.host_alone
def test_the_channel_uses_the_address_to_which_the_probe_was_redirected(http: HttpScene) -> None:
    http.web.on("/a", lambda request: request.respond(302, b"", [("Location", POLL)]))
    http.web.on(POLL, answer(b"here"))
    probed = http.client.call("probe", uri=http.web.url("/a"))
    assert probed == {"uri": http.web.url(POLL), "status": 200, "text": "here"}
    http.web.on(POLL, hold)
    before = len(http.web.requests())
    http.answer(http.polling(probed["uri"].removeprefix(http.web.url(""))), "over the channel")
    assert http.web.requests()[before].target == POLL
    assert not [request for request in http.web.requests()[before:] if request.target != POLL]


@pytest.mark.requirement("CHC-010")
def test_a_redirect_on_the_channel_is_not_followed(http: HttpScene) -> None:
    http.client.call("set_renew", renew=False)
    request = http.polling()
    after = http.sleep()
    request.respond(302, b"", [("Location", "/elsewhere")])
    http.message("", after)
    assert not http.web.requests("/elsewhere")
