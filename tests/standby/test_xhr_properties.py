"""What may be set on a request, and what that does: limits, headers, thresholds, numbers of errors."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest

from rig.standby.api import HostError, HResult
from rig.standby.api.xhr import XhrError, XhrProperty, XmlHttpRequest2
from rig.timeline import Timeline
from tests.standby.xhr_process import Heard, Server, lived, sent

COUNTED = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nonetwo"


@pytest.fixture(scope="module")
def timeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Timeline]:
    yield from lived(tmp_path_factory.mktemp("xhr"))


@pytest.fixture
def server(timeline: Timeline) -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


def opened(url: str, heard: Heard, method: str = "GET") -> XmlHttpRequest2:
    xhr = XmlHttpRequest2()
    xhr.open(method, url, heard)
    return xhr


def refused(hresult: HResult, name: XhrProperty, value: int) -> None:
    with pytest.raises(HostError) as raised:
        opened("http://h.example/", Heard()).set_property(name, value)
    assert raised.value.hresult is hresult


@pytest.mark.parametrize(
    ("name", "most"),
    [
        (XhrProperty.NO_CRED_PROMPT, 2),
        (XhrProperty.NO_AUTH, 2),
        (XhrProperty.TIMEOUT, 0xFFFFFFFF),
        (XhrProperty.NO_DEFAULT_HEADERS, 1),
        (XhrProperty.REPORT_REDIRECT_STATUS, 1),
        (XhrProperty.NO_CACHE, 1),
        (XhrProperty.EXTENDED_ERROR, 1),
        (XhrProperty.QUERY_STRING_UTF8, 1),
        (XhrProperty.IGNORE_CERT_ERRORS, 1),
        (XhrProperty.ONDATA_THRESHOLD, 1 << 20),
    ],
)
def test_each_property_takes_its_values_and_no_others(name: XhrProperty, most: int) -> None:
    for value in (0, most):
        opened("http://h.example/", Heard()).set_property(name, value)
    for value in (-1, most + 1):
        refused(HResult.INVALID_ARG, name, value)


@pytest.mark.parametrize("name", [XhrProperty.SET_ENTERPRISEID, XhrProperty.MAX_CONNECTIONS])
def test_what_this_host_cannot_keep_is_refused(name: XhrProperty) -> None:
    refused(HResult.NOT_SUPPORTED, name, 1)


@pytest.mark.parametrize("url", ["ftp://h.example/", "/no/host", "http://ann:pw@h.example/", "http://h.example/\r\nX: 1", ""])
def test_a_url_that_is_none_is_refused_and_may_be_mended(url: str) -> None:
    xhr = XmlHttpRequest2()
    with pytest.raises(HostError) as raised:
        xhr.open("GET", url, Heard())
    assert raised.value.hresult is HResult.INVALID_ARG
    xhr.open("GET", "http://h.example/", Heard())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Bad", "1\r\nX-Other: 2"),
        ("X Bad", "1"),
        ("Host", "other.example"),
        ("Content-Length", "5"),
        ("Transfer-Encoding", "chunked"),
        ("", "1"),
    ],
)
def test_a_header_that_would_be_another_message_is_refused(name: str, value: str) -> None:
    xhr = opened("http://h.example/", Heard())
    with pytest.raises(HostError) as raised:
        xhr.set_request_header(name, value)
    assert raised.value.hresult is HResult.INVALID_ARG


@pytest.mark.parametrize("method", ["CONNECT", "GET /x", "", "TRACE"])
def test_a_method_that_is_no_apps_is_refused(method: str) -> None:
    with pytest.raises(HostError) as raised:
        opened("http://h.example/", Heard(), method)
    assert raised.value.hresult is HResult.INVALID_ARG


def test_default_headers_can_be_left_out(server: Server) -> None:
    server.answers = [([COUNTED], "hold")]
    for without in (0, 1):
        heard = Heard()
        xhr = opened(server.url, heard)
        xhr.set_property(XhrProperty.NO_DEFAULT_HEADERS, without)
        xhr.set_request_header("Accept", "text/plain")
        xhr.send()
        heard.wait_end()
    first, second = server.asked
    assert (first.count(b"Accept: "), first.count(b"User-Agent: ")) == (1, 1), "the app's own is the only one of its name"
    assert b"Accept: text/plain" in second
    assert b"User-Agent" not in second


def test_data_is_told_when_so_much_is_there(server: Server) -> None:
    server.answers = [([b"HTTP/1.1 200 OK\r\nContent-Length: 25\r\n\r\n", *[bytes([65 + at]) for at in range(25)]], "hold")]
    heard = Heard()
    xhr = opened(server.url, heard)
    xhr.set_property(XhrProperty.ONDATA_THRESHOLD, 10)
    xhr.send()
    heard.wait_end()
    assert 1 <= heard.calls.count("data") <= 2, "never of less than ten bytes"
    assert heard.body == bytes(range(65, 90)), "what is left over comes with the end"


def test_headers_are_there_from_their_callback_on(server: Server) -> None:
    server.answers = [
        ([b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-Kind: k\r\nContent-Length: 0\r\n\r\n"], "hold")
    ]
    seen: list[str] = []
    heard = Heard({"headers": lambda xhr: seen.append(xhr.get_response_header("x-kind"))})
    xhr = opened(server.url, heard)
    with pytest.raises(HostError) as early:
        xhr.get_response_header("x-kind")
    assert early.value.hresult is HResult.ILLEGAL_METHOD_CALL
    xhr.send()
    heard.wait_end()
    assert seen == ["k"]
    assert [value for name, value in xhr.get_all_response_headers() if name.lower() == "set-cookie"] == ["a=1", "b=2"]
    with pytest.raises(HostError) as missing:
        xhr.get_response_header("X-None")
    assert missing.value.hresult is HResult.ELEMENT_NOT_FOUND


@pytest.mark.parametrize(
    ("answer", "then", "general", "extended"),
    [
        (COUNTED[:-1], "fin", XhrError.DOWNLOAD_FAILURE, XhrError.EXTENDED_INVALID_RESPONSE),
        (b"nonsense\r\n\r\n", "hold", XhrError.DOWNLOAD_FAILURE, XhrError.EXTENDED_INVALID_RESPONSE),
        (COUNTED[:-1], "rst", XhrError.DOWNLOAD_FAILURE, XhrError.EXTENDED_CONNECTION_RESET),
        (
            b"HTTP/1.1 302 Found\r\nLocation: ftp://h/\r\nContent-Length: 0\r\n\r\n",
            "hold",
            XhrError.REDIRECT_FAILED,
            XhrError.EXTENDED_REDIRECT_FAILED,
        ),
    ],
)
def test_errors_have_their_numbers(server: Server, answer: bytes, then: str, general: XhrError, extended: XhrError) -> None:
    server.answers = [([answer], then)]
    for flag, number in ((0, general), (1, extended)):
        heard = Heard()
        xhr = opened(server.url, heard)
        xhr.set_property(XhrProperty.EXTENDED_ERROR, flag)
        xhr.send()
        heard.wait_end()
        assert heard.error == number


def test_a_server_that_takes_no_more_is_a_limit_of_sending(server: Server) -> None:
    """It reads nothing behind the head, so that the body fills the kernels' buffers and stays there."""
    server.answers = [([], "hold")]
    heard = Heard()
    xhr = opened(server.url, heard, "POST")
    xhr.set_property(XhrProperty.TIMEOUT, 300)
    xhr.send(bytes(32 << 20))
    heard.wait_end()
    assert heard.error == XhrError.CONNECTION_TIMEOUT


def test_a_connection_that_nobody_takes_is_a_limit_of_connecting(timeline: Timeline) -> None:
    """A full backlog: the kernel drops what comes behind it."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        heard = Heard()
        xhr = opened(f"http://127.0.0.1:{full.getsockname()[1]}/", heard)
        xhr.set_property(XhrProperty.TIMEOUT, 300)
        start_s = time.monotonic()
        xhr.send()
        heard.wait_end()
        assert heard.error == XhrError.CONNECTION_TIMEOUT
        assert time.monotonic() - start_s >= 0.3
        for filler in fillers:
            filler.close()


def test_redirects_end_after_a_hundred(server: Server) -> None:
    server.answers = [([b"HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n"], "again")]
    heard = Heard()
    sent(server.url, heard)
    heard.wait_end()
    assert (heard.calls.count("redirect"), heard.error) == (100, XhrError.REDIRECT_FAILED)
    assert len(server.connections) == 1, "one connection for all of them"
