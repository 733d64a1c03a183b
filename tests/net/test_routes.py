"""Networks with routers: who reaches whom, over which MAC addresses, and what a NAT shows, remembers and forgets."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from rig.clock import WAIT_S, Deadline
from rig.errors import BenchError
from rig.net import links, nat, topology, userns
from rig.net.network import Network
from rig.net.tcp_info import TCP_ESTABLISHED, tcp_info

PORT = 5000
SYN_POOL = range(nat.FIRST_PORTS[0], nat.FIRST_PORTS[1] + 1)


@contextmanager
def network(name: str) -> Iterator[Network]:
    if not userns.privileged():
        pytest.skip(userns.refusal().cause)
    with Network(topology.load(name)) as built:
        yield built


@contextmanager
def connected(net: Network, family: int = socket.AF_INET) -> Iterator[tuple[socket.socket, socket.socket, tuple[str, int]]]:
    """(host's end, server's end, what the server sees of the host)."""
    address = net.topology.server.ip6 if family == socket.AF_INET6 else net.topology.server.ip4
    with net.server.socket(family, socket.SOCK_STREAM) as listener, net.host.socket(family, socket.SOCK_STREAM) as client:
        listener.bind((address, PORT))
        listener.listen()
        client.settimeout(5)
        client.connect((address, PORT))
        accepted, seen = listener.accept()
        with accepted:
            accepted.settimeout(5)
            yield client, accepted, seen[:2]


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6], ids=["ipv4", "ipv6"])
def test_the_server_is_reached_through_the_gateway_alone(family: int) -> None:
    with network("routed") as net, net.capture() as capture:
        plan = net.topology
        with connected(net, family) as (client, accepted, seen):
            assert seen[0] == (plan.host.ip6 if family == socket.AF_INET6 else plan.host.ip4)
            client.sendall(b"hello")
            assert accepted.recv(5) == b"hello"
        ether_type = b"\x86\xdd" if family == socket.AF_INET6 else b"\x08\x00"
        protocol_at = 20 if family == socket.AF_INET6 else 23
        for port, pair in {plan.host.port: (plan.host, plan.next_hop), plan.server.port: (plan.last_hop, plan.server)}.items():
            tcp = [f.data for f in capture.frames(port) if f.data[12:14] == ether_type and f.data[protocol_at] == 6]
            macs = {frozenset((data[:6].hex(":"), data[6:12].hex(":"))) for data in tcp}
            assert macs == {frozenset(leg.mac for leg in pair)}, port
        assert not [f for f in capture.frames("p-standby") if f.data[6:8] == b"\x02\x00" and f.data[protocol_at] == 6]


def test_behind_a_nat_the_server_sees_the_gateway(tmp_path: Path) -> None:
    with network("nat") as net, connected(net) as (_, _, seen):
        assert seen[0] == "198.51.100.1"
        assert seen[1] in SYN_POOL


def established_s(net: Network) -> int:
    assert net.topology.next_hop.nat is not None
    return net.topology.next_hop.nat.established_s


def test_a_nat_remembers_what_is_in_use() -> None:
    """Something every half second for half again as long: still connected. The control is the test below."""
    with network("nat") as net, connected(net) as (client, accepted, _):
        for _ in range(3 * established_s(net)):
            time.sleep(0.5)  # the kernel's own clock is what is tested
            client.sendall(b"x")
            assert accepted.recv(1) == b"x"


@pytest.mark.parametrize(("name", "resets"), [("nat", True), ("nat-drop", False)])
def test_a_nat_forgets_and_then_resets_or_drops(name: str, resets: bool) -> None:
    with network(name) as net, connected(net) as (client, accepted, _):
        client.sendall(b"x")
        assert accepted.recv(1) == b"x"
        time.sleep(established_s(net) + 0.5)  # as above
        client.sendall(b"y")
        if resets:
            with pytest.raises(ConnectionResetError):
                client.recv(1)
        else:
            deadline = Deadline(WAIT_S)
            while tcp_info(client).retransmits < 2:
                assert not deadline.expired
                time.sleep(0.02)
            assert tcp_info(client).state == TCP_ESTABLISHED
        assert tcp_info(accepted).bytes_received == 1


def test_a_kernel_without_nat_refuses_the_topology_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the setting is not to be seen from a user namespace: the network is not made, and nothing of it stays."""
    monkeypatch.setattr(nat, "SYSCTLS", "net/no-such-filter")
    with pytest.raises(BenchError, match="RIG-N12 the kernel has no address translation") as caught, network("nat"):
        pytest.fail("the network was made")
    assert "modprobe" in caught.value.fix


def test_the_second_gateway_works_as_well() -> None:
    with network("routed") as net:
        standby = net.topology.hosts["standby"]
        assert standby.far is not None
        net.host.run(partial(_replace_default, standby.ip4))
        net.server.run(partial(_replace_default, standby.far.ip4))
        with net.unplugged("router"), connected(net) as (client, accepted, _):
            client.sendall(b"hello")
            assert accepted.recv(5) == b"hello"


def _replace_default(gateway: str) -> None:
    with links.rtnetlink() as route:
        route.route("replace", dst="0.0.0.0/0", gateway=gateway)
