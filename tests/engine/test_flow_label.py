"""The IPv6 flow label of a slot: on everything it sends, beside the traffic class; RFC 6437 wants one label for a flow."""

from __future__ import annotations

import pytest
from scapy.layers.inet6 import IPv6

from tests.engine.engine_lib import BAD_ARG, FLOW_LABEL, HOST_IP6, OK, PEER_IP6, Engine
from tests.engine.packets import parse_tcp, tcp

S = 1_000_000
FLAGS = 0x1F | FLOW_LABEL
V6 = {"local": HOST_IP6, "remote": PEER_IP6}


@pytest.mark.parametrize("tos", [0, 0x02, 0xB8, 0xFF])
@pytest.mark.parametrize("label", [0, 1, 0x80000, 0xABCDE, 0xFFFFF])
def test_probes_and_answers_carry_it(eng: Engine, label: int, tos: int) -> None:
    assert eng.slot_add(flags=FLAGS, flow_label=label, tos=tos, **V6)[0] == OK
    eng.sleep()
    l3 = IPv6(src=PEER_IP6, dst=HOST_IP6, fl=0x12345)
    eng.rx(tcp("A", seq=4999, l3=l3))
    eng.rx(tcp("S", seq=1, l3=l3))
    eng.run_until(eng.now_us + 60 * S)
    sent = [parse_tcp(frame)[0] for frame in eng.take_sent()]
    assert [(ip.fl, ip.tc, ip.version) for ip in sent] == [(label, tos & 0xFC, 6)] * 3, "RFC 3168 6.1.4: not ECN capable"


def test_a_label_has_20_bits_a_flag_and_ipv6(eng: Engine) -> None:
    for label in (0x100000, 0xFFFFFFFF):
        assert eng.slot_add(flags=FLAGS, flow_label=label, **V6)[0] == BAD_ARG
    assert eng.slot_add(flags=0x1F, flow_label=1, **V6)[0] == BAD_ARG
    assert eng.slot_add(flags=FLAGS, flow_label=1)[0] == BAD_ARG
    assert eng.slots() == []
    assert eng.slot_add(flags=FLAGS, flow_label=0)[0] == OK


def test_without_one_it_is_0(eng: Engine) -> None:
    assert eng.slot_add(tos=0x1C, **V6)[0] == OK
    eng.sleep()
    eng.run_until(eng.now_us + 60 * S)
    (frame,) = eng.take_sent()
    assert frame[14:18] == bytes.fromhex("61c00000")
