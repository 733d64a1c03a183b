"""When a sleeping device asks for its host's lease again, and whom. Written against a door: `standby_door.py`."""

from __future__ import annotations

from typing import Any

import pytest

from rig.device.numbers import OffloadType, WakeReason
from rig.device.offload_types import ProtocolOffload
from rig.suite.peer_frames import HOST_IP, HOST_MAC, PEER_IP, PEER_MAC, ether
from rig.suite.standby_door import ROUNDING_MS, Sent, StandbyDoor

pytestmark = pytest.mark.topology("flat")

MINUTE_US = 50_000
LEASE_MS = 1_800_000
T1_MS, T2_MS = LEASE_MS / 2, LEASE_MS * 7 / 8
SERVER = (PEER_MAC, PEER_IP)
EVERYBODY = (b"\xff" * 6, "255.255.255.255")
OTHER_MAC, OTHER_IP = bytes.fromhex("020000000077"), "192.0.2.77"
XID = 7


def _asked(sent: Sent) -> tuple[bytes, str]:
    """Of a request from the host's address and port: (MAC, address) of whom it goes to."""
    from scapy.layers.inet import IP, UDP
    from scapy.layers.l2 import Ether

    frame = Ether(sent.frame)
    assert UDP in frame, f"no datagram: {frame.summary()}"
    assert (frame[IP].src, frame[UDP].sport, frame[UDP].dport) == (HOST_IP, 68, 67), f"no DHCP request: {frame.summary()}"
    return sent.frame[:6], frame[IP].dst


def _lease(door: StandbyDoor) -> None:
    """Asleep, and the lease has begun."""
    door.scale(MINUTE_US)
    door.add(
        ProtocolOffload(
            id=1, type=OffloadType.DHCP, ip=HOST_IP, mac=HOST_MAC, remote=PEER_IP, next_hop_mac=PEER_MAC, xid=XID,
            lease_s=LEASE_MS // 1000,
        )
    )  # fmt: skip
    door.sleep()


def _ack(
    request: bytes,
    mac: bytes = PEER_MAC,
    server: str = PEER_IP,
    options: bool = True,
    times_ms: tuple[int, int] | None = None,
    **fields: Any,
) -> bytes:
    """The server's answer to this request; `fields`: of scapy's BOOTP; without `options` it does not say for how long.
    `times_ms`: T1 and T2."""
    from scapy.layers.dhcp import BOOTP, DHCP
    from scapy.layers.inet import IP, UDP
    from scapy.layers.l2 import Ether

    asked = Ether(request)[BOOTP]
    given = {"op": 2, "xid": asked.xid, "ciaddr": HOST_IP, "yiaddr": HOST_IP, "chaddr": HOST_MAC, **fields}
    lease = [("lease_time", LEASE_MS // 1000)] if options else []
    if times_ms is not None:
        lease += [("renewal_time", times_ms[0] // 1000), ("rebinding_time", times_ms[1] // 1000)]
    said = [("message-type", "ack"), ("server_id", server), *lease, "end"]
    return bytes(ether(src=mac) / IP(src=server, dst=HOST_IP) / UDP(sport=67, dport=68) / BOOTP(**given) / DHCP(options=said))


def _xid(request: bytes) -> int:
    return int.from_bytes(request[46:50], "big")


def _assert_asks_from(door: StandbyDoor, began_ms: float, t1_ms: float, t2_ms: float) -> None:
    """Of a lease that began then: the server from T1 on, everybody from T2 on."""
    asked: list[tuple[tuple[bytes, str], float]] = []
    while not asked or asked[-1][0] != EVERYBODY:
        sent = door.next_sent(LEASE_MS)
        asked.append((_asked(sent), sent.at_ms - began_ms))
    first_ms, rebinding_ms = asked[0][1], asked[-1][1]
    assert first_ms >= t1_ms - ROUNDING_MS, (
        f"asked after {first_ms:.0f} ms of a lease of {LEASE_MS}: T1 is at {t1_ms:.0f} (RFC 2131 4.4.5)"
    )
    assert rebinding_ms >= t2_ms - ROUNDING_MS, (
        f"everybody asked after {rebinding_ms:.0f} ms of a lease of {LEASE_MS}: T2 is at {t2_ms:.0f} (RFC 2131 4.4.5)"
    )
    before = {whom for whom, at_ms in asked if at_ms < t2_ms - ROUNDING_MS}
    assert before == {SERVER}, (
        f"before T2, at {t2_ms:.0f} ms, the server is asked and nobody else; the first request came after {first_ms:.0f} ms"
    )


@pytest.mark.device_can(offload=OffloadType.DHCP)
def test_the_server_is_asked_from_t1_on_and_everybody_from_t2_on(door: StandbyDoor) -> None:
    """RFC 2131 4.4.5: half and seven eighths of the lease where the server does not say; nobody answers, and its end wakes."""
    door.scale(MINUTE_US)
    began_ms = door.now_ms()
    _lease(door)
    _assert_asks_from(door, began_ms, T1_MS, T2_MS)
    woke = door.wake(LEASE_MS)
    assert woke.reason == WakeReason.DHCP_EXPIRED
    over_ms = door.now_ms() - began_ms
    assert over_ms >= LEASE_MS - ROUNDING_MS, f"the lease of {LEASE_MS} ms was over after {over_ms:.0f}"


TOLD = {
    "in order": ((1_020_000, 1_500_000), (1_020_000, 1_500_000)),
    "T1 behind T2": ((1_620_000, 1_500_000), (T1_MS, 1_500_000)),
    "T2 behind the end": ((1_020_000, LEASE_MS + 120_000), (1_020_000, T2_MS)),
}
"""T1 and T2 as the server says them, and those that count."""


@pytest.mark.device_can(offload=OffloadType.DHCP)
@pytest.mark.parametrize("what", TOLD)
def test_times_of_the_server_count_where_they_can(door: StandbyDoor, what: str) -> None:
    """RFC 2131 4.4.5: T1 before T2, T2 before the end. In place of one that cannot be, half or seven eighths of the lease
    (offload.cddl): with a T1 behind T2 the server would never be asked, with a T2 behind the end nobody else."""
    told, (t1_ms, t2_ms) = TOLD[what]
    _lease(door)
    asked = door.next_sent(LEASE_MS)
    began_ms = door.now_ms()
    assert door.outcome(_ack(asked.frame, times_ms=told)) == ("", 0)
    _assert_asks_from(door, began_ms, t1_ms, t2_ms)


@pytest.mark.device_can(offload=OffloadType.DHCP)
def test_everybody_is_asked_from_t2_on_though_that_is_before_half_the_lease(door: StandbyDoor) -> None:
    """RFC 2131 4.4.5: the server says T2 alone, a third of the lease."""
    t2_ms = LEASE_MS // 3
    _lease(door)
    asked = door.next_sent(LEASE_MS)
    began_ms = door.now_ms()
    assert door.outcome(_ack(asked.frame, times_ms=(0, t2_ms))) == ("", 0)
    sent = door.next_sent(LEASE_MS)
    assert _asked(sent) == EVERYBODY
    after_ms = sent.at_ms - began_ms
    assert t2_ms - ROUNDING_MS <= after_ms < T1_MS - ROUNDING_MS, f"asked after {after_ms:.0f} ms, T2 is at {t2_ms}"


STRANGE: dict[str, dict[str, Any]] = {
    "of another transaction": {"xid": XID + 99},
    "for another station": {"chaddr": OTHER_MAC},
    "for another address": {"yiaddr": OTHER_IP},
    "of another server": {"server": OTHER_IP},
    "that is a request": {"op": 1},
    "without a lease time": {"options": False},
}


@pytest.mark.device_can(offload=OffloadType.DHCP)
@pytest.mark.parametrize("what", STRANGE)
def test_an_answer_that_is_not_the_servers_to_us_renews_nothing(door: StandbyDoor, what: str) -> None:
    """RFC 2131 4.4.1, 4.4.5: the request is repeated. After the right answer, the control, the next is another transaction."""
    _lease(door)
    first = door.next_sent(LEASE_MS).frame
    assert door.outcome(_ack(first, **STRANGE[what])) == ("", 0)
    again = door.next_sent(LEASE_MS).frame
    assert _xid(again) == _xid(first) == XID, f"an ACK {what} was taken: the next request has xid {_xid(again)}, not {XID} again"
    assert door.outcome(_ack(again)) == ("", 0)
    assert _xid(door.next_sent(LEASE_MS).frame) == XID + 1


@pytest.mark.device_can(offload=OffloadType.DHCP)
def test_who_has_given_the_lease_last_is_asked_next(door: StandbyDoor) -> None:
    """RFC 2131 4.4.5: in REBINDING any server may answer, and the lease is that one's then. A repetition may cross the answer."""
    _lease(door)
    while _asked(sent := door.next_sent(LEASE_MS)) != EVERYBODY:
        pass
    assert door.made_of(_ack(sent.frame, mac=OTHER_MAC, server=OTHER_IP)).wake == ""
    while _xid((sent := door.next_sent(LEASE_MS)).frame) == XID:
        assert _asked(sent) == EVERYBODY
    asked = _asked(sent)
    words = f"renewed by {OTHER_IP} at {OTHER_MAC.hex(':')}, the next request goes to {asked[1]} at {asked[0].hex(':')}"
    assert asked == (OTHER_MAC, OTHER_IP), f"{words} (RFC 2131 4.4.5)"
