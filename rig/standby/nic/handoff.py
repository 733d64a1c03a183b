"""A live TCP connection out of the kernel and back in: TCP_REPAIR (Linux tcp(7), include/uapi/linux/tcp.h).

Freezing reads everything the device needs to speak for the socket; the socket object stays where it is, so port and
descriptor are held. Thawing ends repair with -1: 0 would make the kernel send a window probe, a stray segment that the
peer answers. The socket must be cut off from the wire (gate closed) from before `freeze` until after `thaw`.
"""

from __future__ import annotations

import socket
import struct
import time
from dataclasses import dataclass

from rig.net.tcp_info import TCP_ESTABLISHED, TcpInfo, queued_bytes, tcp_info

TCP_REPAIR, TCP_REPAIR_QUEUE, TCP_QUEUE_SEQ, TCP_TIMESTAMP, TCP_REPAIR_WINDOW = 19, 20, 21, 24, 29
REPAIR_ON, REPAIR_OFF_NO_PROBE = 1, -1
NO_QUEUE, RECV_QUEUE, SEND_QUEUE = 0, 1, 2


class NotIdle(Exception):
    """The socket holds unread or unsent bytes, or is not ESTABLISHED: it stays as it is (edge case 90)."""


@dataclass(frozen=True)
class FrozenTcp:
    """State of a connection at the moment `frozen_ns` (CLOCK_MONOTONIC). Sequence numbers are absolute, windows unscaled."""

    frozen_ns: int
    info: TcpInfo
    snd_nxt: int
    rcv_nxt: int
    snd_wl1: int
    snd_wnd: int
    max_window: int
    rcv_wnd: int
    rcv_wup: int
    tsval: int


def flush_acks(sock: socket.socket) -> None:
    """Send a delayed ACK now, so that the peer has nothing to retransmit while the socket is frozen."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


def freeze(sock: socket.socket) -> FrozenTcp:
    """Put the socket into repair and read its state. Raises NotIdle, with the socket as it was before."""
    info = tcp_info(sock)
    if info.state != TCP_ESTABLISHED:
        raise NotIdle(f"TCP state {info.state}, not ESTABLISHED")
    sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, REPAIR_ON)
    frozen_ns = time.monotonic_ns()
    unread, unsent = queued_bytes(sock)
    if unread or unsent:
        thaw(sock)
        raise NotIdle(f"{unread} bytes unread, {unsent} unacknowledged")
    snd_wl1, snd_wnd, max_window, rcv_wnd, rcv_wup = struct.unpack(
        "=5I", sock.getsockopt(socket.IPPROTO_TCP, TCP_REPAIR_WINDOW, 20)
    )
    return FrozenTcp(
        frozen_ns=frozen_ns,
        info=info,
        snd_nxt=_sequence(sock, SEND_QUEUE),
        rcv_nxt=_sequence(sock, RECV_QUEUE),
        snd_wl1=snd_wl1,
        snd_wnd=snd_wnd,
        max_window=max_window,
        rcv_wnd=rcv_wnd,
        rcv_wup=rcv_wup,
        tsval=_word(sock, TCP_TIMESTAMP),
    )


def is_frozen(sock: socket.socket) -> bool:
    """Whether it is in repair."""
    return sock.getsockopt(socket.IPPROTO_TCP, TCP_REPAIR) != 0


def numbers(sock: socket.socket) -> tuple[int, int]:
    """What it sends next and receives next, of a socket in repair."""
    return _sequence(sock, SEND_QUEUE), _sequence(sock, RECV_QUEUE)


def thaw(sock: socket.socket) -> None:
    """End repair without a window probe (edge case 104)."""
    sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, REPAIR_OFF_NO_PROBE)


def _sequence(sock: socket.socket, queue: int) -> int:
    """No queue is chosen afterwards: what an app writes to a socket in repair goes into the chosen one, as received data even,
    and is refused where there is none."""
    sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR_QUEUE, queue)
    try:
        return _word(sock, TCP_QUEUE_SEQ)
    finally:
        sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR_QUEUE, NO_QUEUE)


def _word(sock: socket.socket, option: int) -> int:
    value: int = struct.unpack("=I", sock.getsockopt(socket.IPPROTO_TCP, option, 4))[0]
    return value
