"""What an app's HTTP request is on the wire: its URI, through a proxy, with credentials, and after a redirect."""

from __future__ import annotations

import pytest

from rig.standby.api.http.credentials import Credentials, asks_for_basic
from rig.standby.api.http.errors import HttpError
from rig.standby.api.http.message import Headers, ResponseHead
from rig.standby.api.http.outgoing import Outgoing, Proxy, tunnel
from rig.standby.api.http.redirects import redirected
from rig.standby.api.http.uri import HttpUri
from rig.standby.wire.hresult import HostError, HResult

PROXY = Proxy("proxy.example", 3128, Credentials("pat", "secret"))


@pytest.mark.parametrize(
    ("text", "authority", "target", "port"),
    [
        ("http://server.example", "server.example", "/", 80),
        ("HTTPS://Server.Example/a?b=c#part", "server.example", "/a?b=c", 443),
        ("http://server.example:8080/a%20b", "server.example:8080", "/a%20b", 8080),
        ("http://[2001:db8::1]/", "[2001:db8::1]", "/", 80),
        ("http://[2001:db8::1]:8080?x", "[2001:db8::1]:8080", "/?x", 8080),
        ("http://bücher.example/ü", "xn--bcher-kva.example", "/%C3%BC", 80),
        ('http://server.example/a"b', "server.example", "/a%22b", 80),
    ],
)
def test_a_uri_says_where_to_and_what_for(text: str, authority: str, target: str, port: int) -> None:
    uri = HttpUri.parse(text)
    assert (uri.authority, uri.target, uri.port) == (authority, target, port)
    assert HttpUri.parse(str(uri)) == uri


def test_the_name_of_a_link_is_for_the_kernel_and_for_nobody_else() -> None:
    uri = HttpUri.parse("http://[fe80::1%25eth0]:8080/")
    assert (uri.host, uri.authority, str(uri)) == ("fe80::1%eth0", "[fe80::1]:8080", "http://[fe80::1]:8080/")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/relative",
        "server.example/",
        "ftp://server.example/",
        "http:///no/host",
        "http://server.example:port/",
        "http://server.example:70000/",
        "http://[2001:db8::1/",
        "http://pat:secret@server.example/",
        "http://server.example/a b",
        "http://server.example/\r\nEvil: yes",
        "http://server.example/\tb",
        "http://" + "ü" * 64 + ".example/",
        "http://server.example/" + "x" * 8000,
    ],
)
def test_what_is_no_uri_of_a_request_is_refused(text: str) -> None:
    with pytest.raises(HostError) as refused:
        HttpUri.parse(text)
    assert refused.value.hresult is HResult.INVALID_ARG


def get(text: str = "http://server.example/a?b", **rest: object) -> Outgoing:
    return Outgoing(**{"method": "GET", "uri": HttpUri.parse(text), **rest})  # type: ignore[arg-type]


def test_to_a_proxy_goes_the_absolute_form_with_the_proxys_credentials() -> None:
    request = get().on_the_wire(proxy=PROXY)
    assert request.target == "http://server.example/a?b"
    assert dict(request.headers) == {"Host": "server.example", "Proxy-Authorization": "Basic cGF0OnNlY3JldA=="}


def test_through_a_tunnel_goes_what_would_go_to_the_origin() -> None:
    secure = get("https://server.example/a")
    assert secure.on_the_wire(proxy=PROXY) == secure.on_the_wire()
    asked = tunnel(secure.uri, PROXY)
    assert (asked.method, asked.target) == ("CONNECT", "server.example:443")
    assert dict(asked.headers)["Proxy-Authorization"] == "Basic cGF0OnNlY3JldA=="


def test_the_apps_own_authorization_is_not_said_twice() -> None:
    own = get(headers=(("authorization", "Bearer x"),))
    assert [name for name, _ in own.on_the_wire(credentials=Credentials("pat", "secret")).headers] == ["Host", "authorization"]


def test_a_request_with_content_says_how_long_it_is_and_one_without_where_it_could_have_some() -> None:
    assert dict(get(method="POST", body=b"abc").on_the_wire().headers)["Content-Length"] == "3"
    assert dict(get(method="PUT").on_the_wire().headers)["Content-Length"] == "0"
    assert "Content-Length" not in dict(get().on_the_wire().headers)


@pytest.mark.parametrize("name", ["Host", "content-length", "Transfer-Encoding", "Connection", "Upgrade", "Expect"])
def test_what_frames_a_message_is_not_the_apps_to_say(name: str) -> None:
    with pytest.raises(HostError, match="INVALID_ARG"):
        get(headers=((name, "1"),))


def test_a_password_is_in_no_repr() -> None:
    assert "secret" not in repr(PROXY)


def test_a_user_name_with_a_colon_is_refused() -> None:
    with pytest.raises(HostError, match="INVALID_ARG"):
        Credentials("pat:x", "secret")


@pytest.mark.parametrize(
    ("values", "asked"),
    [
        (["Basic realm=x"], True),
        (["basic"], True),
        (['Digest realm="a, b", Basic realm="c"'], True),
        (["Digest realm=x", "Basic realm=x"], True),
        (["Digest basic=x"], False),
        (["Basically realm=x"], False),
        ([], False),
    ],
)
def test_basic_credentials_are_sent_to_who_asks_for_them(values: list[str], asked: bool) -> None:
    headers = Headers(tuple(("WWW-Authenticate", value) for value in values))
    assert asks_for_basic(headers, "www-authenticate") is asked


def answered(status: int, location: str | None) -> ResponseHead:
    return ResponseHead(status, "", Headers((("Location", location),) if location is not None else ()))


@pytest.mark.parametrize(
    ("method", "status", "becomes"),
    [
        ("GET", 301, "GET"),
        ("HEAD", 302, "HEAD"),
        ("POST", 302, "GET"),
        ("PUT", 302, "PUT"),
        ("PUT", 303, "GET"),
        ("HEAD", 303, "HEAD"),
        ("POST", 307, "POST"),
        ("POST", 308, "POST"),
    ],
)
def test_a_redirect_keeps_the_method_or_makes_a_get_of_it(method: str, status: int, becomes: str) -> None:
    followed = redirected(get(method=method, body=b"x"), answered(status, "/b"))
    assert followed is not None
    assert (followed.method, followed.uri.target) == (becomes, "/b")
    assert followed.body == (b"x" if becomes == method else b"")


def test_an_answer_that_leads_nowhere_else_is_no_redirect() -> None:
    assert redirected(get(), answered(200, "/b")) is None
    assert redirected(get(), answered(304, "/b")) is None
    assert redirected(get(), answered(302, None)) is None


@pytest.mark.parametrize(
    ("location", "kept"), [("/b", True), ("http://other.example/", False), ("http://server.example:81/", False)]
)
def test_what_was_said_to_one_origin_is_not_said_to_another(location: str, kept: bool) -> None:
    followed = redirected(get(headers=(("Authorization", "Bearer x"), ("Accept", "*/*"))), answered(302, location))
    assert followed is not None
    assert [name for name, _ in followed.headers] == (["Authorization", "Accept"] if kept else ["Accept"])


@pytest.mark.parametrize("location", ["ftp://server.example/", "http://server.example/a b", "http://[/"])
def test_a_redirect_to_what_is_no_uri_is_an_error(location: str) -> None:
    with pytest.raises(HttpError, match="redirected by 302"):
        redirected(get(), answered(302, location))


def test_a_redirect_from_https_to_http_is_an_error() -> None:
    with pytest.raises(HttpError, match="would be open"):
        redirected(get("https://server.example/"), answered(302, "http://server.example/"))
