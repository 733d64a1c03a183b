"""The newest TSval that each peer sent: what the kernel knows as ts_recent and tells nobody.

TCP_REPAIR gives our own timestamp, not the peer's. The device needs the peer's to echo it (RFC 7323 section 4.3, edge
case 39), so a packet socket on the host's interface keeps copies of the heads of TCP segments that come in, looked through
only when asked. When its buffer overflows between two looks the newest are missing and the answer is an older TSval, which
a peer accepts.
"""

from __future__ import annotations

import socket
import struct
from collections import OrderedDict
from collections.abc import Iterator

from rig.net.socket_filter import attach_filter
from rig.net.tcp_options import timestamps

ETH_P_ALL = 0x0003
HEAD_BYTES = 134
"""Ethernet, and the longest headers of IPv4 and TCP."""
INCOMING_TCP = b"".join(
    struct.pack("=HBBI", *instruction)
    for instruction in (
        (0x20, 0, 0, 0xFFFFF004),  # ld [SKF_AD_OFF + SKF_AD_PKTTYPE]
        (0x15, 8, 0, 4),  # PACKET_OUTGOING
        (0x28, 0, 0, 12),
        (0x15, 0, 2, 0x0800),
        (0x30, 0, 0, 23),
        (0x15, 3, 4, socket.IPPROTO_TCP),
        (0x15, 0, 3, 0x86DD),
        (0x30, 0, 0, 20),
        (0x15, 0, 1, socket.IPPROTO_TCP),
        (0x06, 0, 0, HEAD_BYTES),
        (0x06, 0, 0, 0),
    )
)
"""Classic BPF (linux/filter.h): the heads of TCP segments, over IPv4 or IPv6, that others send."""
BUFFER_BYTES = 4 << 20
FLOWS = 512
"""Flows remembered; the one longest silent goes first."""
FRAMES_PER_LOOK = 20_000

Flow = tuple[bytes, int, int]
"""(remote address, remote port, local port)"""


class TsWatch:
    """Made inside the host's namespace."""

    def __init__(self, interface: str) -> None:
        self.socket = listen(interface, INCOMING_TCP)
        self._newest: OrderedDict[Flow, int] = OrderedDict()

    def ts_recent(self, sock: socket.socket) -> int:
        """Newest TSval of the socket's peer, 0 when none was seen."""
        self.look()
        return self._newest.get(flow_of(sock), 0)

    def seed(self, sock: socket.socket, tsval: int) -> None:
        """What a watch before this one had seen."""
        if tsval:
            self._newest.setdefault(flow_of(sock), tsval)

    def look(self) -> None:
        """Go through what has come in since the last look."""
        for frame in frames_of(self.socket):
            self._note(frame)

    def _note(self, frame: bytes) -> None:
        if frame[12:14] == b"\x08\x00" and frame[23] == 6:
            self._note_tcp(frame[26:30], frame[14 + 4 * (frame[14] & 15) :])
        elif frame[12:14] == b"\x86\xdd" and frame[20] == 6:
            self._note_tcp(frame[22:38], frame[54:])

    def _note_tcp(self, remote: bytes, segment: bytes) -> None:
        found = timestamps(segment[20 : 4 * (segment[12] >> 4)])
        if found is None:
            return
        tsval, _ = found
        key = remote, int.from_bytes(segment[0:2], "big"), int.from_bytes(segment[2:4], "big")
        before = self._newest.pop(key, tsval)
        self._newest[key] = tsval if (tsval - before) & 0xFFFFFFFF < 1 << 31 else before
        if len(self._newest) > FLOWS:
            self._newest.popitem(last=False)


def flow_of(sock: socket.socket) -> Flow:
    """Of a connected socket. Raises OSError when it is not connected any more."""
    remote, local = sock.getpeername(), sock.getsockname()
    return socket.inet_pton(sock.family, remote[0]), remote[1], local[1]


def frames_of(watch: socket.socket) -> Iterator[bytes]:
    """The heads of the frames that a packet socket has kept."""
    for _ in range(FRAMES_PER_LOOK):
        try:
            yield watch.recv(HEAD_BYTES)
        except BlockingIOError:
            return


def listen(interface: str, program: bytes) -> socket.socket:
    """A packet socket that hears what the filter passes, from the first frame on."""
    watch = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    attach_filter(watch, program)
    watch.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
    watch.setblocking(False)
    watch.bind((interface, ETH_P_ALL))
    return watch
