"""How soon the machines of a topology send again what nobody acknowledged."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from rig.net import retransmission, topology, userns
from rig.net.network import Network

PORT = 5000
FAMILIES = pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6], ids=["ipv4", "ipv6"])


@contextmanager
def accepted(net: Network, family: int) -> Iterator[tuple[socket.socket, socket.socket]]:
    """(host's end, server's end)."""
    address = net.topology.server.ip6 if family == socket.AF_INET6 else net.topology.server.ip4
    with net.server.socket(family, socket.SOCK_STREAM) as listener, net.host.socket(family, socket.SOCK_STREAM) as client:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, PORT))
        listener.listen()
        client.settimeout(5)
        client.connect((address, PORT))
        server, _ = listener.accept()
        with server:
            yield client, server


def timeout_ms(sock: socket.socket) -> float:
    """Of the next segment (struct tcp_info: tcpi_rto, in µs)."""
    rto_us: int = struct.unpack_from("=I", sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104), 8)[0]
    return rto_us / 1000


@FAMILIES
@pytest.mark.parametrize("name", ["dual-stack", "routed"])
def test_the_peers_wait_for_a_busy_machine_and_the_host_is_as_ever(name: str, family: int) -> None:
    if not userns.privileged():
        pytest.skip(userns.refusal().cause)
    with Network(topology.load(name)) as net, accepted(net, family) as (client, server):
        assert timeout_ms(server) >= retransmission.PATIENT_MS
        assert retransmission.KERNELS_OWN_MS <= timeout_ms(client) < 2 * retransmission.KERNELS_OWN_MS


@FAMILIES
@pytest.mark.parametrize("name", ["dual-stack", "routed"])
def test_a_test_of_retransmission_gets_the_kernels_own_time(name: str, family: int) -> None:
    if not userns.privileged():
        pytest.skip(userns.refusal().cause)
    with Network(topology.load(name)) as net:
        net.set_least_retransmission(retransmission.KERNELS_OWN_MS)
        with accepted(net, family) as (_, server):
            assert timeout_ms(server) < 2 * retransmission.KERNELS_OWN_MS
