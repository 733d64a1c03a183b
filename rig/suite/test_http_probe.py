"""The plain request before a channel: it settles redirects, credentials, the proxy and certificates (CHC-010)."""

from __future__ import annotations

import pytest

from rig.peers.http_handlers import answer, basic, hold, redirect
from rig.standby.api import HostError
from rig.suite.http_scene import POLL, HttpScene

pytestmark = pytest.mark.requirement("CHC-010")


@pytest.mark.host_alone
def test_redirects_are_followed_to_the_last_address(http: HttpScene) -> None:
    http.web.on("/a", redirect("/b", 301))
    http.web.on("/b", redirect(http.web.url("/c?d=e"), 307))
    http.web.on("/c", answer(b"here"))
    assert http.client.call("probe", uri=http.web.url("/a")) == {"uri": http.web.url("/c?d=e"), "status": 200, "text": "here"}
    assert len(http.web.connections) == 1, "a connection that may be used again is"


@pytest.mark.host_alone
def test_a_circle_of_redirects_ends(http: HttpScene) -> None:
    http.web.on("/a", redirect("/a"))
    with pytest.raises(HostError, match="more than 10 redirects"):
        http.client.call("probe", uri=http.web.url("/a"))


@pytest.mark.host_alone
def test_the_server_asks_for_credentials_before_there_is_a_channel(http: HttpScene) -> None:
    """And gets them, then and on the channel, which is not asked any more."""
    http.web.on("/poll", basic("pat", "secret", hold))
    http.web.on("/hello", basic("pat", "secret", answer(b"hello")))
    http.client.call("use", user="pat", password="secret")
    assert http.client.call("probe", uri=http.web.url("/hello"))["status"] == 200
    asked, answered = http.web.requests("/hello")
    assert (asked.header("authorization"), asked.connection) == (None, answered.connection)
    ctor_after = http.timeline.mark()
    http.answer(http.polling(), "news")
    assert http.timeline.find("CTOR")[0].seq >= ctor_after
    assert [request.status for request in http.web.requests(POLL)][:1] == [200]


@pytest.mark.parametrize(("user", "password"), [("", ""), ("pat", "wrong")])
@pytest.mark.host_alone
def test_without_the_right_credentials_the_probe_says_so(http: HttpScene, user: str, password: str) -> None:
    http.web.on("/hello", basic("pat", "secret", answer(b"hello")))
    http.client.call("use", user=user, password=password)
    for _ in range(2):
        assert http.client.call("probe", uri=http.web.url("/hello"))["status"] == 401
    assert len(http.web.requests("/hello")) == (4 if user else 2)


@pytest.mark.host_alone
def test_credentials_are_for_the_server_that_the_app_has_named(http: HttpScene) -> None:
    with http.bench.peers.http_server() as other:
        http.web.on("/a", redirect(other.url("/b")))
        other.on("/b", basic("pat", "secret", answer()))
        http.client.call("use", user="pat", password="secret")
        assert http.client.call("probe", uri=http.web.url("/a"))["status"] == 401
        assert [request.header("authorization") for request in other.requests()] == [None]


@pytest.mark.parametrize("credentials", [None, ("pat", "secret")])
def test_a_channel_goes_through_the_proxy_that_the_probe_went_through(
    http: HttpScene, credentials: tuple[str, str] | None
) -> None:
    with http.bench.peers.http_proxy(credentials=credentials) as proxy:
        http.client.call("use", proxy=[proxy.address, proxy.port, *(credentials or ())])
        http.web.on("/hello", answer(b"hello"))
        assert http.client.call("probe", uri=http.web.url("/hello"))["text"] == "hello"
        request = http.polling()
        assert [asked.target for asked in proxy.requests()] == [http.web.url("/hello"), http.web.url(POLL)]
        asleep = http.sleep()
        request.respond(200, b"through the proxy")
        http.message("through the proxy", asleep)


@pytest.mark.host_alone
def test_a_proxy_that_refuses_says_so(http: HttpScene) -> None:
    with http.bench.peers.http_proxy(credentials=("pat", "secret")) as proxy:
        http.client.call("use", proxy=[proxy.address, proxy.port])
        assert http.client.call("probe", uri=http.web.url("/hello"))["status"] == 407


@pytest.mark.host_alone
def test_an_https_probe_shows_its_certificate(http: HttpScene) -> None:
    """Also through the tunnel of a proxy."""
    bench = http.bench
    own = bench.authority.client_file("pat")
    context = bench.authority.server_context(bench.network.topology.server.ip4, client_certificate=True)
    with bench.peers.http_server(tls=context) as secure, bench.peers.http_proxy() as proxy:
        secure.on("/hello", answer(b"hello"))
        with pytest.raises(HostError):
            http.client.call("probe", uri=secure.url("/hello"))
        http.client.call("use", certificate=str(own))
        assert http.client.call("probe", uri=secure.url("/hello"))["text"] == "hello"
        http.client.call("use", certificate=str(own), proxy=[proxy.address, proxy.port])
        assert http.client.call("probe", uri=secure.url("/hello"))["text"] == "hello"
        assert [request.method for request in proxy.requests()] == ["CONNECT"]
        assert secure.connections[-1].client_certificate


@pytest.mark.host_alone
def test_a_proxy_that_digs_no_tunnel_says_why(http: HttpScene) -> None:
    with http.bench.peers.http_proxy(credentials=("pat", "secret")) as proxy:
        http.client.call("use", proxy=[proxy.address, proxy.port])
        with pytest.raises(HostError, match="the proxy refuses the tunnel: 407"):
            http.client.call("probe", uri="https://192.0.2.20/")


def test_a_timer_renews_what_expires(http: HttpScene) -> None:
    """The credentials of a session, by asking the server plainly before it forgets."""
    http.web.on("/hello", answer(b"hello"))
    http.polling()
    http.client.call("register_renewal", minutes=15)
    http.web.on(POLL, answer(b"hello"))
    asleep = http.sleep()
    http.timeline.wait("probed-again", channel="inbox", after=asleep)
