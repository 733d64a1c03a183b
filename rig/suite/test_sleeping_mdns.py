"""Which mDNS questions a sleeping device answers. Written against a door: `standby_door.py`."""

from __future__ import annotations

import socket
import struct

import pytest

from rig.device.numbers import MdnsFlag, OffloadType
from rig.device.offload_types import ProtocolOffload
from rig.suite.peer_frames import HOST_IP, HOST_MAC, PEER_IP, PEER_MAC, ether
from rig.suite.standby_door import StandbyDoor

pytestmark = pytest.mark.topology("flat")

GROUP, GROUP_MAC, PORT = "224.0.0.251", bytes.fromhex("01005e0000fb"), 5353
NAME = b"\x07sleeper\x05local\0"
TYPE_A, CLASS_IN = 1, 1
UNICAST = 1 << 15
"""Of a question's class (RFC 6762 5.4)."""
TTL_S = 120


def _question(left_s: int | None = None, rrclass: int = CLASS_IN, sport: int = PORT) -> bytes:
    """For the host's address; `left_s`: of the answer that the asker knows, None: it knows none."""
    from scapy.layers.inet import IP, UDP
    from scapy.packet import Raw

    asked = NAME + struct.pack("!2H", TYPE_A, rrclass)
    known = b""
    if left_s is not None:
        known = NAME + struct.pack("!2HIH", TYPE_A, CLASS_IN, left_s, 4) + socket.inet_aton(HOST_IP)
    message = struct.pack("!6H", 0, 0, 1, bool(known), 0, 0) + asked + known
    return bytes(ether(GROUP_MAC) / IP(src=PEER_IP, dst=GROUP, ttl=255) / UDP(sport=sport, dport=PORT) / Raw(message))


def _with_record(door: StandbyDoor) -> None:
    """Asleep, and the host's address is its own alone."""
    door.add(
        ProtocolOffload(
            id=1, type=OffloadType.MDNS, ip=HOST_IP, mac=HOST_MAC, name=NAME, rrtype=TYPE_A, data=socket.inet_aton(HOST_IP),
            ttl_s=TTL_S, flags=MdnsFlag.UNIQUE,
        )
    )  # fmt: skip
    door.sleep()


@pytest.mark.device_can(offload=OffloadType.MDNS)
@pytest.mark.parametrize(("left_s", "answers"), [(TTL_S, 0), (TTL_S // 2, 0), (TTL_S // 2 - 1, 1), (0, 1), (None, 1)])
def test_an_answer_that_the_asker_knows_for_less_than_half_its_time_is_given(
    door: StandbyDoor, left_s: int | None, answers: int
) -> None:
    """RFC 6762 7.1: known with at least half of its time left it is not given again; else it would run out unrenewed."""
    _with_record(door)
    knows = "does not know the answer" if left_s is None else f"knows the answer for {left_s} s more, its TTL is {TTL_S} s"
    assert door.outcome(_question(left_s)) == ("", answers), f"the asker {knows}: {answers} answers expected (RFC 6762 7.1)"


ALONE = {"wants an answer of its own": {"rrclass": UNICAST | CLASS_IN}, "is a legacy resolver": {"sport": 40_000}}


@pytest.mark.device_can(offload=OffloadType.MDNS)
@pytest.mark.parametrize("who", ALONE)
def test_who_is_answered_alone_is_answered_right_behind_an_answer_to_all(door: StandbyDoor, who: str) -> None:
    """RFC 6762 6: a second lies between two answers to the group; what goes to one station is no storm (5.4, 6.7)."""
    _with_record(door)
    assert door.outcome(_question()) == ("", 1)
    made = door.made_of(_question(**ALONE[who]))
    assert made.outcome == ("", 1), f"an asker who {who}, right behind an answer to the group (RFC 6762 6)"
    assert made.answers[0][:6] == PEER_MAC, f"it goes to {made.answers[0][:6].hex(':')}"
