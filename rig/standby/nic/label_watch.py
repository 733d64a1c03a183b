"""The IPv6 flow label of each connection: what the kernel puts into the segments that it sends, and tells nobody.

Linux makes one up for every TCP connection (net.ipv6.auto_flowlabels), and RFC 6437 section 3 wants a flow to keep it, as
networks choose paths by it. The device must send the same, so a packet socket on the host's interface keeps copies of the
TCP segments that go out, looked through only when asked. The newest counts: a kernel that sees no answer tries another
label. When the buffer overflows between two looks the newest are missing, and with them such a change.
"""

from __future__ import annotations

import socket
import struct
from collections import OrderedDict

from rig.standby.nic.ts_watch import FLOWS, Flow, flow_of, frames_of, listen

HEAD_BYTES = 58
"""Ethernet, IPv6, and the ports."""
OUTGOING_TCP6 = b"".join(
    struct.pack("=HBBI", *instruction)
    for instruction in (
        (0x20, 0, 0, 0xFFFFF004),  # ld [SKF_AD_OFF + SKF_AD_PKTTYPE]
        (0x15, 0, 5, 4),  # PACKET_OUTGOING
        (0x28, 0, 0, 12),
        (0x15, 0, 3, 0x86DD),
        (0x30, 0, 0, 20),
        (0x15, 0, 1, socket.IPPROTO_TCP),
        (0x06, 0, 0, HEAD_BYTES),
        (0x06, 0, 0, 0),
    )
)
"""Classic BPF (linux/filter.h): the heads of TCP segments over IPv6 that this machine sends."""


class LabelWatch:
    """Made inside the host's namespace, before the connections that it is asked about."""

    def __init__(self, interface: str) -> None:
        self._socket = listen(interface, OUTGOING_TCP6)
        self._newest: OrderedDict[Flow, int] = OrderedDict()

    def flow_label(self, sock: socket.socket) -> int:
        """The label of the newest segment of the socket, 0 when it has none or none was seen."""
        if sock.family != socket.AF_INET6:
            return 0
        self.look()
        return self._newest.get(flow_of(sock), 0)

    def seed(self, sock: socket.socket, label: int) -> None:
        """What a watch before this one had seen."""
        if label:
            self._newest.setdefault(flow_of(sock), label)

    def look(self) -> None:
        """Go through what has gone out since the last look."""
        for frame in frames_of(self._socket):
            self._note(frame)

    def _note(self, frame: bytes) -> None:
        if len(frame) < HEAD_BYTES:
            return
        local_port, remote_port = struct.unpack_from("!HH", frame, 54)
        key = frame[38:54], remote_port, local_port
        self._newest.pop(key, None)
        self._newest[key] = int.from_bytes(frame[14:18], "big") & 0xFFFFF
        if len(self._newest) > FLOWS:
            self._newest.popitem(last=False)
