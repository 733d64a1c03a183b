"""The WebSocket server that is none of Python's, and nginx before it."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.sync.client import connect

from rig.errors import BenchError
from rig.net.network import Network
from rig.peers.authority import Authority
from rig.peers.mirror import SUBPROTOCOL, Mirror
from rig.peers.nginx import BEHIND, Nginx
from rig.suite.programs import started
from rig.timeline import Timeline


@pytest.fixture
def mirror(network: Network, timeline: Timeline) -> Iterator[Mirror]:
    plan = network.topology.server
    with started(lambda: Mirror(network.namespaces[plan.name], plan.ip4, timeline.writer("server"))) as made:
        yield made


def test_what_one_says_the_other_hears(network: Network, mirror: Mirror) -> None:
    sock = network.host.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.connect((mirror.address, mirror.port))
    with connect(mirror.url(), sock=sock, subprotocols=[SUBPROTOCOL], compression=None) as client:
        mirror.push_text("from the test")
        assert client.recv(10) == "from the test"
        client.send("from the host")
        mirror.wait_text("from the host")
        assert client.ping(b"alive?").wait(10)


def test_one_that_ends_at_once_says_so(network: Network, timeline: Timeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rig.peers.mirror.find", lambda *_: "false")
    plan = network.topology.server
    with pytest.raises(BenchError, match="RIG-T07"):
        Mirror(network.namespaces[plan.name], plan.ip4, timeline.writer("server"))


def test_with_nginx_before_it_it_is_secure(network: Network, timeline: Timeline, mirror: Mirror, tmp_path: Path) -> None:
    namespace, authority = network.namespaces[network.topology.server.name], Authority(tmp_path / "trusted.pem")
    pem = authority.server_pem(mirror.address)
    peer, where = (mirror.address, mirror.port), (namespace, mirror.address, timeline.writer("server"))
    with started(lambda: Nginx(*where, tmp_path / "n", peer=peer, pem=pem)) as nginx:
        sock = network.host.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.connect((nginx.address, nginx.port))
        trusting = ssl.create_default_context(cafile=str(authority.trusted))
        with connect(nginx.url(BEHIND, "ws"), sock=sock, ssl=trusting, subprotocols=[SUBPROTOCOL], compression=None) as client:
            client.send("sealed")
            mirror.wait_text("sealed")


def test_it_ends_when_it_is_closed(mirror: Mirror) -> None:
    pid = mirror.pid
    mirror.close()
    assert not Path(f"/proc/{pid}").exists()
