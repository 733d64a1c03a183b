"""When a sleeping device asks for its host's lease again, and whom. Written against a door: `standby_door.py`."""

from __future__ import annotations

import pytest

from rig.device.numbers import OffloadType, WakeReason
from rig.device.offload_types import ProtocolOffload
from rig.suite.peer_frames import HOST_IP, HOST_MAC, PEER_IP, PEER_MAC
from rig.suite.standby_door import Sent, StandbyDoor

pytestmark = pytest.mark.topology("flat")

MINUTE_US = 50_000
LEASE_MS = 1_800_000
T1_MS, T2_MS = LEASE_MS / 2, LEASE_MS * 7 / 8
CLOCK_MS = 1
"""To so much of these a double holds a time of day in them."""
SERVER = (PEER_MAC, PEER_IP)
EVERYBODY = (b"\xff" * 6, "255.255.255.255")


def _asked(sent: Sent) -> tuple[bytes, str]:
    """Of a request from the host's address and port: (MAC, address) of whom it goes to."""
    from scapy.layers.inet import IP, UDP
    from scapy.layers.l2 import Ether

    frame = Ether(sent.frame)
    assert UDP in frame, f"no datagram: {frame.summary()}"
    assert (frame[IP].src, frame[UDP].sport, frame[UDP].dport) == (HOST_IP, 68, 67), f"no DHCP request: {frame.summary()}"
    return sent.frame[:6], frame[IP].dst


@pytest.mark.device_can(offload=OffloadType.DHCP)
def test_the_server_is_asked_from_t1_on_and_everybody_from_t2_on(door: StandbyDoor) -> None:
    """RFC 2131 4.4.5: half and seven eighths of the lease where the server does not say; nobody answers, and its end wakes."""
    door.scale(MINUTE_US)
    began_ms = door.now_ms()
    door.add(
        ProtocolOffload(
            id=1, type=OffloadType.DHCP, ip=HOST_IP, mac=HOST_MAC, remote=PEER_IP, next_hop_mac=PEER_MAC, xid=7,
            lease_s=LEASE_MS // 1000,
        )
    )  # fmt: skip
    door.sleep()
    asked: list[tuple[tuple[bytes, str], float]] = []
    while not asked or asked[-1][0] != EVERYBODY:
        sent = door.next_sent(LEASE_MS)
        asked.append((_asked(sent), sent.at_ms - began_ms))
    first_ms, rebinding_ms = asked[0][1], asked[-1][1]
    assert first_ms >= T1_MS - CLOCK_MS, (
        f"asked after {first_ms:.0f} ms of a lease of {LEASE_MS}: T1 is at {T1_MS:.0f} (RFC 2131 4.4.5)"
    )
    assert rebinding_ms >= T2_MS - CLOCK_MS, (
        f"everybody asked after {rebinding_ms:.0f} ms of a lease of {LEASE_MS}: T2 is at {T2_MS:.0f} (RFC 2131 4.4.5)"
    )
    before = {whom for whom, at_ms in asked if at_ms < T2_MS - CLOCK_MS}
    assert before == {SERVER}, "before T2 the server is asked, and nobody else"
    woke = door.wake(LEASE_MS)
    assert woke.reason == WakeReason.DHCP_EXPIRED
    over_ms = door.now_ms() - began_ms
    assert over_ms >= LEASE_MS - CLOCK_MS, f"the lease of {LEASE_MS} ms was over after {over_ms:.0f}"
