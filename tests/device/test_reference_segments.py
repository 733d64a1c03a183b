"""What the reference device sends is built by hand: the same bytes as a library of frames makes, which it does not wait for."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import astuple, replace

import pytest

from rig.device.reference.to_send import ETHERNET_MIN, ToSend

V4 = ToSend(
    src_mac=bytes.fromhex("020000000110"),
    dst_mac=bytes.fromhex("020000000120"),
    src="192.0.2.10",
    dst="192.0.2.20",
    ttl=64,
    tos=0xB8,
    df=True,
    ip_id=0xFFFF,
    sport=49152,
    dport=443,
    seq=2**32 - 1,
    ack=1,
    window=0xFFFF,
    timestamp=(2**32 - 1, 7),
)
V6 = replace(V4, src="2001:db8::10", dst="2001:db8::20")


def of_the_library(one: ToSend) -> bytes:
    from scapy.layers.inet import IP, TCP
    from scapy.layers.inet6 import IPv6
    from scapy.layers.l2 import Ether

    ip: IP | IPv6
    options = [] if one.timestamp is None else [("NOP", None), ("NOP", None), ("Timestamp", one.timestamp)]
    segment = TCP(sport=one.sport, dport=one.dport, flags="A", seq=one.seq, ack=one.ack, window=one.window, options=options)
    if ":" in one.src:
        ip = IPv6(src=one.src, dst=one.dst, hlim=one.ttl, tc=one.tos)
    else:
        ip = IP(src=one.src, dst=one.dst, ttl=one.ttl, tos=one.tos, id=one.ip_id, flags="DF" if one.df else 0)
    return bytes(Ether(src=one.src_mac.hex(":"), dst=one.dst_mac.hex(":")) / ip / segment).ljust(ETHERNET_MIN, b"\0")


@pytest.mark.parametrize(
    "one",
    [V4, replace(V4, df=False, timestamp=None), V6, replace(V6, tos=0, timestamp=None), replace(V6, timestamp=(0, 0))],
    ids=lambda one: f"{one.src} {one.timestamp}",
)
def test_a_segment_is_the_librarys_byte_for_byte(one: ToSend) -> None:
    assert one.frame() == of_the_library(one), astuple(one)


def test_a_prepare_waits_for_no_library() -> None:
    """On a busy machine its import took longer than a host waits for the answer."""
    modules = "commands, connection, ether, machine, receive, server, slot, to_send"
    code = f"import sys; from rig.device.reference import {modules}; print(*[name for name in sys.modules if 'scapy' in name])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
