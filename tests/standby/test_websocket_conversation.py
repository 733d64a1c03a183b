"""The sans-I/O half of the WebSockets: whatever way a server's bytes are cut, the app is told the same."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Close, Frame, Opcode
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from rig.standby.api.websockets.conversation import Closed, Conversation, Part, check_close
from rig.standby.api.websockets.errors import HandshakeError, WebSocketError
from rig.standby.api.websockets.uri import parsed
from rig.standby.wire.hresult import HostError, HResult

URI = parsed("ws://server.example/chat?room=1")


def opened(**options: object) -> tuple[Conversation, ServerProtocol]:
    """Both ends behind the handshake."""
    client = Conversation(URI, **options)  # type: ignore[arg-type]
    server = ServerProtocol()
    server.receive_data(client.outgoing())
    request = server.events_received()[0]
    server.send_response(server.accept(request))  # type: ignore[arg-type]
    assert not client.opened
    client.feed(b"".join(server.data_to_send()))
    assert client.opened
    assert server.state is OPEN
    return client, server


def wire(*frames: Frame) -> bytes:
    """As a server sends them."""
    return b"".join(frame.serialize(mask=False) for frame in frames)


def told(client: Conversation) -> list[Part]:
    parts = list(client.parts)
    client.parts.clear()
    return parts


def heard(server: ServerProtocol, client: Conversation) -> list[Frame]:
    """What the server makes of what the client sends: masked, or it would refuse it."""
    server.receive_data(client.outgoing())
    assert server.parser_exc is None
    return [event for event in server.events_received() if isinstance(event, Frame)]


def cut(data: bytes, places: Sequence[int]) -> list[bytes]:
    """At places anywhere; a place behind the end cuts nothing."""
    edges = [0, *sorted({place for place in places if 0 < place < len(data)}), len(data)]
    return [data[begin:end] for begin, end in itertools.pairwise(edges) if begin < end]


CONTROL = st.one_of(
    st.binary(max_size=125).map(lambda data: Frame(Opcode.PING, data)),
    st.binary(max_size=125).map(lambda data: Frame(Opcode.PONG, data)),
)
PIECES = st.lists(st.binary(max_size=300), min_size=1, max_size=4)
MESSAGE = st.one_of(
    PIECES.map(lambda pieces: (Opcode.BINARY, pieces)),
    st.lists(st.text(max_size=100).map(str.encode), min_size=1, max_size=4).map(lambda pieces: (Opcode.TEXT, pieces)),
)


@st.composite
def streams(draw: st.DrawFn) -> tuple[bytes, list[Part], list[bytes]]:
    """A server's bytes, the parts of messages in them, and what it is to be answered by pongs. Control frames stand anywhere."""
    frames: list[Frame] = []
    parts: list[Part] = []
    for opcode, pieces in draw(st.lists(MESSAGE, max_size=4)):
        for number, piece in enumerate(pieces):
            frames += draw(st.lists(CONTROL, max_size=2))
            last = number == len(pieces) - 1
            frames.append(Frame(Opcode.CONT if number else opcode, piece, last))
            parts.append(Part(piece, opcode is Opcode.TEXT, last))
    pings = [bytes(frame.data) for frame in frames if frame.opcode is Opcode.PING]
    return wire(*frames), parts, pings


@given(streams(), st.lists(st.integers(1, 2000), max_size=20))
def test_parts_and_pongs_are_the_same_however_the_bytes_are_cut(
    stream: tuple[bytes, list[Part], list[bytes]], places: list[int]
) -> None:
    data, parts, pings = stream
    client, server = opened()
    for piece in cut(data, places):
        client.feed(piece)
    assert told(client) == parts
    assert client.end is None
    assert [bytes(frame.data) for frame in heard(server, client) if frame.opcode is Opcode.PONG] == pings


def test_frames_cut_at_every_byte() -> None:
    data = wire(
        Frame(Opcode.TEXT, b"gr", False),
        Frame(Opcode.PING, b"between"),
        Frame(Opcode.CONT, "üße".encode(), True),
        Frame(Opcode.BINARY, bytes(range(256)) * 2),
        Frame(Opcode.CLOSE, Close(4000, "bye").serialize()),
    )
    for place in range(1, len(data)):
        client, server = opened()
        client.feed(data[:place])
        client.feed(data[place:])
        assert b"".join(part.data for part in told(client)) == "grüße".encode() + bytes(range(256)) * 2
        assert client.end == Closed(4000, "bye")
        assert [frame.opcode for frame in heard(server, client)] == [Opcode.PONG, Opcode.CLOSE]


@given(st.binary(max_size=400), st.lists(st.integers(1, 400), max_size=5))
def test_garbage_ends_in_an_error_or_waits_and_never_raises(data: bytes, places: list[int]) -> None:
    client, _ = opened()
    for piece in cut(data, places):
        client.feed(piece)
    client.feed(b"")
    assert isinstance(client.end, (Closed, WebSocketError))


@given(st.binary(max_size=400))
def test_garbage_instead_of_a_handshake_is_a_handshake_error(data: bytes) -> None:
    client = Conversation(URI)
    if data:
        client.feed(data)
    client.feed(b"")
    with pytest.raises(HandshakeError):
        client.opened  # noqa: B018


def answered(response: bytes) -> Conversation:
    client = Conversation(URI)
    client.feed(response)
    return client


@pytest.mark.parametrize("status", [400, 401, 403, 404, 503])
def test_an_http_status_instead_of_101_is_told(status: int) -> None:
    client = answered(b"HTTP/1.1 %d No\r\nContent-Length: 4\r\n\r\nsome" % status)
    with pytest.raises(HandshakeError, match=str(status)) as failed:
        client.opened  # noqa: B018
    assert failed.value.http_status == status


@pytest.mark.parametrize("rest", [b"\r\n", b"Content-Length: 1000\r\n\r\nto be", b"Transfer-Encoding: chunked\r\n\r\n"])
def test_a_refusal_is_told_before_its_body_has_come(rest: bytes) -> None:
    """Which may be as long as the server keeps the connection open."""
    for cut_at in range(1, 20):
        whole = b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\n" + rest
        client = answered(whole[:cut_at])
        assert not client.opened
        client.feed(whole[cut_at:])
        with pytest.raises(HandshakeError, match="401") as failed:
            client.opened  # noqa: B018
        assert failed.value.http_status == 401


def test_a_wrong_accept_key_is_no_web_socket() -> None:
    client = answered(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
    )
    with pytest.raises(HandshakeError, match="Sec-WebSocket-Accept"):
        client.opened  # noqa: B018


def test_frames_right_behind_the_handshake_are_there() -> None:
    client = Conversation(URI, protocols=("chat.v1",))
    server = ServerProtocol(subprotocols=["chat.v1"])  # type: ignore[list-item]
    server.receive_data(client.outgoing())
    server.send_response(server.accept(server.events_received()[0]))  # type: ignore[arg-type]
    server.send_text(b"welcome")
    client.feed(b"".join(server.data_to_send()))
    assert client.opened
    assert client.protocol == "chat.v1"
    assert told(client) == [Part(b"welcome", True, True)]


def test_a_protocol_that_nobody_asked_for_fails_the_handshake() -> None:
    client = Conversation(URI)
    server = ServerProtocol()
    server.receive_data(client.outgoing())
    response = server.accept(server.events_received()[0])  # type: ignore[arg-type]
    response.headers["Sec-WebSocket-Protocol"] = "superchat"
    server.send_response(response)
    client.feed(b"".join(server.data_to_send()))
    with pytest.raises(HandshakeError, match="subprotocol"):
        client.opened  # noqa: B018


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (wire(Frame(Opcode.TEXT, b"\xff\xfe")), 1007),
        (wire(Frame(Opcode.TEXT, b"half \xe2\x82")), 1007),
        (wire(Frame(Opcode.TEXT, b"half \xe2", False), Frame(Opcode.CONT, b"x", True)), 1007),
        (wire(Frame(Opcode.CONT, b"of nothing")), 1002),
        (b"\xc2\x00", 1002),  # a reserved bit
        (b"\x82\x80abcd", 1002),  # masked, by a server
        (b"\x82\x7f\x00\x00\x00\x00\x10\x00\x00\x00", 1009),  # a frame of 256 MiB is announced
        (wire(*[Frame(Opcode.BINARY, bytes(600_000), False), Frame(Opcode.CONT, bytes(600_000), True)]), 1009),
    ],
    ids=["no utf-8", "half a character", "broken character", "no beginning", "rsv", "masked", "huge frame", "huge message"],
)
def test_what_a_server_must_not_send_fails_the_connection_with_its_code(data: bytes, code: int) -> None:
    client, server = opened()
    client.feed(data)
    assert isinstance(client.end, WebSocketError)
    assert client.end.code == code
    assert [Close.parse(frame.data).code for frame in heard(server, client)] == [code]
    with pytest.raises(WebSocketError):
        client.send(b"too late")


def test_a_stream_takes_binary_messages_alone() -> None:
    client, _ = opened(accepts_text=False)
    client.feed(wire(Frame(Opcode.BINARY, b"yes"), Frame(Opcode.TEXT, b"no"), Frame(Opcode.BINARY, b"behind")))
    assert told(client) == [Part(b"yes", False, True)]
    assert isinstance(client.end, WebSocketError)
    assert client.end.code == 1003


def test_the_end_of_the_stream_without_a_close_frame_is_an_error() -> None:
    client, _ = opened()
    client.feed(wire(Frame(Opcode.BINARY, b"last words")) + b"\x82")
    client.feed(b"")
    assert told(client) == [Part(b"last words", False, True)]
    assert isinstance(client.end, WebSocketError)
    assert client.end.code == 1006


def test_a_close_between_two_fragments_is_answered_with_its_code() -> None:
    """A control frame may stand there (section 5.4)."""
    client, server = opened()
    client.feed(wire(Frame(Opcode.TEXT, b"half a mess", False), Frame(Opcode.CLOSE, Close(1000, "").serialize())))
    assert told(client) == [Part(b"half a mess", True, False)]
    assert client.end == Closed(1000, "")
    assert [Close.parse(frame.data).code for frame in heard(server, client)] == [1000]


def test_close_frames_of_both_ends_cross() -> None:
    client, server = opened()
    client.close(1000, "done")
    server.send_close(1001, "away")
    client.feed(b"".join(server.data_to_send()))
    assert client.end == Closed(1001, "away")
    assert [frame.opcode for frame in heard(server, client)] == [Opcode.CLOSE], "it does not answer with a second one"


def test_an_app_sends_messages_whole_and_in_parts() -> None:
    client, server = opened()
    client.send("grüße".encode(), text=True)
    client.send(b"one", last=False)
    client.ping(b"between")
    client.send(b"two")
    frames = heard(server, client)
    assert [(frame.opcode, bytes(frame.data), frame.fin) for frame in frames] == [
        (Opcode.TEXT, "grüße".encode(), True),
        (Opcode.BINARY, b"one", False),
        (Opcode.PING, b"between", True),
        (Opcode.CONT, b"two", True),
    ]
    client.feed(b"".join(server.data_to_send()))
    assert list(client.pongs) == [b"between"]
    assert not client.waiting, "a pong is nothing for the app"


@pytest.mark.parametrize("data", ["text", 7, None, [b"x"]])
def test_what_is_no_bytes_is_refused_and_leaves_nothing_begun(data: Any) -> None:
    client, server = opened()
    with pytest.raises(TypeError):
        client.send(data, last=False)
    client.send(b"whole")
    assert [(frame.opcode, bytes(frame.data)) for frame in heard(server, client)] == [(Opcode.BINARY, b"whole")]


def test_an_app_sends_no_text_that_the_server_would_refuse() -> None:
    """A character may lie in two parts, and a part that is refused may be sent right."""
    client, server = opened()
    with pytest.raises(HostError):
        client.send(b"\xff", text=True)
    with pytest.raises(HostError):
        client.send(b"half \xc3", text=True)
    client.send(b"gr\xc3", text=True, last=False)
    with pytest.raises(HostError):
        client.send(b"x", last=True)
    client.send(b"\xbcn")
    assert b"".join(bytes(frame.data) for frame in heard(server, client)).decode() == "gr\u00fcn"
    client.send(b"\xff")  # binary


def test_masks_are_fresh_for_each_frame() -> None:
    client, _ = opened()
    masks = set()
    for _number in range(50):
        client.send(b"x")
        masks.add(client.outgoing()[2:6])
    assert len(masks) == 50


@pytest.mark.parametrize(("code", "reason"), [(999, ""), (1001, ""), (1005, ""), (5000, ""), (1000, "x" * 124), (1000, "ü" * 62)])
def test_an_app_closes_with_a_code_that_is_its_own_and_a_reason_that_fits(code: int, reason: str) -> None:
    with pytest.raises(HostError) as refused:
        check_close(code, reason)
    assert refused.value.hresult is HResult.INVALID_ARG


@pytest.mark.parametrize(("code", "reason"), [(1000, ""), (3000, "x" * 123), (4999, "ü" * 61)])
def test_what_an_app_may_close_with_reaches_the_server(code: int, reason: str) -> None:
    """The negative control."""
    client, server = opened()
    check_close(code, reason)
    client.close(code, reason)
    (frame,) = heard(server, client)
    assert Close.parse(frame.data) == Close(code, reason)


@pytest.mark.parametrize(
    "uri",
    ["", "server", "http://server/", "ws://", "ws://server/#part", "ws://server:70000/", "ws://server:x/", "ws://s/a b",
     "ws://server/\r\nEvil: yes", "ws://[::1/", "ws://name@server/", "ws://\u2603" + "a" * 64 + "/"],
)  # fmt: skip
def test_a_bad_uri_is_refused(uri: str) -> None:
    with pytest.raises(HostError) as refused:
        parsed(uri)
    assert refused.value.hresult is HResult.INVALID_ARG


def test_no_extension_is_offered() -> None:
    assert b"extensions" not in Conversation(URI).outgoing().lower()


def test_an_extension_that_the_server_insists_on_fails_the_handshake() -> None:
    client = Conversation(URI)
    server = ServerProtocol()
    server.receive_data(client.outgoing())
    response = server.accept(server.events_received()[0])  # type: ignore[arg-type]
    response.headers["Sec-WebSocket-Extensions"] = "permessage-deflate"
    server.send_response(response)
    client.feed(b"".join(server.data_to_send()))
    with pytest.raises(HandshakeError, match="extension"):
        client.opened  # noqa: B018


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Evil": "a\r\nHost: other"},
        {"X-Evil": "a\nb"},
        {"X Evil": "a"},
        {"": "a"},
        {"X-Null": "\0"},
        {"X-Accent": "\u00e9"},
        {"Host": "other"},
        {"sec-websocket-key": "mine"},
        {"Connection": "close"},
        {"Transfer-Encoding": "chunked"},
    ],
)
def test_a_header_that_would_end_a_line_or_say_otherwise_what_the_websocket_says_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(HostError) as refused:
        Conversation(URI, headers=headers)
    assert refused.value.hresult is HResult.INVALID_ARG


@pytest.mark.parametrize("protocols", [("chat v1",), ("",), ("a,b",), ("chat", "chat"), ("x\r\ny",)])
def test_a_sub_protocol_that_is_no_token_is_refused(protocols: tuple[str, ...]) -> None:
    with pytest.raises(HostError) as refused:
        Conversation(URI, protocols=protocols)
    assert refused.value.hresult is HResult.INVALID_ARG


def test_headers_of_the_app_reach_the_server() -> None:
    """The negative control."""
    client = Conversation(URI, headers={"Authorization": "Bearer 12", "X-Room": "1"})
    server = ServerProtocol()
    server.receive_data(client.outgoing())
    request = server.events_received()[0]
    assert request.headers["Authorization"] == "Bearer 12"  # type: ignore[union-attr]
