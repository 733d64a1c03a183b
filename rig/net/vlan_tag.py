"""A frame's outer VLAN tag, which the kernel takes out before a packet socket sees it, and tells beside."""

from __future__ import annotations

import struct
from collections.abc import Iterable

SOL_PACKET, PACKET_AUXDATA = 263, 8
AUXDATA = struct.Struct("IIIHHHH")
TP_STATUS_VLAN_VALID, TP_STATUS_VLAN_TPID_VALID, ETH_P_8021Q = 1 << 4, 1 << 6, 0x8100
"""socket.h, if_packet.h (struct tpacket_auxdata), if_ether.h"""


def with_tag(data: bytes, ancillary: Iterable[tuple[int, int, bytes]]) -> bytes:
    """The frame as it was on the cable. The socket has PACKET_AUXDATA set."""
    for level, kind, value in ancillary:
        if level == SOL_PACKET and kind == PACKET_AUXDATA:
            status, _, _, _, _, tci, tpid = AUXDATA.unpack(value)
            if status & TP_STATUS_VLAN_VALID:
                kind = tpid if status & TP_STATUS_VLAN_TPID_VALID else ETH_P_8021Q
                return data[:12] + struct.pack("!HH", kind, tci) + data[12:]
    return data
