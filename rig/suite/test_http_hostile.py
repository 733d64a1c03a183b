"""Servers that say what is no HTTP, or too much of it, on a channel: each ends in an error of the request, none in a hang."""

from __future__ import annotations

from pathlib import Path

import pytest

from rig.suite.http_scene import POLL, HttpScene

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
NO_RESPONSES = {
    "another protocol": b"SSH-2.0-OpenSSH_9.2\r\n",
    "another version": b"HTTP/2.0 200 OK\r\n\r\n",
    "zeros": bytes(64),
    "a status of four digits": b"HTTP/1.1 2000 OK\r\n\r\n",
    "a space before the colon": b"HTTP/1.1 200 OK\r\nContent-Length : 4\r\n\r\nnews",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nnews!",
    "a length and chunks": CHUNKED[:-2] + b"Content-Length: 4\r\n\r\n0\r\n\r\n",
    "an unknown coding": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nnews",
    "a chunk length that is none": CHUNKED + b"four\r\nnews",
    "a chunk that is longer": CHUNKED + b"2\r\nnews\r\n0\r\n\r\n",
    "a switch that nobody asked for": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    "a head without an end": b"HTTP/1.1 200 OK\r\n" + b"Pad: x\r\n" * 4000,
    "interim responses without an end": b"HTTP/1.1 100 Continue\r\n\r\n" * 2000,
    "a body that is too long": b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
}
ROUNDS = 10


@pytest.mark.requirement("CHC-008")
def test_what_is_no_response_is_an_error_of_its_request(http: HttpScene) -> None:
    """The server does not close: it is the bytes that end it. The host sleeps, and the channel goes on."""
    http.polling()
    http.sleep()
    for number, (name, response) in enumerate(NO_RESPONSES.items()):
        request, after = http.web.request(number, path=POLL), http.timeline.mark()
        request.raw(response)
        assert http.message(None, after).fault is None, name
        assert http.timeline.wait("http-failed", after=after).error, name
        request.connection.wait_closed()
    request, after = http.web.request(len(NO_RESPONSES), path=POLL), http.timeline.mark()
    request.respond(200, b"news")
    http.message("news", after)


@pytest.mark.requirement("CHC-004")
@pytest.mark.host_alone
def test_long_polls_leave_no_descriptor_and_no_thread_behind(http: HttpScene) -> None:
    """Neither of those that are answered nor of those that break."""
    http.polling()
    process = Path(f"/proc/{http.timeline.find('APP_READY', app='http')[0].pid}")
    has: list[tuple[int, int]] = []
    for number in range(4 * ROUNDS):
        request, after = http.web.request(number, path=POLL), http.timeline.mark()
        if number % 2:
            request.reset()
        else:
            request.respond(200, b"news")
        http.message(None if number % 2 else "news", after)
        if number in (2 * ROUNDS, 4 * ROUNDS - 2):
            http.web.request(number + 1, path=POLL)
            has.append((len(list((process / "fd").iterdir())), len(list((process / "task").iterdir()))))
    (fds, threads), (fds_later, threads_later) = has
    assert fds_later == fds
    assert threads_later < threads + ROUNDS, "the crew may have needed another one; a thread a request is more"


@pytest.mark.topology("dual-stack")
@pytest.mark.requirement("CHC-003", "CHC-006")
def test_a_long_poll_over_ipv6_wakes(http: HttpScene) -> None:
    with http.bench.peers.http_server(ipv6=True) as web:
        scene = HttpScene(http.bench, web)
        request = scene.polling()
        assert (request.header("host") or "").startswith("[")
        scene.sleep()
        scene.answer(request, "over IPv6")
