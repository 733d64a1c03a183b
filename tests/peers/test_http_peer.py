"""The scripted HTTP server on real sockets: what a test asks of it is what the wire shows, and what the host does is recorded."""

from __future__ import annotations

import base64
import queue
import re
import socket
import ssl
import threading
import time
from http.client import IncompleteRead

import pytest

from rig.clock import WAIT_S, Deadline
from rig.peers import http_handlers as handlers
from rig.peers.authority import Flaw
from rig.peers.http import HttpServer
from rig.peers.http_connection import HttpConnection
from tests.peers.http_bench import HttpBench


def test_a_request_is_recorded_and_answered_by_its_paths_handler(http: HttpBench) -> None:
    web = http.serve()
    web.on("/config", handlers.answer(b"{}", headers=[("X-Kind", "config")]))
    client = http.client(web)
    client.request("PUT", "/config?who=me&who=you&empty=", body=b"wanted", headers={"X-Trace": "7"})
    response = client.getresponse()
    assert (response.status, response.read(), response.getheader("X-Kind")) == (200, b"{}", "config")
    client.request("GET", "/nowhere")
    assert client.getresponse().read() == b"no such path\n"
    put, get = web.requests()
    assert (put.method, put.target, put.path, put.body) == ("PUT", "/config?who=me&who=you&empty=", "/config", b"wanted")
    assert put.query == {"who": ["me", "you"], "empty": [""]}
    assert (put.header("x-trace"), put.header("X-None")) == ("7", None)
    assert put.connection is get.connection, "one connection for both"
    assert [(record.request, record.method) for record in http.timeline.find("HTTP_REQUEST")] == [(0, "PUT"), (1, "GET")]
    assert [(record.status, record.bytes) for record in http.timeline.find("HTTP_RESPONSE")] == [(200, 2), (404, 13)]


def test_a_target_that_is_no_url_is_a_path_that_there_is_not(http: HttpBench) -> None:
    web = http.serve()
    client = http.client(web)
    client.putrequest("GET", "//[?a=b")
    client.endheaders()
    assert client.getresponse().status == 404
    assert [(request.path, request.query) for request in web.requests()] == [("//[", {"a": ["b"]})]


def test_each_part_of_an_answer_is_recorded(http: HttpBench) -> None:
    """As a push: the host that it wakes was woken by the test."""
    web = http.serve()
    web.on("/poll", handlers.hold)
    client = http.client(web)
    client.request("GET", "/poll")
    poll = web.request(0, path="/poll")
    poll.start(200, length=4)
    poll.chunk(b"new")
    poll.raw(b"s")
    assert client.getresponse().read() == b"news"
    assert [(record.request, record.bytes) for record in http.timeline.find("PUSH")] == [(0, 0), (0, 3), (0, 1)]


def test_a_long_poll_is_held_until_the_test_answers(http: HttpBench) -> None:
    web = http.serve()
    web.on("/poll", handlers.hold)
    client = http.client(web)
    client.request("GET", "/poll")
    poll = web.request(0, path="/poll")
    assert client.sock is not None
    client.sock.settimeout(0.2)
    with pytest.raises(TimeoutError):
        client.sock.recv(1, socket.MSG_PEEK)
    client.sock.settimeout(WAIT_S)
    poll.respond(200, b"news", close=True)
    assert client.getresponse().read() == b"news"
    client.close()
    poll.connection.wait_closed()
    assert not poll.connection.reset_by_peer


def test_who_hangs_up_while_an_answer_is_awaited_is_seen_at_once(http: HttpBench) -> None:
    web = http.serve()
    web.on("/poll", handlers.hold)
    client = http.client(web)
    client.request("GET", "/poll")
    poll = web.request(path="/poll")
    client.close()
    poll.connection.wait_closed()
    assert poll.connection.closed_ns > poll.came_ns
    http.timeline.wait("HTTP_CLOSED", connection=0, reset=False)
    assert web.open_connections == []


def test_a_body_in_chunks_comes_chunk_by_chunk_as_the_test_sends_it(http: HttpBench) -> None:
    web = http.serve()
    web.on("/feed", handlers.hold)
    client = http.client(web)
    client.request("GET", "/feed")
    feed = web.request(path="/feed")
    feed.start(200)
    response = client.getresponse()
    assert response.getheader("Transfer-Encoding") == "chunked"
    for part in (b"one", b"two" * 1000, b"three"):
        feed.chunk(part)
        assert response.read(len(part)) == part
    feed.end()
    assert response.read() == b""


def test_a_slow_answer_takes_its_time_and_stops_when_nobody_is_there(http: HttpBench) -> None:
    web = http.serve()
    web.on("/slow", handlers.trickle(b"12345", every_s=0.02))
    web.on("/endless", handlers.trickle(b"x" * 100_000, every_s=0.02))
    web.on("/parts", handlers.stream([b"a", b"b", b"c"], every_s=0.02))
    client = http.client(web)
    for path, body, least_s in (("/slow", b"12345", 0.1), ("/parts", b"abc", 0.04)):
        start_s = time.monotonic()
        client.request("GET", path)
        assert client.getresponse().read() == body
        assert time.monotonic() - start_s >= least_s
    client.request("GET", "/endless")
    endless = client.getresponse()
    assert endless.read(2) == b"xx"
    endless.close()
    client.close()
    web.connection(0).wait_closed()
    assert not web.request(path="/endless").answered


@pytest.mark.parametrize("where", ["accept", "request", "head", "body"])
def test_it_resets_at_the_chosen_point(http: HttpBench, where: str) -> None:
    web = http.serve()
    if where == "accept":
        web.on_accept = lambda connection: connection.reset()
    web.on("/", {"head": handlers.raw(b"HTTP/1.1 200 OK\r\nContent-", "reset")}.get(where, handlers.reset))
    if where == "body":
        web.on("/", handlers.cut_short(b"half", promised=8))
    with pytest.raises(ConnectionResetError):  # of what was sent before, the kernel may have dropped anything
        ask_and_read_all(http, web)
    http.timeline.wait("PEER_RST", connection=0)


def ask_and_read_all(http: HttpBench, web: HttpServer) -> None:
    sock = http.socket(web)
    sock.sendall(b"GET / HTTP/1.1\r\nHost: it\r\n\r\n")
    while sock.recv(65536):
        pass


def test_an_answer_cut_short_by_fin_is_an_incomplete_one(http: HttpBench) -> None:
    web = http.serve()
    web.on("/", handlers.cut_short(b"half", promised=8, then="finish"))
    client = http.client(web)
    client.request("GET", "/")
    with pytest.raises(IncompleteRead) as caught:
        client.getresponse().read()
    assert caught.value.partial == b"half"


def test_redirects_and_basic_credentials(http: HttpBench) -> None:
    web = http.serve()
    web.on("/old", handlers.redirect("/new", 307))
    web.on("/secret", handlers.basic("ann", "pass:word", handlers.answer(b"in")))
    client = http.client(web)
    client.request("GET", "/old")
    moved = client.getresponse()
    assert (moved.status, moved.getheader("Location"), moved.read()) == (307, "/new", b"")
    client.request("GET", "/secret")
    refused = client.getresponse()
    assert (refused.status, refused.getheader("WWW-Authenticate")) == (401, 'Basic realm="bench", charset="UTF-8"')
    refused.read()
    client.request("GET", "/secret", headers={"Authorization": "Basic " + base64.b64encode(b"ann:pass:word").decode()})
    assert client.getresponse().read() == b"in"


def test_what_is_no_http_is_refused_and_told(http: HttpBench) -> None:
    web = http.serve()
    sock = http.socket(web)
    sock.sendall(b"NONSENSE\r\n\r\n")
    assert sock.recv(65536).startswith(b"HTTP/1.1 400 ")
    assert sock.recv(65536) == b"", "the connection ends with it"
    assert web.requests() == []
    http.timeline.wait("HTTP_REFUSED", connection=0)


def test_requests_that_come_at_once_are_answered_in_their_order(http: HttpBench) -> None:
    web = http.serve()
    web.on("/first", handlers.hold)
    web.on("/second", handlers.answer(b"2"))
    sock = http.socket(web)
    sock.sendall(b"GET /first HTTP/1.1\r\nHost: it\r\n\r\nGET /second HTTP/1.1\r\nHost: it\r\nConnection: close\r\n\r\n")
    web.request(path="/first").respond(200, b"1")
    answers = b""
    while data := sock.recv(65536):
        answers += data
    assert answers.index(b"\r\n\r\n1HTTP/1.1") < answers.index(b"\r\n\r\n2")
    assert [request.path for request in web.requests()] == ["/first", "/second"]


def test_who_expects_a_go_on_before_its_body_gets_one(http: HttpBench) -> None:
    web = http.serve()
    web.on("/", handlers.echo)
    sock = http.socket(web)
    sock.sendall(b"POST / HTTP/1.1\r\nHost: it\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
    assert sock.recv(65536).startswith(b"HTTP/1.1 100 ")
    sock.sendall(b"body")
    assert sock.recv(65536).endswith(b"\r\n\r\nbody")


def test_a_head_request_gets_the_length_and_no_body(http: HttpBench) -> None:
    web = http.serve()
    web.on("/", handlers.answer(b"12345"))
    client = http.client(web)
    client.request("HEAD", "/")
    response = client.getresponse()
    assert (response.getheader("Content-Length"), response.read()) == ("5", b"")


def test_through_a_proxy_both_record_the_request(http: HttpBench) -> None:
    web, proxy = http.serve(), http.proxy()
    web.on("/echo", handlers.echo)
    client = http.client(proxy)
    client.request("POST", web.url("/echo?q=1"), body=b"hello")
    assert client.getresponse().read() == b"hello"
    assert [(r.method, r.target) for r in proxy.requests()] == [("POST", web.url("/echo?q=1"))]
    passed = web.request(path="/echo")
    assert (passed.target, passed.body, passed.header("Via")) == ("/echo?q=1", b"hello", "1.1 bench")


def test_a_proxy_passes_on_that_the_host_has_hung_up(http: HttpBench) -> None:
    web, proxy = http.serve(), http.proxy()
    web.on("/poll", handlers.hold)
    client = http.client(proxy)
    client.request("GET", web.url("/poll"))
    poll = web.request(path="/poll")
    client.close()
    poll.connection.wait_closed()


def test_a_proxy_that_cannot_reach_the_server_says_bad_gateway(http: HttpBench) -> None:
    web, proxy = http.serve(), http.proxy()
    web.close()
    client = http.client(proxy)
    client.request("GET", web.url("/"))
    assert client.getresponse().status == 502


def test_a_proxy_asks_for_its_own_credentials(http: HttpBench) -> None:
    web, proxy = http.serve(), http.proxy(credentials=("ann", "secret"))
    web.on("/", handlers.answer(b"in"))
    client = http.client(proxy)
    client.request("GET", web.url())
    refused = client.getresponse()
    assert (refused.status, refused.getheader("Proxy-Authenticate")) == (407, 'Basic realm="proxy"')
    refused.read()
    client.request("GET", web.url(), headers={"Proxy-Authorization": "Basic " + base64.b64encode(b"ann:secret").decode()})
    assert client.getresponse().read() == b"in"
    assert web.request().header("Proxy-Authorization") is None, "it is the proxy's, and nobody else's"


def test_over_tls_with_a_client_certificate(http: HttpBench) -> None:
    web = http.serve(tls=http.authority.server_context("push.example", client_certificate=True))
    web.on("/", handlers.answer(b"sealed"))
    context = http.trust
    context.load_cert_chain(http.authority.client_file("ann"))
    sock = context.wrap_socket(http.socket(web), server_hostname="push.example")
    sock.sendall(b"GET / HTTP/1.1\r\nHost: push.example\r\nConnection: close\r\n\r\n")
    answer = b""
    while data := sock.recv(65536):
        answer += data
    assert answer.endswith(b"\r\n\r\nsealed")
    assert "ann@client.example" in str(web.connection(0).client_certificate)


def test_a_tunnel_carries_tls_to_the_server_untouched(http: HttpBench) -> None:
    web, proxy = http.serve(tls=http.authority.server_context("push.example")), http.proxy()
    web.on("/", handlers.answer(b"sealed"))
    raw = http.socket(proxy)
    raw.sendall(f"CONNECT {web.address}:{web.port} HTTP/1.1\r\nHost: {web.address}:{web.port}\r\n\r\n".encode())
    assert raw.recv(65536).startswith(b"HTTP/1.1 200 ")
    sock = http.trust.wrap_socket(raw, server_hostname="push.example")
    sock.sendall(b"GET / HTTP/1.1\r\nHost: push.example\r\n\r\n")
    assert sock.recv(65536).startswith(b"HTTP/1.1 200 ")
    sock.close()
    web.connection(0).wait_closed()
    assert [(r.method, r.target) for r in proxy.requests()] == [("CONNECT", f"{web.address}:{web.port}")]


def test_a_host_that_does_not_trust_the_server_is_told(http: HttpBench) -> None:
    web = http.serve(tls=http.authority.server_context("push.example", flaw=Flaw.UNKNOWN_AUTHORITY))
    with pytest.raises(ssl.SSLCertVerificationError):
        http.trust.wrap_socket(http.socket(web), server_hostname="push.example")
    http.timeline.wait("HTTP_REFUSED", connection=0)
    assert web.connection(0).tls_error is not None


def test_reads_and_writes_of_one_tls_connection_go_on_at_the_same_time(http: HttpBench) -> None:
    """A megabyte each way at once: a server that could not write while it waits to read would stop here."""
    web = http.serve(tls=http.authority.server_context("push.example"))
    web.on("/", handlers.echo)
    sock = http.trust.wrap_socket(http.socket(web), server_hostname="push.example")
    body = bytes(range(256)) * 4096
    sock.sendall(b"POST / HTTP/1.1\r\nHost: push.example\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body)
    answer, deadline = b"", Deadline(WAIT_S)
    while (data := sock.recv(1 << 20)) and not deadline.expired:
        answer += data
    assert answer.partition(b"\r\n\r\n")[2] == body


def test_a_body_may_be_left_unread(http: HttpBench) -> None:
    web = http.serve()
    web.on_head = lambda request: request.connection.stop_reading()
    sock = http.socket(web)
    sock.sendall(b"POST / HTTP/1.1\r\nHost: it\r\nContent-Length: 100000000\r\n\r\n")
    held = web.request()
    sock.settimeout(0.2)
    with pytest.raises(TimeoutError):
        sock.sendall(bytes(100_000_000))
    assert held.body == b""


def test_a_server_keeps_no_more_of_a_body_and_no_more_requests_than_it_is_told_to(http: HttpBench) -> None:
    web = http.serve(keep=2)

    def bounded(connection: HttpConnection) -> None:
        connection.most_body_bytes = 5

    web.on_accept = bounded
    web.default = handlers.echo
    client = http.client(web)
    for body in (b"1", b"12345", b"123456789" * 1000):
        client.request("PUT", "/", body=body)
        assert client.getresponse().read() == body[:5]
    assert [(request.number, request.body) for request in web.requests()] == [(1, b"12345"), (2, b"12345")]


def test_a_request_that_has_been_seen_keeps_its_handler(http: HttpBench) -> None:
    web = http.serve()
    web.on("/poll", handlers.answer(b"old"))
    sock = http.socket(web)
    sock.sendall(b"POST /poll HTTP/1.1\r\nHost: it\r\nContent-Length: 2\r\n\r\n1")
    http.timeline.wait("HTTP_REQUEST")
    web.on("/poll", handlers.answer(b"new"))
    sock.sendall(b"2")
    sock.settimeout(WAIT_S)
    assert sock.recv(4096).endswith(b"old")


def test_a_handler_that_returns_its_body_is_told_how_to_answer(http: HttpBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that returns nothing leaves the answer to the test."""
    web, told = http.serve(), queue.Queue[threading.ExceptHookArgs]()
    monkeypatch.setattr(threading, "excepthook", told.put)
    web.on("/hold", handlers.hold)
    web.on("/file", lambda _request: b"news")  # type: ignore[arg-type]
    for path in ("/hold", "/file"):
        http.client(web).request("GET", path)
    error = told.get(timeout=WAIT_S)
    assert error.exc_type is TypeError
    assert re.search(r"handler of /file .* request\.respond", str(error.exc_value))
    assert told.empty()
