"""Where a request goes: along redirects, through proxies, behind challenges, and over TLS with whom the host trusts."""

from __future__ import annotations

from typing import Any

import pytest

from rig.peers import http_handlers as handlers
from rig.peers.authority import Flaw
from rig.standby.api import ControlChannelTriggerStatus as Status
from rig.standby.api.xhr import XhrAuth, XhrError
from rig.suite.xhr_scene import XhrScene
from rig.timeline import Record

ANN = ("ann", "pass:word")
BASIC = "Basic YW5uOnBhc3M6d29yZA=="
"""Of RFC 7617, for ann."""


def request(xhr: XhrScene, url: str, *, body: bytes = b"", properties: dict[str, int] | None = None, **how: Any) -> list[Record]:
    """One that was opened, set, sent, and has ended: its callbacks. `how`: of the app's `open`, and its `proxy`."""
    proxy = how.pop("proxy", None)
    certificate = how.pop("certificate", None)
    xhr.xhr.call("make", xhr="one")
    xhr.xhr.call("open", xhr="one", url=url, **how)
    for name, value in (properties or {}).items():
        xhr.xhr.call("set_property", xhr="one", name=name, value=value)
    if proxy is not None:
        xhr.xhr.call("set_proxy", xhr="one", host=proxy.address, port=proxy.port)
    if certificate is not None:
        xhr.xhr.call("set_certificate", xhr="one", file=certificate)
    after = xhr.timeline.mark()
    xhr.xhr.call("send", xhr="one", body=body)
    return xhr.calls_to_end("one", after=after)


# -- redirects -----------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("CXR-007")
@pytest.mark.host_alone
def test_redirects_are_followed_and_told(xhr: XhrScene) -> None:
    xhr.web.on("/old", handlers.redirect("/middle?x=1", 301))
    xhr.web.on("/middle", handlers.redirect(xhr.web.url("/new")))
    xhr.web.on("/new", handlers.answer(b"here"))
    calls = request(xhr, xhr.web.url("/old"))
    assert xhr.trace(calls) == ["redirect", "redirect", "headers", "data", "response"]
    assert [record.url for record in calls[:2]] == [xhr.web.url("/middle?x=1"), xhr.web.url("/new")]
    assert len(xhr.web.connections) == 1, "one connection, as the server is the same"


@pytest.mark.requirement("CXR-007")
@pytest.mark.host_alone
def test_redirects_have_a_status_where_that_is_asked_for(xhr: XhrScene) -> None:
    xhr.web.on("/old", handlers.redirect("/new", 307))
    xhr.web.on("/new", handlers.answer(b"here"))
    calls = request(xhr, xhr.web.url("/old"), properties={"REPORT_REDIRECT_STATUS": 1})
    assert xhr.trace(calls) == ["headers", "redirect", "headers", "data", "response"]
    assert [record.status for record in calls if record.call == "headers"] == [307, 200]


@pytest.mark.parametrize(("status", "method", "body"), [(302, "GET", b""), (303, "GET", b""), (307, "POST", b"all of it")])
@pytest.mark.requirement("CXR-007")
@pytest.mark.host_alone
def test_what_a_redirected_post_becomes(xhr: XhrScene, status: int, method: str, body: bytes) -> None:
    xhr.web.on("/old", handlers.redirect("/new", status))
    xhr.web.on("/new", handlers.echo)
    request(xhr, xhr.web.url("/old"), verb="POST", body=b"all of it")
    new = xhr.web.request(path="/new")
    assert (new.method, new.body) == (method, body)


@pytest.mark.requirement("CXR-007")
@pytest.mark.host_alone
def test_a_redirect_to_another_server_takes_no_secrets_along(xhr: XhrScene) -> None:
    with xhr.bench.peers.http_server() as other:
        other.on("/new", handlers.answer(b"here"))
        xhr.web.on("/old", handlers.basic(*ANN, handlers.redirect(other.url("/new"))))
        xhr.xhr.call("make", xhr="one")
        xhr.xhr.call("open", xhr="one", url=xhr.web.url("/old"), credentials=ANN)
        xhr.xhr.call("set_header", xhr="one", name="Cookie", value="session=7")
        xhr.xhr.call("set_header", xhr="one", name="X-Mine", value="1")
        xhr.xhr.call("send", xhr="one")
        assert xhr.trace(xhr.calls_to_end()) == ["redirect", "headers", "data", "response"]
        new = other.request(path="/new")
        assert (new.header("Authorization"), new.header("Cookie"), new.header("X-Mine")) == (None, None, "1")
        assert xhr.web.requests("/old")[1].header("Authorization") == BASIC


@pytest.mark.requirement("CXR-006")
@pytest.mark.host_alone
def test_a_server_that_it_was_redirected_to_asks_for_the_credentials_in_vain(xhr: XhrScene) -> None:
    """They were given for the one that was asked first; its way back there is another matter."""
    with xhr.bench.peers.http_server() as other:
        other.on("/thief", handlers.basic(*ANN, handlers.answer(b"thanks")))
        other.on("/honest", handlers.redirect(xhr.web.url("/secret")))
        xhr.web.on("/to-thief", handlers.redirect(other.url("/thief")))
        xhr.web.on("/to-honest", handlers.redirect(other.url("/honest")))
        xhr.web.on("/secret", handlers.basic(*ANN, handlers.answer(b"in")))
        calls = request(xhr, xhr.web.url("/to-thief"), credentials=ANN)
        assert [record.status for record in calls if record.call == "headers"] == [401]
        assert [asked.header("Authorization") for asked in other.requests("/thief")] == [None]
        calls = request(xhr, xhr.web.url("/to-honest"), credentials=ANN)
        assert [record.status for record in calls if record.call == "headers"] == [200]


# -- challenges ----------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("CXR-006")
@pytest.mark.parametrize("auth", XhrAuth)
@pytest.mark.host_alone
def test_credentials_are_said_when_they_are_asked_for_and_may_be(xhr: XhrScene, auth: XhrAuth) -> None:
    xhr.web.on("/secret", handlers.basic(*ANN, handlers.answer(b"in")))
    calls = request(xhr, xhr.web.url("/secret"), credentials=ANN, properties={"NO_AUTH": auth})
    allowed = auth is XhrAuth.ALL
    assert [record.status for record in calls if record.call == "headers"] == [200 if allowed else 401]
    assert [r.header("Authorization") for r in xhr.web.requests("/secret")] == ([None, BASIC] if allowed else [None])


@pytest.mark.requirement("CXR-006")
@pytest.mark.host_alone
def test_wrong_credentials_are_said_once(xhr: XhrScene) -> None:
    xhr.web.on("/secret", handlers.basic("bob", "other", handlers.answer(b"in")))
    calls = request(xhr, xhr.web.url("/secret"), credentials=ANN)
    assert calls[0].status == 401
    assert len(xhr.web.requests("/secret")) == 2


# -- proxies -------------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("CXR-006")
@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
@pytest.mark.host_alone
def test_a_proxy_that_wants_credentials_gets_them(xhr: XhrScene, secure: bool) -> None:
    tls = xhr.bench.authority.server_context(xhr.web.address) if secure else None
    with xhr.bench.peers.http_server(tls=tls) as web, xhr.bench.peers.http_proxy(credentials=("ann", "secret")) as proxy:
        web.on("/", handlers.answer(b"through"))
        calls = request(xhr, web.url(), proxy=proxy, credentials=[None, None, "ann", "secret"])
        assert xhr.trace(calls) == ["headers", "data", "response"]
        way = ("CONNECT", f"{web.address}:{web.port}") if secure else ("GET", web.url())
        assert [(asked.method, asked.target) for asked in proxy.requests()] == [way, way]
        assert [asked.header("Proxy-Authorization") is not None for asked in proxy.requests()] == [False, True]
        assert web.request().header("Proxy-Authorization") is None


@pytest.mark.requirement("CXR-006")
@pytest.mark.host_alone
def test_a_proxy_that_is_not_content_is_the_response_or_the_error(xhr: XhrScene) -> None:
    tls = xhr.bench.authority.server_context(xhr.web.address)
    with xhr.bench.peers.http_server(tls=tls) as web, xhr.bench.peers.http_proxy(credentials=("ann", "secret")) as proxy:
        assert request(xhr, xhr.web.url(), proxy=proxy)[0].status == 407
        assert request(xhr, web.url(), proxy=proxy)[-1].error == XhrError.CANNOT_CONNECT


# -- TLS -----------------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("CXR-006")
@pytest.mark.parametrize("flaw", [flaw for flaw in Flaw if flaw is not Flaw.NONE])
@pytest.mark.host_alone
def test_a_server_that_nobody_vouches_for_is_refused_unless_that_is_ignored(xhr: XhrScene, flaw: Flaw) -> None:
    tls = xhr.bench.authority.server_context(xhr.web.address, flaw=flaw)
    with xhr.bench.peers.http_server(tls=tls) as web:
        web.on("/", handlers.answer(b"sealed"))
        assert request(xhr, web.url())[-1].error == XhrError.INVALID_CERTIFICATE
        assert web.requests() == [], "not a byte of the request went there"
        calls = request(xhr, web.url(), properties={"IGNORE_CERT_ERRORS": 1})
        assert xhr.trace(calls) == ["headers", "data", "response"]


@pytest.mark.requirement("CXR-006")
@pytest.mark.host_alone
def test_a_server_that_asks_for_a_certificate_gets_the_apps(xhr: XhrScene) -> None:
    tls = xhr.bench.authority.server_context(xhr.web.address, client_certificate=True)
    with xhr.bench.peers.http_server(tls=tls) as web:
        web.on("/", handlers.answer(b"sealed"))
        assert request(xhr, web.url())[-1].call == "error"
        file = str(xhr.bench.authority.client_file("ann"))
        assert xhr.trace(request(xhr, web.url(), certificate=file)) == ["headers", "data", "response"]
        assert "ann" in str(web.connection().client_certificate)


@pytest.mark.requirement("CXR-002")
def test_a_poll_over_tls_wakes_from_standby(xhr: XhrScene) -> None:
    with xhr.bench.peers.http_server(tls=xhr.bench.authority.server_context(xhr.web.address)) as web:
        web.on("/poll", handlers.hold)
        xhr.xhr.call("construct")
        assert Status(xhr.xhr.call("poll", url=web.url("/poll"))) is Status.HARDWARE_SLOT_ALLOCATED
        held = web.request(path="/poll")
        after = xhr.sleep()
        xhr.answer_and_run(held, b"sealed good morning")
        assert xhr.timeline.wait("NIC_WAKE", after=after).channel == "inbox"


@pytest.mark.requirement("CXR-009", "CXR-010")
@pytest.mark.parametrize("how", ["abort", "limit"])
@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
@pytest.mark.host_alone
def test_a_server_that_reads_no_more_cannot_hold_who_gives_up(xhr: XhrScene, secure: bool, how: str) -> None:
    """It has the head, and lets the body fill all buffers on the way: a write that waits in the kernel."""
    tls = xhr.bench.authority.server_context(xhr.web.address) if secure else None
    with xhr.bench.peers.http_server(tls=tls) as web:
        xhr.xhr.call("make", xhr="one")
        xhr.xhr.call("open", xhr="one", url=web.url(), verb="POST")
        if how == "limit":
            xhr.xhr.call("set_property", xhr="one", name="TIMEOUT", value=1000)
        web.on_head = lambda request: request.connection.stop_reading()
        xhr.xhr.call("send_much", xhr="one", size_bytes=32 << 20)
        web.request()
        if how == "abort":
            xhr.xhr.call("abort", xhr="one")
        expected = XhrError.ABORT if how == "abort" else XhrError.CONNECTION_TIMEOUT
        assert [(record.call, record.error) for record in xhr.calls_to_end()] == [("error", expected)]
        assert xhr.xhr.call("let_go", xhr="one")
