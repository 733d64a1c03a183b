"""When a sleeping device sends NAT-T keep-alives, and what of IPsec wakes. Written against a door: `standby_door.py`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from rig.device.numbers import OffloadType
from rig.device.offload_types import ProtocolOffload
from rig.suite.peer_frames import HOST_IP, HOST_IP6, HOST_MAC, PEER_IP, PEER_IP6, PEER_MAC, ether
from rig.suite.standby_door import QUIET_MS, ROUNDING_MS, StandbyDoor

pytestmark = pytest.mark.topology("flat")

PORT = 4500
OTHER_IP = "192.0.2.3"
ESP = bytes.fromhex("0badcafe00000001") + bytes(24)
IKE = bytes(4) + bytes(range(1, 33))
"""Behind four bytes that no SPI has (RFC 3948 2.2)."""
LEFT_MS = 200


def natt(interval_ms: int = QUIET_MS, elapsed_ms: int = 0) -> ProtocolOffload:
    made = ProtocolOffload.natt(1, ip=HOST_IP, mac=HOST_MAC, remote=PEER_IP, next_hop_mac=PEER_MAC, interval_ms=interval_ms)
    return replace(made, elapsed_ms=elapsed_ms)


def datagram(payload: bytes, src: str = PEER_IP, dst: str = HOST_IP, sport: int = PORT, dport: int = PORT) -> bytes:
    from scapy.layers.inet import IP, UDP
    from scapy.packet import Raw

    return bytes(ether() / IP(src=src, dst=dst) / UDP(sport=sport, dport=dport) / Raw(payload))


@pytest.mark.edge(21)
@pytest.mark.device_can(offload=OffloadType.NATT)
def test_what_has_passed_of_the_interval_counts(door: StandbyDoor) -> None:
    """offload.cddl, elapsed_ms: the first comes when what is left of the interval is over; a whole one would be a minute away.
    What is sent is what RFC 3948 2.3 has, between ports 4500."""
    from scapy.layers.inet import IP, UDP
    from scapy.layers.l2 import Ether

    began_ms = door.now_ms()
    door.add(natt(interval_ms=60_000, elapsed_ms=60_000 - LEFT_MS))
    door.sleep()
    sent = door.next_sent(1000)
    frame = Ether(sent.frame)
    assert UDP in frame, f"no datagram: {frame.summary()}"
    ends = (frame[IP].src, frame[IP].dst, frame[UDP].sport, frame[UDP].dport)
    assert ends == (HOST_IP, PEER_IP, PORT, PORT)
    assert bytes(frame[UDP].payload)[: frame[UDP].len - 8] == b"\xff"
    after_ms = sent.at_ms - began_ms
    assert after_ms >= LEFT_MS - ROUNDING_MS, f"sent {after_ms:.1f} ms after it was added, {LEFT_MS} were left"


SAYS: dict[str, tuple[Callable[[], bytes], str]] = {
    "a keep-alive": (lambda: datagram(b"\xff"), ""),
    "ESP": (lambda: datagram(ESP), "IPSEC"),
    "IKE": (lambda: datagram(IKE), "IPSEC"),
    "ESP from another port": (lambda: datagram(ESP, sport=1024), "IPSEC"),
    "ESP of somebody else": (lambda: datagram(ESP, src=OTHER_IP), ""),
    "IKE of somebody else": (lambda: datagram(IKE, src=OTHER_IP), ""),
    "ESP to another port": (lambda: datagram(ESP, dport=4501), ""),
    "ESP to another address": (lambda: datagram(ESP, dst=OTHER_IP), ""),
    "too short for ESP": (lambda: datagram(ESP[:11]), ""),
    "a marker without IKE": (lambda: datagram(IKE[:20]), ""),
}
"""RFC 3948 2, RFC 3947 4: the tunnel's other end may have another port; another address is another end."""


@pytest.mark.edge(21)
@pytest.mark.parametrize("what", SAYS)
@pytest.mark.device_can(offload=OffloadType.NATT)
def test_ipsec_of_the_tunnels_other_end_wakes_and_nothing_else(door: StandbyDoor, what: str) -> None:
    frame, reason = SAYS[what]
    door.add(natt())
    door.sleep()
    assert door.outcome(frame()) == (reason, 0), f"{what} (RFC 3948 2)"


@pytest.mark.device_can(offload=OffloadType.UDP)
@pytest.mark.parametrize("v6", [False, True], ids=["IPv4", "IPv6"])
def test_a_checksum_that_comes_out_as_zero_is_sent_as_ones(door: StandbyDoor, v6: bool) -> None:
    """RFC 768, RFC 8200 8.1: zero says that there is none, which over IPv6 is no datagram."""
    ends = (HOST_IP6, PEER_IP6) if v6 else (HOST_IP, PEER_IP)
    payload = zero_sum_payload(*ends)
    offload = ProtocolOffload(
        id=1, type=OffloadType.UDP, ip=ends[0], mac=HOST_MAC, remote=ends[1], next_hop_mac=PEER_MAC, local_port=6000,
        remote_port=6001, interval_ms=60_000, elapsed_ms=59_950, data=payload,
    )  # fmt: skip
    door.add(offload)
    door.sleep()
    frame = door.next_sent(1000).frame
    at = 54 if v6 else 34
    assert frame[at + 8 : at + 10] == payload
    checksum = frame[at + 6 : at + 8]
    assert checksum == b"\xff\xff", f"the UDP checksum is {checksum.hex()}, 0000 as a sum is sent as ffff (RFC 768)"


def zero_sum_payload(src: str, dst: str) -> bytes:
    """Two bytes with which a datagram from port 6000 to 6001 has the sum 0."""
    from scapy.layers.inet import IP, UDP
    from scapy.layers.inet6 import IPv6
    from scapy.packet import Raw

    l3 = IPv6(src=src, dst=dst) if ":" in src else IP(src=src, dst=dst)
    without = bytes(l3 / UDP(sport=6000, dport=6001) / Raw(bytes(2)))
    return without[-4:-2]
