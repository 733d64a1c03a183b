"""Frames from a packet socket as they were on the cable: Linux takes a VLAN tag out and tells it beside (packet(7))."""

from __future__ import annotations

import socket
import struct

SOL_PACKET, PACKET_AUXDATA = 263, 8
AUXDATA = struct.Struct("IIIHHHH")
"""struct tpacket_auxdata of if_packet.h: the fifth is tp_net, the sixth the tag, the seventh its EtherType."""
VLAN_VALID, TPID_VALID, DEFAULT_TPID = 1 << 4, 1 << 6, 0x8100
MOST_FRAME_BYTES = 2048


def tell_tags(eth: socket.socket) -> None:
    """Before the first frame is awaited. Another kind of socket hands on every byte as it is."""
    if eth.family == socket.AF_PACKET:
        eth.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)


def next_frame(eth: socket.socket) -> bytes | None:
    """None for one that this machine sends itself. Raises BlockingIOError when there is none, OSError when the link is down."""
    data, beside, _, sender = eth.recvmsg(MOST_FRAME_BYTES, socket.CMSG_SPACE(AUXDATA.size))
    if isinstance(sender, tuple) and sender[2] == socket.PACKET_OUTGOING:  # other sockets name nobody
        return None
    for level, kind, value in beside:
        if level == SOL_PACKET and kind == PACKET_AUXDATA:
            return _with_tag(data, value)
    return data


def _with_tag(data: bytes, auxdata: bytes) -> bytes:
    status, _, _, _, _, tci, tpid = AUXDATA.unpack(auxdata[: AUXDATA.size])
    if not status & VLAN_VALID:
        return data
    return data[:12] + struct.pack("!HH", tpid if status & TPID_VALID else DEFAULT_TPID, tci) + data[12:]
