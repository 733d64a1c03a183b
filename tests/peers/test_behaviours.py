"""Peers that nobody scripts: echo, slow, not reading, resetting; and the datagram peer."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from rig.net.network import Network
from rig.peers import PushServer, behaviour
from rig.peers.udp import UdpPeer
from rig.timeline import Timeline


@pytest.fixture
def server(network: Network, timeline: Timeline) -> Iterator[PushServer]:
    plan = network.topology.server
    with PushServer(network.namespaces[plan.name], plan.ip4, timeline.writer("server")) as made:
        yield made


def client_of(network: Network, server: PushServer) -> socket.socket:
    sock = network.host.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.settimeout(10)
    sock.connect((server.address, server.port))
    return sock


def read_exactly(sock: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count and (more := sock.recv(count - len(data))):
        data += more
    return data


def test_an_echo_says_it_again(network: Network, server: PushServer) -> None:
    server.on_accept = behaviour.echo
    with client_of(network, server) as sock:
        sock.sendall(b"hello")
        assert read_exactly(sock, 5) == b"hello"


def test_a_slow_echo_takes_its_time(network: Network, server: PushServer) -> None:
    server.on_accept = behaviour.slow_echo(0.02, piece_bytes=2)
    with client_of(network, server) as sock:
        began_s = time.monotonic()
        sock.sendall(b"abcdef")
        assert read_exactly(sock, 6) == b"abcdef"
        assert time.monotonic() - began_s >= 3 * 0.02


def test_one_that_does_not_read_fills_the_hosts_buffer(network: Network, server: PushServer) -> None:
    server.on_accept = behaviour.not_reading
    data = bytes(1 << 20)
    with client_of(network, server) as sock:
        sock.setblocking(False)
        sent = 0
        with suppress(BlockingIOError):
            while sent < 100 * len(data):
                sent += sock.send(data)
        assert sent < 100 * len(data)
        assert server.connection().received == b""
        server.connection().go_on_reading()
        server.connection().wait_received(sent)


def test_one_that_resets_waits_for_data(network: Network, server: PushServer) -> None:
    server.on_accept = behaviour.resetting
    with client_of(network, server) as sock:
        sock.sendall(b"x")
        with pytest.raises(ConnectionResetError):
            sock.recv(1)


def test_one_that_resets_at_once_does_not_wait(network: Network, server: PushServer) -> None:
    """Maybe before the client's connect has returned."""
    server.on_accept = behaviour.resetting_at_once
    with pytest.raises(ConnectionResetError):
        client_of(network, server).recv(1)


def test_one_that_greets_speaks_first(network: Network, server: PushServer) -> None:
    server.on_accept = behaviour.greeting(b"220 ready\r\n")
    with client_of(network, server) as sock:
        assert read_exactly(sock, 11) == b"220 ready\r\n"


def test_whoever_is_answered_has_been_counted(network: Network, server: PushServer) -> None:
    """A test that counts before and after would otherwise take one connection for another."""
    server.on_accept = behaviour.greeting(b"!")
    for number in range(1, 51):
        with client_of(network, server) as sock:
            assert read_exactly(sock, 1) == b"!"
            assert len(server.connections) == number


def test_the_datagram_peer_keeps_answers_and_sends(network: Network, timeline: Timeline) -> None:
    plan = network.topology.server
    with UdpPeer(network.namespaces[plan.name], plan.ip4, timeline.writer("server")) as peer:
        peer.responder = lambda data: [data.upper(), b"and more"]
        sock = network.host.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.settimeout(10)
        sock.sendto(b"hello", (peer.address, peer.port))
        assert [sock.recv(100), sock.recv(100)] == [b"HELLO", b"and more"]
        first = peer.wait_received()
        assert (first.data, first.sender[0]) == (b"hello", network.topology.host.ip4)
        peer.send(b"", first.sender)
        assert sock.recv(100) == b""
        sock.close()
        peer.send(b"to nobody", first.sender)
        other = network.host.socket(socket.AF_INET, socket.SOCK_DGRAM)
        other.sendto(b"", (peer.address, peer.port))
        assert peer.wait_received(2).data == b""
        other.close()
