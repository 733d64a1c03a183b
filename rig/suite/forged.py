"""A TCP connection of two real kernels whose sequence numbers a test chose, and a standby entry made by hand for it.

Both sockets are made in repair mode (as checkpoint and restore does): numbers set, bound, "connected" without a packet.
Used where a case needs numbers that a handshake would give once in four billion tries.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rig.bench import Bench
from rig.clock import Clock
from rig.device.numbers import ARM_ALL
from rig.device.offload_types import SlotRef
from rig.mac import mac_bytes
from rig.standby.nic import handoff
from rig.standby.nic.next_hop import NextHop
from rig.standby.nic.tcp_slots import KeepAlive, TcpSlots
from rig.suite.scene import skip_behind_nat

TCP_REPAIR_OPTIONS = 22
OPT_MSS, OPT_WSCALE, OPT_TIMESTAMP = 2, 3, 8
MSS, WSCALE = 1460, 7
WINDOW_BYTES = 64_000

LONG_RETRY_MIN = 15
"""An answer that is late is an answer all the same."""


@dataclass
class Forged:
    """The two ends; `host_seq` is what the host sends next, `server_seq` what the server sends next."""

    host: socket.socket
    server: socket.socket
    host_seq: int
    server_seq: int


@contextmanager
def connection(bench: Bench, host_seq: int, server_seq: int) -> Iterator[Forged]:
    """An established connection. The host's neighbour table learns the server by a first ARP exchange of the kernels."""
    skip_behind_nat(bench)
    plan = bench.network.topology
    addresses = (plan.host.ip4, 40_000), (plan.server.ip4, 50_000)
    host = bench.network.host.socket(socket.AF_INET, socket.SOCK_STREAM)
    server = bench.network.server.socket(socket.AF_INET, socket.SOCK_STREAM)
    with host, server:
        _establish(host, addresses[0], addresses[1], host_seq, server_seq)
        _establish(server, addresses[1], addresses[0], server_seq, host_seq)
        yield Forged(host, server, host_seq, server_seq)
        for sock in (host, server):
            _set(sock, handoff.TCP_REPAIR, handoff.REPAIR_ON)  # closed in repair, a socket sends nothing and leaves no TIME_WAIT


@contextmanager
def asleep(bench: Bench, ends: Forged, *, ka_idle_ms: int) -> Iterator[SlotRef]:
    """The host's end handed to the device, the gate closed; and all of it back at the end."""
    plan, device, gate = bench.network.topology, bench.device, bench.network.gate()
    mac, hop = (mac_bytes(spec.mac) for spec in (plan.host, plan.next_hop))
    keep_alive = KeepAlive(retry_minutes=LONG_RETRY_MIN)
    slots = TcpSlots(clock=Clock(bench.config.clock.minute_us), local_mac=mac, keep_alive=keep_alive)
    epoch = device.prepare(epoch=device.status().epoch, arm=ARM_ALL, mac=mac).epoch
    gate.close()
    frozen = handoff.freeze(ends.host)
    minutes = max(1, ka_idle_ms // 60_000)
    ref = device.add_tcp_slot(slots.handed_over(ends.host, minutes, NextHop(hop), frozen, device.time_sync()))
    epoch = device.commit(epoch).epoch
    try:
        yield ref
    finally:
        device.host_awake(epoch)
        gate.open()
        handoff.thaw(ends.host)
        for frame in device.drain(0).frames:
            gate.inject(frame.data)
        device.release()


def _establish(sock: socket.socket, local: tuple[str, int], remote: tuple[str, int], send: int, receive: int) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    _set(sock, handoff.TCP_REPAIR, handoff.REPAIR_ON)
    for queue, number in ((handoff.SEND_QUEUE, send), (handoff.RECV_QUEUE, receive)):
        _set(sock, handoff.TCP_REPAIR_QUEUE, queue)
        sock.setsockopt(socket.IPPROTO_TCP, handoff.TCP_QUEUE_SEQ, struct.pack("=I", number))
    sock.bind(local)
    sock.connect(remote)
    options = ((OPT_MSS, MSS), (OPT_WSCALE, WSCALE | WSCALE << 16), (OPT_TIMESTAMP, 0))
    sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR_OPTIONS, b"".join(struct.pack("=II", *option) for option in options))
    window = struct.pack("=5I", receive, WINDOW_BYTES, WINDOW_BYTES, WINDOW_BYTES, receive)
    sock.setsockopt(socket.IPPROTO_TCP, handoff.TCP_REPAIR_WINDOW, window)
    _set(sock, handoff.TCP_REPAIR, handoff.REPAIR_OFF_NO_PROBE)


def _set(sock: socket.socket, option: int, value: int) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, option, value)
