"""The scripted WebSocket server, against the library's own client on a real network."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed, ConnectionClosedOK, InvalidHandshake, InvalidStatus
from websockets.frames import Opcode
from websockets.protocol import State
from websockets.sync.client import ClientConnection, connect

from rig.net.network import Network
from rig.peers.authority import Authority
from rig.peers.websocket import WebSocketServer
from rig.peers.websocket_frames import FrameReader, frame
from rig.timeline import Timeline

Dial = Callable[[WebSocketServer], ClientConnection]


@pytest.fixture
def server(network: Network, timeline: Timeline) -> Iterator[WebSocketServer]:
    plan = network.topology.server
    with WebSocketServer(network.namespaces[plan.name], plan.ip4, timeline.writer("server")) as made:
        yield made


@pytest.fixture
def dial(network: Network) -> Dial:
    """A client on the host's machine."""

    def dialled(server: WebSocketServer) -> ClientConnection:
        return connect(server.url("/inbox"), sock=plain_socket(network, server), compression=None, ping_interval=None)

    return dialled


def plain_socket(network: Network, server: WebSocketServer) -> socket.socket:
    sock = network.host.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.settimeout(10)
    sock.connect((server.address, server.port))
    return sock


def ending_of(client: ClientConnection) -> ConnectionClosed:
    with pytest.raises(ConnectionClosed) as closed:
        client.recv(10)
    return closed.value


def test_it_pushes_messages_whole_and_in_fragments(server: WebSocketServer, dial: Dial) -> None:
    with dial(server) as client:
        assert server.connection().wait_request().path == "/inbox"
        server.connection().push_text("grüß dich")
        server.push(b"\x00\xff")
        server.connection().push_fragments([b"one ", b"two ", b"three"], text=True)
        assert [client.recv(10) for _ in range(3)] == ["grüß dich", b"\x00\xff", "one two three"]


def test_it_keeps_every_frame_as_it_came(server: WebSocketServer, dial: Dial, timeline: Timeline) -> None:
    with dial(server) as client:
        client.send("hello")
        client.send(b"x" * 70_000)
        client.send(["a", "b"])
        connection = server.connection()
        connection.wait_frame(count=5)
        kept = [(one.opcode, one.payload, one.fin, one.reserved, one.masked) for one in connection.received()]
        assert kept == [
            (Opcode.TEXT, b"hello", True, 0, True),
            (Opcode.BINARY, b"x" * 70_000, True, 0, True),
            (Opcode.TEXT, b"a", False, 0, True),
            (Opcode.CONT, b"b", False, 0, True),
            (Opcode.CONT, b"", True, 0, True),
        ]
        assert len({one.mask for one in connection.received()}) == 5
        assert timeline.find("PEER_FRAME", masked=True, frame="TEXT b'hello'")


def test_it_answers_pings_and_counts_pongs(server: WebSocketServer, dial: Dial) -> None:
    with dial(server) as client:
        assert client.ping(b"from the host").wait(10)
        connection = server.connection()
        assert connection.wait_frame(Opcode.PING).payload == b"from the host"
        connection.ping(b"from the server")
        assert connection.wait_frame(Opcode.PONG).payload == b"from the server"


def test_pings_may_go_without_an_answer(server: WebSocketServer, dial: Dial) -> None:
    server.manners.answers_pings = False
    with dial(server) as client:
        pong = client.ping(b"anyone?")
        server.connection().wait_frame(Opcode.PING)
        server.push(b"something else")
        assert client.recv(10) == b"something else"
        assert not pong.is_set()


def test_either_side_closes_with_a_code(server: WebSocketServer, dial: Dial) -> None:
    with dial(server) as client:
        server.connection().close_with(4001, "enough")
        closed = ending_of(client)
    assert closed.rcvd is not None
    assert (closed.rcvd.code, closed.rcvd.reason) == (4001, "enough")
    assert server.connection().close_code == 4001
    with dial(server) as client:
        client.close(1001)
    server.connection(1).wait_closed()
    assert (server.connection(1).close_code, server.connection(1).error) == (1001, None)


@pytest.mark.parametrize("status", [401, 404, 503])
def test_it_refuses_with_a_status(server: WebSocketServer, dial: Dial, status: int) -> None:
    server.manners.status = status
    server.manners.headers = {"Retry-After": "7"}
    with pytest.raises(InvalidStatus) as refused:
        dial(server)
    assert refused.value.response.status_code == status
    assert refused.value.response.headers["Retry-After"] == "7"


def test_it_answers_with_a_wrong_key(server: WebSocketServer, dial: Dial) -> None:
    server.manners.accept_key = "bm90IHRoZSByaWdodCBvbmU="
    with pytest.raises(InvalidHandshake, match="Sec-WebSocket-Accept"):
        dial(server)


def test_it_holds_its_answer_until_it_is_told(server: WebSocketServer, network: Network) -> None:
    server.manners.holds_handshake = True
    sock = plain_socket(network, server)
    sock.sendall(
        b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    connection = server.connection()
    connection.wait_request()
    sock.setblocking(False)
    with pytest.raises(BlockingIOError):
        sock.recv(1)
    connection.release()
    connection.wait_open()
    sock.settimeout(10)
    assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in sock.recv(4096)


def test_what_is_no_websocket_is_told_apart(server: WebSocketServer, network: Network, dial: Dial) -> None:
    """The judge is the library: an unmasked frame of a client's is an error (RFC 6455, section 5.1)."""
    with dial(server) as client:
        client.socket.sendall(frame(Opcode.TEXT, b"bare"))
        closed = ending_of(client)
    assert closed.rcvd is not None
    assert closed.rcvd.code == 1002
    assert [one.masked for one in server.connection().received(Opcode.TEXT)] == [False]
    assert "masking" in str(server.connection().error)
    sock = plain_socket(network, server)
    sock.sendall(b"no request\r\n\r\n")
    assert sock.recv(100) == b""
    assert server.connection(1).error is not None


def test_it_sends_what_the_protocol_forbids(server: WebSocketServer, dial: Dial) -> None:
    with dial(server) as client:
        server.connection().push_raw(frame(0x3, b"reserved"))
        closed = ending_of(client)
    assert closed.sent is not None
    assert closed.sent.code == 1002
    assert server.connection().wait_frame(Opcode.CLOSE).payload[:2] == (1002).to_bytes(2, "big")


@pytest.mark.parametrize("ending", ["finish", "reset"])
def test_it_ends_without_a_word(server: WebSocketServer, dial: Dial, ending: str) -> None:
    with dial(server) as client:
        getattr(server.connection(), ending)()
        closed = ending_of(client)
    assert closed.rcvd is None


def test_over_tls(network: Network, timeline: Timeline, tmp_path: Path) -> None:
    plan = network.topology.server
    authority = Authority(tmp_path / "trusted.pem")
    namespace, context = network.namespaces[plan.name], authority.server_context(plan.ip4)
    with WebSocketServer(namespace, plan.ip4, timeline.writer("server"), tls=context) as server:
        trusting = ssl.create_default_context(cafile=str(authority.trusted))
        with connect(server.url(), sock=plain_socket(network, server), ssl=trusting, compression=None) as client:
            assert server.url().startswith("wss://")
            data = os.urandom(300_000)
            server.push(data)
            assert client.recv(10) == data
            client.send(data)
            assert server.connection().wait_frame(Opcode.BINARY).payload == data
        assert client.state is State.CLOSED
        server.connection().wait_closed()
        assert server.connection().error is None
        with pytest.raises(ssl.SSLCertVerificationError):
            connect(server.url(), sock=plain_socket(network, server), ssl=ssl.create_default_context())
        server.connection(1).wait_closed()
        assert server.connection(1).stream.error is not None  # type: ignore[union-attr]


def test_a_closed_websocket_is_over_for_the_library(server: WebSocketServer, dial: Dial) -> None:
    with dial(server) as client:
        server.connection().close_with(1000)
        closed = ending_of(client)
    assert isinstance(closed, ConnectionClosedOK)


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536])
@pytest.mark.parametrize("mask", [b"", b"\x01\x02\x03\xff"])
def test_frames_read_back_whatever_pieces_they_come_in(size: int, mask: bytes) -> None:
    payload = os.urandom(size)
    data = frame(Opcode.BINARY, payload, fin=False, reserved=5, mask=mask) * 2
    reader = FrameReader()
    found = [one for start in range(0, len(data), 1009) for one in reader.feed(data[start : start + 1009])]
    assert [(one.opcode, one.payload, one.fin, one.reserved, one.mask) for one in found] == [(2, payload, False, 5, mask)] * 2
