"""Shaped cables between real kernels: what they lose, keep and hold back, counted by the kernels on both sides."""

from __future__ import annotations

import os
import random
import socket
import struct
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from rig.clock import Deadline
from rig.errors import UsageError
from rig.inject.frames import tagged
from rig.net import counters, topology
from rig.net.network import Network
from rig.net.shaping import netem
from rig.net.shaping.shape import PLAIN, Shape

PORT = 4711
WAIT_S = 10.0
CHUNK = 1 << 18


@contextmanager
def datagrams(network: Network) -> Iterator[tuple[socket.socket, socket.socket]]:
    """(of the server, connected to the host's; of the host)"""
    with (
        network.server.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
        network.host.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver,
    ):
        receiver.bind((network.topology.host.ip4, PORT))
        receiver.settimeout(WAIT_S)
        sender.connect((network.topology.host.ip4, PORT))
        yield sender, receiver


def test_what_a_lossy_cable_loses_is_missing_at_the_other_end_and_the_rest_came(flat: Network) -> None:
    with datagrams(flat) as (sender, receiver):
        sender.send(b"?")  # so that no ARP is among what is counted
        assert receiver.recv(1) == b"?"
        flat.cables.shape("server", Shape(loss_percent=20))
        before, lost_before = counters.read(flat.host)["IpInReceives"], flat.cables.passed("server")["from_machine"].lost
        for _ in range(500):
            sender.send(b"x")
        deadline = Deadline(WAIT_S)
        while not deadline.expired:
            lost = flat.cables.passed("server")["from_machine"].lost - lost_before
            came = counters.read(flat.host)["IpInReceives"] - before
            if came + lost >= 500:
                break
            deadline.pause()
    assert came + lost == 500
    assert 50 <= lost <= 150


def test_a_delay_is_at_least_that_long_and_the_order_stays_for_all_its_jitter(flat: Network) -> None:
    flat.cables.shape("server", Shape(delay_ms=50, jitter_ms=20))
    with datagrams(flat) as (sender, receiver):
        sender.send(b"first")
        receiver.recv(100)
        sent_s = time.monotonic()
        for number in range(100):
            sender.send(bytes([number]))
        numbers = [receiver.recv(100)[0] for _ in range(100)]
    assert time.monotonic() - sent_s >= 0.03
    assert numbers == list(range(100))


def test_a_slow_cable_carries_no_more_bytes_in_a_time(flat: Network) -> None:
    """By the host's own counters: it may be slower on a busy machine, and never faster."""
    flat.cables.shape("server", Shape(rate_kbit=4000))
    with datagrams(flat) as (sender, receiver):
        sender.send(b"first")
        receiver.recv(100)
        began_s, before = time.monotonic(), received_bytes(flat)
        for _ in range(60):
            sender.send(bytes(1000))
        for _ in range(60):
            receiver.recv(2000)
        came = received_bytes(flat) - before
        took_s = time.monotonic() - began_s  # all of the time in which the bytes were counted
    assert came >= 60 * 1042
    assert came * 8 / took_s <= 4_000_000 * 1.02


def received_bytes(network: Network) -> int:
    line = next(line for line in network.host.read_text("/proc/thread-self/net/dev").splitlines() if "eth0:" in line)
    return int(line.partition(":")[2].split()[0])


def received(sock: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        data += sock.recv(count - len(data))
    return data


def test_it_is_turned_while_a_transfer_runs_and_no_byte_is_missing_or_doubled(flat: Network) -> None:
    flat.set_least_retransmission(200)
    data = random.Random(1).randbytes(CHUNK * 6)
    with (
        flat.server.socket(socket.AF_INET, socket.SOCK_STREAM) as listener,
        flat.host.socket(socket.AF_INET, socket.SOCK_STREAM) as client,
        ThreadPoolExecutor(1) as other,
    ):
        listener.bind((flat.topology.server.ip4, PORT))
        listener.listen()
        client.settimeout(WAIT_S)
        client.connect(listener.getsockname())
        connection, _ = listener.accept()
        with connection:
            sent = other.submit(connection.sendall, data)
            came = bytearray()
            for shape in (Shape(delay_ms=2, loss_percent=1), Shape(rate_kbit=50_000), PLAIN, Shape(delay_ms=1), PLAIN, PLAIN):
                flat.cables.shape("server", shape)
                came += received(client, CHUNK)
            sent.result()
    assert came == data


def test_a_cable_without_a_shape_is_the_plain_one_again(flat: Network) -> None:
    assert flat.cables.passed("server") == {}
    flat.cables.shape("server", Shape(loss_percent=100))
    flat.cables.shape("server", PLAIN)
    assert flat.cables.passed("server") == {}
    with datagrams(flat) as (sender, receiver):
        sender.send(b"here")
        assert receiver.recv(100) == b"here"
    assert not any(port.startswith(("sps", "ips")) for port in ports(flat))


def test_all_is_lost_of_a_cable_that_loses_all(flat: Network) -> None:
    """The control."""
    with datagrams(flat) as (sender, receiver):
        sender.send(b"before")
        assert receiver.recv(100) == b"before"
        flat.cables.shape("server", Shape(loss_percent=100))
        sender.send(b"lost")
        deadline = Deadline(WAIT_S)
        while not flat.cables.passed("server")["from_machine"].lost and not deadline.expired:
            deadline.pause()
        flat.cables.shape("server", PLAIN)
        sender.send(b"after")
        assert receiver.recv(100) == b"after"


def ports(network: Network) -> list[str]:
    return network.wire.run(lambda: [name for _index, name in socket.if_nameindex()])


def test_an_unplugged_machine_is_unplugged_with_a_shaped_cable_too(flat: Network) -> None:
    flat.cables.shape("server", Shape(delay_ms=1))
    with datagrams(flat) as (sender, receiver):
        sender.send(b"before")
        assert receiver.recv(100) == b"before"
        before = flat.cables.passed("server")["from_machine"].frames
        with flat.unplugged("server"):
            sender.send(b"lost")
            deadline = Deadline(WAIT_S)
            while flat.cables.passed("server")["from_machine"].frames == before and not deadline.expired:
                deadline.pause()
            flat.cables.shape("server", PLAIN)
            sender.send(b"lost too")
        sender.send(b"after")
        assert receiver.recv(100) == b"after"


def test_a_tagged_frame_keeps_its_tag(flat: Network) -> None:
    flat.cables.shape("server", Shape(delay_ms=1))
    frame = tagged(bytes.fromhex("ffffffffffff 020000000120 88b5") + bytes(50), 7)
    with flat.capture() as capture, flat.server.packet_socket("eth0", receive=False) as sock:
        sock.send(frame)
        capture.wait_for("ph", lambda data: data == frame, timeout_s=WAIT_S)


def test_the_cable_of_the_host_and_of_nobody_cannot_be_shaped(flat: Network) -> None:
    for name in ("host", "nobody"):
        with pytest.raises(UsageError, match=f"RIG-C20 there is no cable of '{name}' to shape\n  fix: one of server"):
            flat.cables.shape(name, Shape(delay_ms=1))


def test_a_topology_may_have_a_shaped_cable() -> None:
    with Network(topology.load("mobile")) as network:
        assert network.cables.shape_of("server") == Shape(loss_percent=0.5, delay_ms=30, jitter_ms=10, rate_kbit=8000)
        assert set(network.cables.passed("server")) == {"to_machine", "from_machine"}
        children = children_of_this_process()
    assert children
    assert not any(Path(f"/proc/{pid}").exists() for pid in children)


def children_of_this_process() -> set[int]:
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes()
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            if b"rig.net.shaping.forwarder" in command and parent == os.getpid():
                found.add(int(entry.name))
    return found


def test_what_the_kernel_is_asked_for_where_it_has_netem() -> None:
    """The numbers are those that tc(8) of iproute2 6.1 sends for `netem delay 10ms 2ms loss 1% rate 100kbit`; the times in ns."""
    options = netem.options(Shape(delay_ms=10, jitter_ms=2, loss_percent=1, rate_kbit=100))
    latency, limit, loss, gap, duplicate, jitter = struct.unpack_from("=6I", options)
    assert (latency, loss, gap, duplicate, jitter) == (0, 0x028F5C29, 0, 0, 0)
    assert limit == Shape(delay_ms=10, jitter_ms=2, rate_kbit=100).limit_frames
    assert options[24:] == (
        struct.pack("=HHq", 12, 10, 10_000_000)
        + struct.pack("=HHq", 12, 11, 2_000_000)
        + struct.pack("=HHIiIi", 20, 6, 12_500, 0, 0, 0)
        + struct.pack("=HHQ", 12, 8, 12_500)
    )
