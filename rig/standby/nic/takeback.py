"""What the device sent and took for a connection, brought into the kernel's socket before anybody uses it again.

A kernel sets no sequence number of an established socket, but in TCP_REPAIR `send` moves them on: bytes for the send queue
count as sent without being transmitted, bytes for the receive queue as received. What the peer acknowledged meanwhile the
kernel believes only when it gets an ACK: one with the device's last numbers goes in at the host's port. Its TSecr is 0, so
that nobody takes the time of the sleep for a round trip (RFC 7323 section 4.1), its TSval the newest of the peer.
"""

from __future__ import annotations

import socket
import struct

from rig.device.tcp_slot import SlotInfo
from rig.standby.nic import handoff
from rig.standby.nic.handoff import FrozenTcp

CHUNK_BYTES = 16384
TCP_ACK = 0x10
TIMESTAMPS = 0x0101080A
"""NOP, NOP, kind 8, length 10."""


class OutOfStep(Exception):
    """The device's numbers do not fit what it was given: the connection cannot be used again."""


def take_back(sock: socket.socket, frozen: FrozenTcp, slot: SlotInfo, sent: bytes, consumed: int) -> None:
    """Bring a socket in repair to the slot's numbers and out of repair. `sent`: every byte that the device sent, in order;
    `consumed`: bytes that it took from the peer, which no reader of the socket sees. The caller sees to it that nobody else
    reads. Raises OutOfStep with nothing changed, or OSError."""
    if ((frozen.snd_nxt + len(sent)) ^ slot.snd_nxt) & 0xFFFFFFFF or ((frozen.rcv_nxt + consumed) ^ slot.rcv_nxt) & 0xFFFFFFFF:
        raise OutOfStep(f"{len(sent)} bytes sent and {consumed} consumed do not lead to {slot.snd_nxt} and {slot.rcv_nxt}")
    _queue_all(sock, handoff.SEND_QUEUE, sent)
    while consumed:
        count = min(consumed, CHUNK_BYTES)
        sock.setsockopt(socket.IPPROTO_TCP, handoff.TCP_REPAIR, handoff.REPAIR_ON)
        _queue_all(sock, handoff.RECV_QUEUE, bytes(count))
        handoff.thaw(sock)
        _read_away(sock, count)
        consumed -= count
    sock.setsockopt(socket.IPPROTO_TCP, handoff.TCP_REPAIR, handoff.REPAIR_ON)
    _set_windows(sock, frozen, slot)
    handoff.thaw(sock)


def acknowledgement(sock: socket.socket, frozen: FrozenTcp, slot: SlotInfo, *, peer_mac: bytes, host_mac: bytes) -> bytes:
    """The Ethernet frame by which the kernel learns what the peer acknowledged to the device."""
    header = 20
    options = b""
    if frozen.info.timestamps:
        options = struct.pack(">III", TIMESTAMPS, slot.ts_recent, 0)
    local, remote = sock.getsockname(), sock.getpeername()
    window = min(slot.snd_wnd >> frozen.info.snd_wscale, 0xFFFF)
    numbers = struct.pack(">HHIIBBHHH", remote[1], local[1], slot.rcv_nxt, slot.snd_una, (header + len(options)) << 2, TCP_ACK,
                          window, 0, 0)  # fmt: skip
    addresses = socket.inet_pton(sock.family, remote[0]) + socket.inet_pton(sock.family, local[0])
    segment = numbers + options
    checksum = _checksum(addresses + struct.pack(">II", len(segment), socket.IPPROTO_TCP) + segment)
    segment = segment[:16] + struct.pack(">H", checksum) + segment[18:]
    return host_mac + peer_mac + _network_header(sock.family, addresses, len(segment)) + segment


def _queue_all(sock: socket.socket, queue: int, data: bytes) -> None:
    """Never waits: the device sends no more than a send buffer holds (OWED_BYTES_MAX in payload_ka.c)."""
    sock.setsockopt(socket.IPPROTO_TCP, handoff.TCP_REPAIR_QUEUE, queue)
    while data:
        data = data[sock.send(data, socket.MSG_DONTWAIT) :]


def _read_away(sock: socket.socket, count: int) -> None:
    while count:
        count -= len(sock.recv(count, socket.MSG_DONTWAIT))


def _set_windows(sock: socket.socket, frozen: FrozenTcp, slot: SlotInfo) -> None:
    """Ours as the device advertised it: as wide as at the handoff, from where it is now. Then the next ACK of the peer is one
    for the last we sent, and its timestamp counts (RFC 7323 section 4.3)."""
    ours = frozen.rcv_wnd - ((frozen.rcv_nxt - frozen.rcv_wup) & 0xFFFFFFFF)
    largest = max(frozen.max_window, slot.snd_wnd)
    words = struct.pack("=5I", slot.rcv_nxt, slot.snd_wnd, largest, max(ours, 0), slot.rcv_nxt)
    sock.setsockopt(socket.IPPROTO_TCP, handoff.TCP_REPAIR_WINDOW, words)


def _network_header(family: int, addresses: bytes, length: int) -> bytes:
    if family == socket.AF_INET6:
        return b"\x86\xdd" + struct.pack(">IHBB", 0x60000000, length, socket.IPPROTO_TCP, 64) + addresses
    header = struct.pack(">BBHHHBBH", 0x45, 0, 20 + length, 0, 0x4000, 64, socket.IPPROTO_TCP, 0) + addresses
    return b"\x08\x00" + header[:10] + struct.pack(">H", _checksum(header)) + header[12:]


def _checksum(data: bytes) -> int:
    """RFC 1071; the length is even wherever it is used here."""
    total: int = sum(struct.unpack(f">{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
