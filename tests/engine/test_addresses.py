"""What a host may name as an address, its own or another station's: one rule for slots and every protocol offload.

Frames from or to the others are martians, so an offload for one would answer nothing; a slot would send what no peer takes.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.engine.engine_lib import BAD_ADDR, HOST_IP6, NATT, OK, PEER_IP6, UDP, Engine

HOST_NAME, A, AAAA = b"\x04host\x05local\x00", 1, 28

USABLE = ["192.0.2.1", "1.0.0.1", "126.255.255.255", "128.0.0.1", "223.255.255.254"]
UNUSABLE = ["0.0.0.0", "0.0.0.1", "0.255.255.255", "127.0.0.1", "127.255.255.254", "224.0.0.1", "240.0.0.1", "255.255.255.255"]
USABLE6 = ["2001:db8::1", "fe80::1", "64:ff9b::1", "fd00::", "1::"]
UNUSABLE6 = ["::", "::1", "::192.0.2.1", "::ffff:192.0.2.1", "ff02::1", "ff0e::1"]

Add = Callable[[Engine, str], int]

ADDS: dict[str, Add] = {
    "a slot's own": lambda eng, a: eng.slot_add(local=a)[0],
    "a slot's peer": lambda eng, a: eng.slot_add(local="192.0.2.77", remote=a)[0],
    "a slot's next hop": lambda eng, a: eng.slot_add(local="192.0.2.77", next_hop_ip=a)[0],
    "ARP": lambda eng, a: eng.arp_add(address=a),
    "echo": lambda eng, a: eng.echo_add(address=a),
    "NAT-T": lambda eng, a: eng.udp_add(type_=NATT, address=a),
    "NAT-T's peer": lambda eng, a: eng.udp_add(type_=NATT, address="192.0.2.77", remote=a),
    "UDP": lambda eng, a: eng.udp_add(type_=UDP, address=a),
    "DHCP": lambda eng, a: eng.dhcp_add(address=a),
    "DHCP's server": lambda eng, a: eng.dhcp_add(address="192.0.2.77", remote=a),
    "mDNS": lambda eng, a: eng.mdns_add(1, HOST_NAME, A, bytes(4), a),
    "group": lambda eng, a: eng.group_add(1, "239.1.1.1", a),
}
ADDS6: dict[str, Add] = {
    "a slot's own": lambda eng, a: eng.slot_add(local=a, remote=PEER_IP6)[0],
    "a slot's peer": lambda eng, a: eng.slot_add(local=HOST_IP6, remote=a)[0],
    "a slot's next hop": lambda eng, a: eng.slot_add(local=HOST_IP6, remote=PEER_IP6, next_hop_ip=a)[0],
    "NS": lambda eng, a: eng.ns_add(address=a),
    "NS, the second": lambda eng, a: eng.ns_add(second=a),
    "echo": lambda eng, a: eng.echo_add(address=a),
    "UDP": lambda eng, a: eng.udp_add(type_=UDP, address=a, remote=PEER_IP6),
    "UDP's peer": lambda eng, a: eng.udp_add(type_=UDP, address=HOST_IP6, remote=a),
    "mDNS": lambda eng, a: eng.mdns_add(1, HOST_NAME, AAAA, bytes(16), a),
}


@pytest.mark.parametrize("who", ADDS)
@pytest.mark.parametrize("address", UNUSABLE)
def test_an_address_that_no_station_has_is_refused(eng: Engine, who: str, address: str) -> None:
    assert ADDS[who](eng, address) == BAD_ADDR


@pytest.mark.parametrize("who", ADDS6)
@pytest.mark.parametrize("address", UNUSABLE6)
def test_the_same_over_ipv6(eng: Engine, who: str, address: str) -> None:
    assert ADDS6[who](eng, address) == BAD_ADDR


@pytest.mark.parametrize("who", ADDS)
@pytest.mark.parametrize("address", USABLE)
def test_every_other_is_taken(eng: Engine, who: str, address: str) -> None:
    assert ADDS[who](eng, address) == OK


@pytest.mark.parametrize("who", ADDS6)
@pytest.mark.parametrize("address", USABLE6)
def test_every_other_is_taken_over_ipv6(eng: Engine, who: str, address: str) -> None:
    assert ADDS6[who](eng, address) == OK


def test_a_groups_reports_come_from_a_link_local_address(eng: Engine) -> None:
    """RFC 3810 5.2.13; fe80::/10 ends with febf::."""
    assert eng.group_add(1, "ff02::fb", "febf::1") == OK
    assert eng.group_add(2, "ff02::fb", "fec0::1") == BAD_ADDR
