"""XmlHttpRequest2 by itself: order of calls, callbacks, one end to each request."""

from __future__ import annotations

import pytest

from rig.peers import http_handlers as handlers
from rig.standby.api import HResult
from rig.standby.api.xhr import XhrError
from rig.suite.scene import QUIET_S
from rig.suite.xhr_scene import XhrScene

pytestmark = pytest.mark.host_alone


@pytest.mark.requirement("CXR-005")
def test_callbacks_come_in_their_order(xhr: XhrScene) -> None:
    """Each part is told when it comes: the next one is sent when that has been seen."""
    xhr.xhr.call("get", xhr="one", url=xhr.web.url("/poll"))
    held = xhr.web.request(path="/poll")
    held.start(200)
    xhr.wait_call("headers")
    for number, part in enumerate((b"one", b"two", b"three")):
        held.chunk(part)
        xhr.wait_call("data", count=number + 1)
    held.end()
    calls = xhr.calls_to_end()
    assert [record.call for record in calls] == ["headers", "data", "data", "data", "response"]
    assert (calls[0].status, calls[0].text) == (200, "OK")
    assert xhr.xhr.call("body", xhr="one") == b"onetwothree"


@pytest.mark.requirement("CXR-001")
@pytest.mark.parametrize("path", ["/there", "/reset"])
def test_an_object_serves_one_request(xhr: XhrScene, path: str) -> None:
    xhr.web.on("/there", handlers.answer(b"yes"))
    xhr.web.on("/reset", handlers.reset)
    xhr.get(path)
    xhr.refused(HResult.ILLEGAL_METHOD_CALL, "open", xhr="one", url=xhr.web.url("/there"))
    xhr.refused(HResult.ILLEGAL_METHOD_CALL, "send", xhr="one")
    assert len(xhr.web.requests()) == 1
    assert xhr.trace(xhr.get("/there", "another")) == ["headers", "data", "response"], "a new object does what this one cannot"


@pytest.mark.requirement("CXR-001")
def test_an_object_that_waits_takes_no_second_request(xhr: XhrScene) -> None:
    xhr.xhr.call("get", xhr="one", url=xhr.web.url("/poll"))
    held = xhr.web.request(path="/poll")
    xhr.refused(HResult.ILLEGAL_METHOD_CALL, "send", xhr="one")
    xhr.refused(HResult.ILLEGAL_METHOD_CALL, "open", xhr="one", url=xhr.web.url("/poll"))
    held.respond(200, b"the first one's")
    assert xhr.trace(xhr.calls_to_end()) == ["headers", "data", "response"]


@pytest.mark.requirement("CXR-004")
def test_calls_before_open_and_behind_send_are_refused(xhr: XhrScene) -> None:
    xhr.xhr.call("make", xhr="one")
    xhr.refused(HResult.ILLEGAL_METHOD_CALL, "send", xhr="one")
    xhr.refused(HResult.ILLEGAL_METHOD_CALL, "set_header", xhr="one", name="X-Early", value="1")
    xhr.refused(HResult.ILLEGAL_METHOD_CALL, "set_property", xhr="one", name="TIMEOUT", value=1000)
    xhr.xhr.call("open", xhr="one", url=xhr.web.url("/poll"))
    xhr.xhr.call("set_property", xhr="one", name="TIMEOUT", value=60_000)
    xhr.xhr.call("set_header", xhr="one", name="X-Session", value="7")
    xhr.xhr.call("send", xhr="one")
    held = xhr.web.request(path="/poll")
    assert held.header("X-Session") == "7", "in their right places they have their effect"
    xhr.refused(HResult.ILLEGAL_METHOD_CALL, "set_header", xhr="one", name="X-Late", value="1")
    xhr.refused(HResult.ILLEGAL_METHOD_CALL, "set_property", xhr="one", name="TIMEOUT", value=1000)
    held.respond()


@pytest.mark.requirement("CXR-008")
@pytest.mark.parametrize(("path", "last"), [("/there", "response"), ("/reset", "error"), ("/cut", "error"), ("/close", "error")])
def test_each_request_ends_once_and_its_object_is_gone(xhr: XhrScene, path: str, last: str) -> None:
    xhr.web.on("/there", handlers.answer(b"the body"))
    xhr.web.on("/reset", handlers.reset)
    xhr.web.on("/cut", handlers.cut_short(b"half", 8))
    xhr.web.on("/close", handlers.raw(b""))
    calls = xhr.get(path)
    assert calls[-1].call == last
    xhr.timeline.assert_none("xhr-call", after=calls[-1].seq + 1, timeout_s=QUIET_S)
    assert xhr.xhr.call("let_go", xhr="one"), "nothing but the app referred to it"
    if last == "response":
        assert xhr.xhr.call("body", xhr="one") == b"the body"


@pytest.mark.requirement("CXR-009")
@pytest.mark.parametrize("when", ["held", "headers", "data", "redirect"])
def test_after_abort_one_last_callback(xhr: XhrScene, when: str) -> None:
    xhr.web.on("/feed", handlers.stream([b"one", b"two"], 0.2))
    xhr.web.on("/old", handlers.redirect("/feed"))
    path = {"held": "/poll", "redirect": "/old"}.get(when, "/feed")
    xhr.xhr.call("get", xhr="one", url=xhr.web.url(path), aborts_in=[when])
    request = xhr.web.request(0, path=path)
    if when == "held":
        xhr.xhr.call("abort", xhr="one")
    calls = xhr.calls_to_end()
    assert (calls[-1].call, calls[-1].error) == ("error", XhrError.ABORT)
    assert [record.call for record in calls].count("error") == 1
    request.connection.wait_closed()
    xhr.timeline.assert_none("xhr-call", after=calls[-1].seq + 1, timeout_s=QUIET_S)
    xhr.refused(HResult.ILLEGAL_METHOD_CALL, "send", xhr="one")
    xhr.refused(HResult.ILLEGAL_METHOD_CALL, "open", xhr="one", url=xhr.web.url("/feed"))
    xhr.refused(HResult.ILLEGAL_METHOD_CALL, "set_header", xhr="one", name="X-Late", value="1")


@pytest.mark.requirement("CXR-009")
def test_an_abort_that_comes_behind_the_response_changes_nothing(xhr: XhrScene) -> None:
    xhr.web.on("/there", handlers.answer(b"yes"))
    calls = xhr.get("/there", aborts_in=["response"])
    xhr.xhr.call("abort", xhr="one")
    assert xhr.trace(calls) == ["headers", "data", "response"]
    xhr.timeline.assert_none("xhr-call", after=calls[-1].seq + 1, timeout_s=QUIET_S)


@pytest.mark.requirement("CXR-010")
def test_a_server_that_trickles_is_waited_for_longer_than_the_timeout(xhr: XhrScene) -> None:
    """A step each quarter of a limit, ten of them: two limits and a half in all."""
    xhr.web.on("/slow", handlers.trickle(b"0123456789", 0.5))
    xhr.xhr.call("make", xhr="one")
    xhr.xhr.call("open", xhr="one", url=xhr.web.url("/slow"))
    xhr.xhr.call("set_property", xhr="one", name="TIMEOUT", value=2000)
    xhr.xhr.call("send", xhr="one")
    assert xhr.trace(xhr.calls_to_end()) == ["headers", "data", "response"]
    assert xhr.xhr.call("body", xhr="one") == b"0123456789"


@pytest.mark.requirement("CXR-010")
@pytest.mark.parametrize("silent_from", ["request", "body"])
def test_a_silent_server_is_an_error_when_the_timeout_is_over(xhr: XhrScene, silent_from: str) -> None:
    xhr.web.on("/half", handlers.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf", "hold"))
    path = "/poll" if silent_from == "request" else "/half"
    xhr.xhr.call("make", xhr="one")
    xhr.xhr.call("open", xhr="one", url=xhr.web.url(path))
    xhr.xhr.call("set_property", xhr="one", name="TIMEOUT", value=1000)
    xhr.xhr.call("send", xhr="one")
    calls = xhr.calls_to_end()
    assert (calls[-1].call, calls[-1].error) == ("error", XhrError.CONNECTION_TIMEOUT)
    xhr.web.request(path=path).connection.wait_closed()


@pytest.mark.requirement("CXR-010")
def test_without_a_timeout_a_silent_server_is_waited_for(xhr: XhrScene) -> None:
    xhr.xhr.call("get", xhr="one", url=xhr.web.url("/poll"))
    held = xhr.web.request(path="/poll")
    xhr.timeline.assert_none("xhr-call", timeout_s=1.0)
    held.respond(200, b"late")
    assert xhr.trace(xhr.calls_to_end()) == ["headers", "data", "response"]
