"""The push server over TLS, against Python's own client."""

from __future__ import annotations

import os
import socket
import ssl
from pathlib import Path

import pytest

from rig.net.network import Network
from rig.peers import PushServer
from rig.peers.authority import Authority
from rig.timeline import Timeline


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_it_reads_and_writes_at_once_and_ends_with_a_close_notify(
    network: Network, timeline: Timeline, tmp_path: Path, newest: ssl.TLSVersion
) -> None:
    plan, authority = network.topology.server, Authority(tmp_path / "trusted.pem")
    context = authority.server_context(plan.ip4, newest=newest)
    data = os.urandom(1 << 20)
    with PushServer(network.namespaces[plan.name], plan.ip4, timeline.writer("server"), tls=context) as server:
        trusting = ssl.create_default_context(cafile=str(authority.trusted))
        sock = network.host.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.settimeout(10)
        sock.connect((server.address, server.port))
        with trusting.wrap_socket(sock, server_hostname=server.address) as client:
            server.connection().responder = lambda piece: [piece]
            echoed = bytearray()
            for start in range(0, len(data), 16_384):
                client.sendall(data[start : start + 16_384])
                while len(echoed) < start + 16_384:
                    echoed += client.recv(65536)
            assert echoed == data
            server.connection().finish()
            assert client.recv(1) == b""
            client.close()
        server.connection().wait_closed()
        assert server.connection().received == data


def test_behind_an_alert_of_the_hosts_a_push_is_an_error_of_the_stream(
    network: Network, timeline: Timeline, tmp_path: Path
) -> None:
    """As on a plain connection that was reset: whoever answers in the background takes no notice."""
    plan, authority = network.topology.server, Authority(tmp_path / "trusted.pem")
    context = authority.server_context(plan.ip4)
    with PushServer(network.namespaces[plan.name], plan.ip4, timeline.writer("server"), tls=context) as server:
        sock = network.host.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.settimeout(10)
        sock.connect((server.address, server.port))
        with pytest.raises(ssl.SSLCertVerificationError):
            ssl.create_default_context().wrap_socket(sock, server_hostname=server.address)
        server.connection().wait_closed()
        with pytest.raises(OSError, match="alert unknown ca"):
            server.connection().push(b"too late")
