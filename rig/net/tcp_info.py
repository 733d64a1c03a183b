"""What the kernel knows about a TCP socket (struct tcp_info of linux/tcp.h)."""

from __future__ import annotations

import fcntl
import socket
import struct
from dataclasses import dataclass

TCP_ESTABLISHED = 1
TCPI_OPT_TIMESTAMPS, TCPI_OPT_USEC_TS = 1, 64
SIOCINQ, SIOCOUTQ = 0x541B, 0x5411
INFO_BYTES = 192
"""The part that is read; older kernels return less, the rest is 0."""


@dataclass(frozen=True)
class TcpInfo:
    """The parts that matter here."""

    state: int
    """1 is ESTABLISHED."""
    timestamps: bool
    timestamp_hz: int
    """Of our own clock: 1000, or 1000000 on routes that ask for it (tcp_usec_ts, Linux 6.7)."""
    snd_wscale: int
    rcv_wscale: int
    snd_mss: int
    last_data_sent_ms: int
    last_data_recv_ms: int
    last_ack_recv_ms: int
    rtt_us: int
    """Smoothed round trip, 0 before the first measurement."""
    bytes_received: int
    retransmits: int
    """Of what is unacknowledged now."""

    @property
    def idle_ms(self) -> int:
        """Real milliseconds since anything came from the peer."""
        return min(self.last_data_recv_ms, self.last_ack_recv_ms)


def tcp_info(sock: socket.socket) -> TcpInfo:
    """Read TCP_INFO."""
    raw = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, INFO_BYTES).ljust(INFO_BYTES, b"\0")
    retransmits, options, wscales = raw[2], raw[5], raw[6]
    words = struct.unpack_from("=16I", raw, 8)
    return TcpInfo(
        state=raw[0],
        timestamps=bool(options & TCPI_OPT_TIMESTAMPS),
        timestamp_hz=1_000_000 if options & TCPI_OPT_USEC_TS else 1000,
        snd_wscale=wscales & 15,
        rcv_wscale=wscales >> 4,
        snd_mss=words[2],
        last_data_sent_ms=words[9],
        last_data_recv_ms=words[11],
        last_ack_recv_ms=words[12],
        rtt_us=words[15],
        bytes_received=struct.unpack_from("=Q", raw, 128)[0],
        retransmits=retransmits,
    )


def queued_bytes(sock: socket.socket) -> tuple[int, int]:
    """(unread, unacknowledged) bytes in the kernel."""
    return _ioctl_int(sock, SIOCINQ), _ioctl_int(sock, SIOCOUTQ)


def _ioctl_int(sock: socket.socket, request: int) -> int:
    value: int = struct.unpack("=i", fcntl.ioctl(sock, request, b"\0" * 4))[0]
    return value
