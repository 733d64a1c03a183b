"""HTTP/1.1 without input or output: whatever comes, in whatever pieces, ends in a response or an error, and in the same one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.standby.api.http.errors import HttpError
from rig.standby.api.http.exchange import HEAD_BYTES, Exchange, Limits
from rig.standby.api.http.message import Request

HOST = (("Host", "server.example"),)
GET = Request("GET", "/", HOST)
BODIES = {
    "content-length": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\nT: v\r\n\r\n",
    "until close": b"HTTP/1.1 200 OK\r\n\r\nhello",
    "http/1.0": b"HTTP/1.0 200 OK\r\n\r\nhello",
    "interim first": b"HTTP/1.1 103 Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
}
MALFORMED = {
    "no HTTP": b"SSH-2.0-OpenSSH_9.2\r\n",
    "another version": b"HTTP/2.0 200 OK\r\n\r\n",
    "status of two digits": b"HTTP/1.1 20 OK\r\n\r\n",
    "status of four digits": b"HTTP/1.1 2000 OK\r\n\r\n",
    "a space before the colon": b"HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\nhello",
    "no header name": b"HTTP/1.1 200 OK\r\n: 5\r\n\r\n",
    "a fold first": b"HTTP/1.1 200 OK\r\n Content-Length: 5\r\n\r\nhello",
    "a NUL in a value": b"HTTP/1.1 200 OK\r\nA: \0\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    "two lengths in one": b"HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\nhello!",
    "a signed length": b"HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello",
    "a length in hex": b"HTTP/1.1 200 OK\r\nContent-Length: 0x5\r\n\r\nhello",
    "a length of 5000 digits": b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
    "length and chunks": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nhello",
    "chunks of HTTP/1.0": b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "an unknown coding": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunked twice": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a chunk length that is none": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "a negative chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
    "a chunk length of 40 digits": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"f" * 40 + b"\r\n",
    "a chunk that is longer": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n0\r\n\r\n",
    "a switch that nobody asked for": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
    "closed at once": b"",
    "closed in the head": b"HTTP/1.1 200 OK\r\nContent-Le",
    "closed in a length": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
    "closed in a chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
    "closed before the last chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    "closed in the trailers": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nT: v\r\n",
    "interim and no more": b"HTTP/1.1 100 Continue\r\n\r\n",
}


@dataclass(frozen=True)
class Outcome:
    """`status` None: an error."""

    status: int | None
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


def fed(pieces: Iterable[bytes], request: Request = GET, limits: Limits | None = None) -> Exchange:
    """All of them, and the end of the stream if that is wanted. Raises HttpError."""
    exchange = Exchange(request, limits)
    for piece in pieces:
        if not exchange.complete:
            exchange.feed(piece)
    if not exchange.complete:
        exchange.feed(b"")
    assert exchange.complete
    return exchange


def outcome(pieces: Iterable[bytes], request: Request = GET, limits: Limits | None = None) -> Outcome:
    try:
        exchange = fed(pieces, request, limits)
    except HttpError:
        return Outcome(None)
    assert exchange.head is not None
    return Outcome(exchange.head.status, tuple(exchange.head.headers), exchange.take(10**9))


def single_bytes(data: bytes) -> list[bytes]:
    return [data[i : i + 1] for i in range(len(data))]


@pytest.mark.parametrize("response", BODIES.values(), ids=BODIES)
def test_a_body_of_every_framing_is_the_same_however_it_is_cut(response: bytes) -> None:
    whole = outcome([response])
    assert (whole.status, whole.body) == (200, b"hello")
    assert outcome(single_bytes(response)) == whole
    for cut in range(1, len(response)):
        assert outcome([response[:cut], response[cut:]]) == whole


@pytest.mark.parametrize("response", MALFORMED.values(), ids=MALFORMED)
def test_what_is_no_response_is_an_error_however_it_is_cut(response: bytes) -> None:
    assert outcome([response]).status is None
    assert outcome(single_bytes(response)).status is None


@pytest.mark.parametrize("before", [b"", b"HTTP/1.1 100 Continue\r\n\r\n"], ids=["first", "behind an interim response"])
@pytest.mark.parametrize("other", [b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/2", b"\0", b"220 mail.example", b"\r\n"])
def test_another_protocol_is_an_error_at_its_first_byte_that_is_none_of_http(before: bytes, other: bytes) -> None:
    """Its peer waits for us: there will be no end of a head."""
    for pieces in ([before + other], single_bytes(before + other)):
        exchange = Exchange(GET)
        with pytest.raises(HttpError):  # noqa: PT012 - in one of them
            for piece in pieces:
                exchange.feed(piece)


@pytest.mark.parametrize("name", ["content-length", "chunked"])
def test_a_response_cut_short_anywhere_is_an_error(name: str) -> None:
    response = BODIES[name]
    for end in range(len(response)):
        assert outcome([response[:end]]).status is None, f"taken for whole after {end} bytes of {len(response)}"


FRAGMENTS = [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 100 C\r\n\r\n", b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n"]
FRAGMENTS += [b"\r\n", b"\n", b"\r", b"3\r\n", b"abc", b"0\r\n", b"A: b\r\n"]
FRAGMENTS += [b"0" * 9, b" fold\r\n", b"\x00", b"\xff", b":", b";"]


@given(st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.binary(max_size=4)), max_size=12), st.data())
def test_anything_at_all_ends_and_ends_alike(fragments: list[bytes], data: st.DataObject) -> None:
    response = b"".join(fragments)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(response)), max_size=6)))
    pieces = [response[a:b] for a, b in zip([0, *cuts], [*cuts, len(response)], strict=True)]
    assert outcome([piece for piece in pieces if piece]) == outcome([response] if response else [])


@given(st.sampled_from(sorted(BODIES)), st.integers(0, 200), st.sampled_from([b"", b"\r\n", b"\x00", b"9", b" ", b":", b"\n"]))
def test_a_response_with_one_byte_changed_ends_alike(name: str, at: int, what: bytes) -> None:
    response = BODIES[name]
    at %= len(response)
    changed = response[:at] + what + response[at + 1 :]
    assert outcome(single_bytes(changed)) == outcome([changed])


@pytest.mark.parametrize("over", [0, 1])
def test_a_head_is_taken_up_to_its_bound_and_no_byte_more(over: int) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nPad: %s\r\n\r\n"
    response = head % (b"x" * (HEAD_BYTES - len(head) + 2 + over))
    assert len(response) == HEAD_BYTES + over
    for pieces in ([response], single_bytes(response)):
        assert outcome(pieces).status == (None if over else 200)


def test_interim_responses_count_to_the_bound_of_the_head() -> None:
    with pytest.raises(HttpError, match="a head of"):
        fed([b"HTTP/1.1 100 Continue\r\n\r\n"] * 1000 + [BODIES["content-length"]])


@pytest.mark.parametrize("name", ["content-length", "chunked", "until close"])
def test_a_body_is_kept_up_to_its_bound_and_no_byte_more(name: str) -> None:
    assert outcome([BODIES[name]], limits=Limits(body_bytes=5)).body == b"hello"
    with pytest.raises(HttpError, match="at most 4 are taken"):
        fed([BODIES[name]], limits=Limits(body_bytes=4))


def test_a_body_that_says_that_it_is_too_long_is_refused_before_it_comes() -> None:
    exchange = Exchange(GET, Limits(body_bytes=4))
    with pytest.raises(HttpError, match="at most 4"):
        exchange.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
def test_what_has_no_content_ends_with_its_head(status: bytes) -> None:
    exchange = Exchange(GET)
    exchange.feed(b"HTTP/1.1 " + status + b"\r\nContent-Length: 5\r\n\r\n")
    assert exchange.complete
    assert exchange.head is not None
    assert exchange.head.bodiless


def test_a_head_request_has_a_length_and_no_body() -> None:
    exchange = Exchange(Request("HEAD", "/", HOST), Limits(body_bytes=4))
    exchange.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n")
    assert (exchange.complete, exchange.reusable) == (True, True)
    assert exchange.head is not None
    assert exchange.head.headers.get("content-length") == "5000"


@pytest.mark.parametrize(
    ("response", "reusable"),
    [
        (BODIES["content-length"], True),
        (BODIES["chunked"], True),
        (BODIES["until close"], False),
        (BODIES["http/1.0"], False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", False),
        (BODIES["content-length"] + b"HTTP/1.1 200 OK\r\n\r\nof another request", False),
        (BODIES["chunked"] + b"\r\n", False),
    ],
)
def test_a_connection_is_used_again_only_when_nothing_speaks_against_it(response: bytes, reusable: bool) -> None:
    exchange = fed([response])
    assert exchange.reusable is reusable


def test_a_stream_that_ended_behind_the_response_is_not_used_again() -> None:
    exchange = fed([BODIES["content-length"]])
    exchange.feed(b"")
    assert not exchange.reusable


def test_a_granted_tunnel_tells_of_what_came_too_early() -> None:
    exchange = Exchange(Request("CONNECT", "server.example:443", (("Host", "server.example:443"),)))
    exchange.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nearly")
    assert (exchange.complete, exchange.tunnelled, exchange.bytes_behind) == (True, True, 5)


def test_a_refused_tunnel_is_a_response() -> None:
    exchange = Exchange(Request("CONNECT", "server.example:443", (("Host", "server.example:443"),)))
    exchange.feed(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 2\r\n\r\nno")
    assert (exchange.complete, exchange.tunnelled, exchange.reusable) == (True, False, True)


def test_the_body_is_taken_in_parts() -> None:
    exchange = Exchange(GET)
    exchange.feed(BODIES["content-length"][:-1])
    assert (exchange.take(3), exchange.take(3), exchange.take(3), exchange.over) == (b"hel", b"l", b"", False)
    exchange.feed(b"o")
    assert (exchange.complete, exchange.over, exchange.take(3), exchange.over) == (True, False, b"o", True)


def test_a_request_goes_out_with_its_body() -> None:
    request = Request("POST", "/a?b=c", (*HOST, ("Content-Length", "4")), b"body")
    assert Exchange(request).outgoing == b"POST /a?b=c HTTP/1.1\r\nHost: server.example\r\nContent-Length: 4\r\n\r\nbody"


@pytest.mark.parametrize(
    "request_of",
    [
        Request("GET", "/", (*HOST, ("A", "b\r\nEvil: yes"))),
        Request("GET", "/ HTTP/1.1\r\nEvil: yes\r\n\r\n", HOST),
        Request("GET / HTTP/1.1\r\n", "/", HOST),
        Request("GET", "/", (*HOST, ("A B", "c"))),
        Request("GET", "/", ()),
        Request("POST", "/", (*HOST, ("Content-Length", "3")), b"more than that"),
    ],
)
def test_a_request_that_would_be_another_one_on_the_wire_is_refused(request_of: Request) -> None:
    with pytest.raises(ValueError, match=r"."):
        Exchange(request_of)
