"""The Python side agrees with the files that define the control channel: offload_rc.h, offload.cddl and the contract's page."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import IntEnum, IntFlag
from pathlib import Path
from typing import Any

import cbor2
import pytest

from rig.device import contract, numbers, requests
from rig.device.numbers import Fault, OffloadRc, OffloadType, SlotFlag
from rig.device.offload import OffloadClient
from rig.device.offload_types import Pattern, PayloadKeepAlive, ProtocolOffload, SlotRef, TcpSlot, lsb_first_mask
from rig.device.reference import numbers as reference
from rig.device.reference import server

FIRMWARE = Path(__file__).parents[2] / "firmware"
HEADER = (FIRMWARE / "core" / "offload_rc.h").read_text()
CDDL = (FIRMWARE / "proto" / "offload.cddl").read_text()
PAGE = (FIRMWARE / "proto" / "README.md").read_text()

ENUMS: dict[str, tuple[type[IntEnum] | type[IntFlag], str]] = {
    "off_rc": (OffloadRc, "OFF_"),
    "off_wake_reason": (numbers.WakeReason, "OFF_WAKE_"),
    "off_arm": (numbers.Arm, "OFF_ARM_"),
    "off_slot_flag": (SlotFlag, "OFF_SLOT_"),
    "off_slot_state": (numbers.SlotState, "OFF_SLOT_"),
    "off_pattern_type": (numbers.PatternType, "OFF_PATTERN_"),
    "off_pattern_flag": (numbers.PatternFlag, "OFF_PATTERN_"),
    "off_offload_type": (numbers.OffloadType, "OFF_OFFLOAD_"),
    "off_ns_flag": (numbers.NsFlag, "OFF_NS_"),
    "off_mdns_flag": (numbers.MdnsFlag, "OFF_MDNS_"),
    "off_udp_flag": (numbers.UdpFlag, "OFF_UDP_"),
    "off_owner": (numbers.Owner, "OFF_OWNER_"),
    "off_power": (numbers.Power, "OFF_"),
    "off_event_kind": (numbers.EventKind, "OFF_EVENT_"),
    "off_state_machine": (numbers.StateMachine, "OFF_MACHINE_"),
    "off_event_flag": (numbers.EventFlag, "OFF_EVENT_"),
    "off_frame_flag": (numbers.FrameFlag, "OFF_FRAME_"),
    "off_fault": (Fault, "OFF_FAULT_"),
}


def members_in_header(enum: str, prefix: str) -> dict[str, int]:
    body = re.search(rf"enum {enum} {{(.*?)}};", HEADER, re.DOTALL)
    assert body is not None, f"no enum {enum} in offload_rc.h"
    pairs = re.findall(r"OFF_(\w+) = ([^,/}]+)", body[1])
    return {f"OFF_{name}".removeprefix(prefix): number(text) for name, text in pairs}


def number(text: str) -> int:
    """A C constant: 7, 0x4001, 1u << 3."""
    value, _, shift = text.replace("u", "").strip().partition("<<")
    return int(value, 0) << int(shift or "0")


def test_every_enum_of_the_header_is_mirrored() -> None:
    assert set(re.findall(r"^enum (\w+)", HEADER, re.MULTILINE)) == set(ENUMS)


@pytest.mark.parametrize("enum", ENUMS)
def test_numbers_agree_with_the_header(enum: str) -> None:
    mirror, prefix = ENUMS[enum]
    assert {member.name: int(member) for member in mirror} == members_in_header(enum, prefix)


REFUSED_BY_NAME = {"OFF_SLOT_MD5", "OFF_SLOT_AO", "OFF_SLOT_FAST_OPEN"}
"""The firmware takes none but the flags that it knows."""


def test_every_number_of_the_header_is_used() -> None:
    """What the device never says would have hosts written for it."""
    sources = [file for folder in ("core", "smp", "boot") for file in (FIRMWARE / folder).glob("*.[ch]")] + [FIRMWARE / "main.c"]
    used = set(re.findall(r"\bOFF_\w+", "".join(file.read_text() for file in sources if file.name != "offload_rc.h")))
    assert set(re.findall(r"\b(OFF_\w+) =", HEADER)) - used == REFUSED_BY_NAME


def test_every_offload_type_has_a_row_in_the_engine() -> None:
    rows = re.findall(r"\.number = OFF_OFFLOAD_(\w+)", (FIRMWARE / "core" / "offload_types.c").read_text())
    assert sorted(rows) == sorted(kind.name for kind in OffloadType)


def test_command_ids_agree_with_the_cddl() -> None:
    listed = {int(text, 16) for text in re.findall(r"0x([0-9A-F]{2})\b", CDDL)}
    assert {int(command) for command in numbers.Command} == listed


def test_every_message_of_the_cddl_belongs_to_a_command() -> None:
    named = {rule for rules in contract.RULES.values() for rule in rules} - {contract.COUNTERS}
    messages = set(re.findall(r"^(\w+_(?:req|rsp)) =", CDDL, re.MULTILINE))
    assert named == messages | {"slot_ref", "pattern_ref", "offload_ref"}
    assert {command for _, command in contract.RULES} == set(numbers.Command)


def test_the_minimum_profile_is_the_one_that_the_page_asks_for() -> None:
    """Section 6 in words; the other two numbers are in sections 1 and 6."""
    words = " ".join(PAGE[PAGE.index("## 6.") : PAGE.index("## 7.")].split())
    least = dict(contract.MINIMUM)
    del least["mtu"]  # Ethernet's
    assert f"at least {least.pop('max_message')})" in PAGE
    assert f" {least.pop('MaxTcpSlots')} TCP slots " in words
    assert f" {least.pop('NumTotalWoLPatterns')} bitmap patterns of {least.pop('MaxWoLPatternSize')} bytes " in words
    assert f" offset up to {least.pop('MaxWoLPatternOffset')}," in words
    assert least.pop("MaxWoLPacketSaveBuffer") == 1514, "one whole waking frame"
    assert f"one whole waking frame and {least.pop('BufferedFrames')} behind it" in words
    assert "intervals of {} to {} ms".format(*contract.KA_ALWAYS_MS) in words
    assert least == {}
    flags = re.search(r"`slot_flags` ([^;]*);", words)
    assert flags is not None
    assert {name.removeprefix("WAKE_ON_") for name in re.split(r",\s*", flags[1])} == {
        flag.name.removeprefix("WAKE_ON_") for flag in contract.MINIMUM_FLAGS if flag.name
    }
    assert f"`pattern_types` {' and '.join(kind.name for kind in contract.MINIMUM_PATTERNS)}." in words


def test_the_limits_of_the_page_are_those_of_both_devices_and_of_the_rig() -> None:
    words, core, cache = " ".join(PAGE.split()), FIRMWARE / "core", (FIRMWARE / "smp" / "reply_cache.h").read_text()
    state, engine = (core / "engine_state.h").read_text(), (core / "engine.h").read_text()
    challenges, answers = reference.CHALLENGES_A_SECOND, reference.ANSWERS_A_SECOND
    assert f"at most {challenges} a second and slot; other ACKs {answers}." in words
    assert f"ENG_CHALLENGES_PER_S = {challenges}," in state
    assert f"ENG_ANSWERS_PER_S = {answers}," in state
    assert f"are kept until freed ({reference.EVENTS}; the oldest goes first" in words
    assert f"ENG_EVENTS = {reference.EVENTS}," in engine
    assert f"after {server.KEPT_REQUESTS} further requests of any group" in words
    assert f"REPLY_CACHE_REQUESTS = {server.KEPT_REQUESTS}," in cache
    assert f"after {requests.TIMEOUT_S:g} s and the time that the request takes on the line, four times." in words
    assert requests.RETRIES == 4


COUNTERS = re.findall(r"^\tX\((\w+)\)", (FIRMWARE / "core" / "counters.h").read_text(), re.MULTILINE)


def test_the_reference_device_counts_under_the_names_of_the_contract() -> None:
    """Of its own ones no test knows; each reason that it wakes for is counted under one of them."""
    assert set(reference.COUNTERS) <= {"rx_total", *COUNTERS}
    ends = COUNTERS[: COUNTERS.index("rx_overflow") + 1]
    assert reference.COUNTERS[: len(ends) + 1] == ["rx_total", *ends]
    assert set(reference.WAKE_COUNTERS.values()) <= set(reference.COUNTERS)


def test_every_code_and_reason_is_explained_where_its_number_is() -> None:
    """`OK`, `NONE` and what its name says whole are not."""
    plain = {"OFF_OK", "OFF_WAKE_NONE", "OFF_WAKE_UDP_DATA"}
    for enum in ("off_rc", "off_wake_reason"):
        body = re.search(rf"enum {enum} {{(.*?)}};", HEADER, re.DOTALL)
        assert body is not None
        bare = {line.split()[0] for line in body[1].splitlines() if "=" in line and "/*" not in line}
        assert bare <= plain


def test_leases_are_as_long_as_in_the_engine() -> None:
    engine = (FIRMWARE / "core" / "engine.h").read_text()
    for name in ("LEASE_MIN_MS", "LEASE_MAX_MS", "LEASE_DEFAULT_MS"):
        assert re.search(rf"ENG_{name} = {getattr(contract, name)}\b", engine), name


# -- messages ----------------------------------------------------------------------------------------------------------


class Recorder:
    """A Requester that keeps what is sent and answers with whatever every reply needs."""

    ANSWER: Mapping[str, Any] = {"log": b""} | dict.fromkeys(
        ("next", "slot", "gen", "epoch", "power", "captured", "lost", "boot_id", "freed_slots", "t2_us", "t3_us"), 0
    )
    LISTS: Mapping[str, list[int]] = {"frames": [], "slots": [], "state": [0] * 24}

    def __init__(self) -> None:
        self.sent: dict[str, Any] = {}

    def request(self, op: int, group: int, command: int, body: Mapping[str, Any], **_: Any) -> dict[str, Any]:
        self.sent = dict(body)
        return {**self.ANSWER, **self.LISTS, "more": False}


MAC = bytes.fromhex("020000000001")
SLOT = TcpSlot(
    local="192.0.2.1", remote="192.0.2.2", local_port=49152, remote_port=443, local_mac=MAC, next_hop_mac=MAC,
    snd_una=1, snd_nxt=1, snd_wl1=1, snd_wnd=64240, max_snd_wnd=64240, rcv_nxt=1, rcv_wnd=64240, rcv_wup=1,
    ts_on=True, ts_hz=1000, tsval=0xFFFFFFFF, t0_us=2**40,
)  # fmt: skip
SLOT_LEARNS = TcpSlot(**{**SLOT.__dict__, "next_hop_ip": "192.0.2.9", "flags": SlotFlag.LEARN_NEXT_HOP})
SLOT6 = TcpSlot(**{**SLOT.__dict__, "local": "2001:db8::1", "remote": "2001:db8::2"})

PING_SLOT = TcpSlot(**{**SLOT.__dict__, "payload": PayloadKeepAlive.websocket_ping(bytes(400))})
MASKED_REPLY = PayloadKeepAlive(data=bytes(32), reply=bytes(32), reply_mask=bytes(4))
TAGGED_SLOT = TcpSlot(**{**SLOT6.__dict__, "vlan_tci": 0xE005, "flow_label": 0xFFFFF})
MQTT_SLOT = TcpSlot(**{**SLOT.__dict__, "payload": PayloadKeepAlive.mqtt_ping()})

NATT = ProtocolOffload.natt(4, ip="192.0.2.1", mac=MAC, remote="192.0.2.9", next_hop_mac=MAC, interval_ms=20_000)
UDP_KEEP_ALIVE = ProtocolOffload(
    id=5, type=OffloadType.UDP, ip="2001:db8::1", mac=MAC, remote="2001:db8::2", next_hop_mac=MAC, local_port=5000,
    remote_port=6000, interval_ms=1000, elapsed_ms=500, data=bytes(32), flags=1, vlan_tci=0xFFFE, next_hop_ip="fe80::1",
)  # fmt: skip

DHCP_LEASE = ProtocolOffload(
    id=6, type=OffloadType.DHCP, ip="192.0.2.1", mac=MAC, remote="192.0.2.9", next_hop_mac=MAC, xid=7, lease_s=86_400,
    t1_s=43_200, elapsed_ms=0, data=bytes(7),
)  # fmt: skip

MDNS_RECORD = ProtocolOffload(
    id=7, type=OffloadType.MDNS, ip="192.0.2.1", mac=MAC, name=bytes(64), rrtype=16, data=bytes(64), ttl_s=4500, flags=1
)

MESSAGES: list[tuple[str, Any]] = [
    ("attach_req", lambda c: c.attach(42)),
    ("attach_req", lambda c: c.attach(42, 86_400_000)),
    ("time_sync_req", lambda c: c.time_sync()),
    ("get_log_req", lambda c: c.log(2**32 - 1)),
    ("add_tcp_slot_req", lambda c: c.add_tcp_slot(SLOT)),
    ("add_tcp_slot_req", lambda c: c.add_tcp_slot(SLOT6)),
    ("add_tcp_slot_req", lambda c: c.add_tcp_slot(PING_SLOT)),
    ("add_tcp_slot_req", lambda c: c.add_tcp_slot(MQTT_SLOT)),
    ("add_tcp_slot_req", lambda c: c.add_tcp_slot(TcpSlot(**{**SLOT.__dict__, "payload": MASKED_REPLY}))),
    ("add_tcp_slot_req", lambda c: c.add_tcp_slot(SLOT_LEARNS)),
    ("add_tcp_slot_req", lambda c: c.add_tcp_slot(TAGGED_SLOT)),
    ("slot_ref", lambda c: c.remove_tcp_slot(SlotRef(3, 7))),
    ("slot_ref", lambda c: c.get_tcp_slot(SlotRef(3, 7))),
    ("slot_ref", lambda c: c.pause_tcp_slot(SlotRef(3, 7))),
    ("slot_ref", lambda c: c.resume_tcp_slot(SlotRef(3, 7))),
    ("slot_update_req", lambda c: c.update_tcp_slot(SlotRef(3, 7), ka_idle_ms=10)),
    ("slot_update_req", lambda c: c.update_tcp_slot(SlotRef(3, 7), next_hop_ip="fe80::1", next_hop_mac=MAC, ka_intvl_ms=1)),
    ("add_pattern_req", lambda c: c.add_pattern(Pattern.bitmap(1, b"abc", [True, False, True], offset=14))),
    ("add_pattern_req", lambda c: c.add_pattern(Pattern.bitmap(2, bytes(128)))),
    ("add_pattern_req", lambda c: c.add_pattern(Pattern.magic(3, b"secret"))),
    ("add_pattern_req", lambda c: c.add_pattern(Pattern.syn(4, ip="192.0.2.1", port=22))),
    ("add_pattern_req", lambda c: c.add_pattern(Pattern.syn(5, ip="2001:db8::1", src="2001:db8::2"))),
    ("add_pattern_req", lambda c: c.add_pattern(Pattern.syn(6, version=6, sport=7))),
    ("add_pattern_req", lambda c: c.add_pattern(Pattern.udp(7, 5353, ip="192.0.2.1"))),
    ("add_pattern_req", lambda c: c.add_pattern(Pattern.eapol(8))),
    ("add_pattern_req", lambda c: c.add_pattern(Pattern.link(9, up=True))),
    ("add_pattern_req", lambda c: c.add_pattern(Pattern.payload(10, SlotRef(3, 7), b"GO", offset=2, wake_unmatched=True))),
    ("add_pattern_req", lambda c: c.add_pattern(Pattern(id=11, type=numbers.PatternType.PROGRAM, prog=bytes(64 * 8)))),
    ("pattern_ref", lambda c: c.remove_pattern(2)),
    ("add_offload_req", lambda c: c.add_offload(ProtocolOffload(id=1, ip="192.0.2.1", mac=MAC))),
    ("add_offload_req", lambda c: c.add_offload(ProtocolOffload(id=2, ip="192.0.2.1", mac=MAC, remote="192.0.2.9"))),
    (
        "add_offload_req",
        lambda c: c.add_offload(
            ProtocolOffload(
                id=3, type=numbers.OffloadType.NS, ip="2001:db8::1", ip2="fe80::1", mac=MAC, flags=1, remote="fe80::2"
            )
        ),
    ),
    ("add_offload_req", lambda c: c.add_offload(ProtocolOffload.group(3, ip="fe80::1", mac=MAC, group="ff02::fb"))),
    ("add_offload_req", lambda c: c.add_offload(NATT)),
    ("add_offload_req", lambda c: c.add_offload(UDP_KEEP_ALIVE)),
    ("add_offload_req", lambda c: c.add_offload(DHCP_LEASE)),
    ("add_offload_req", lambda c: c.add_offload(MDNS_RECORD)),
    ("offload_ref", lambda c: c.remove_offload(1)),
    ("prepare_req", lambda c: c.prepare(epoch=3, arm=1, mac=MAC, wake_timer_ms=1000)),
    ("epoch_req", lambda c: c.commit(3)),
    ("epoch_req", lambda c: c.abort(3)),
    ("epoch_req", lambda c: c.host_awake(3)),
    ("drain_req", lambda c: c.drain(0)),
    ("fault_inject_req", lambda c: c.fault_inject(Fault.DROP_REPLY, 2)),
    ("clock_scale_req", lambda c: c.set_clock_scale(50_000)),
]


@pytest.fixture(scope="module")
def cddl_types() -> Any:
    zcbor = pytest.importorskip("zcbor", reason="zcbor is a build tool: pip install 'zcbor==0.9.1'")
    return zcbor.DataTranslator.from_cddl(CDDL, 3).my_types


@pytest.mark.parametrize(("rule", "call"), MESSAGES)
def test_messages_satisfy_the_cddl(cddl_types: Any, rule: str, call: Any) -> None:
    recorder = Recorder()
    call(OffloadClient(recorder))
    encoded = cbor2.dumps(recorder.sent, canonical=True)
    cddl_types[rule].validate_str(encoded)


@pytest.mark.parametrize(("rule", "call"), MESSAGES)
def test_keys_stand_in_the_order_the_c_decoder_reads(rule: str, call: Any) -> None:
    """The device takes keys in the order of the CDDL; ours go out in canonical order."""
    recorder = Recorder()
    call(OffloadClient(recorder))
    sent = list(cbor2.loads(cbor2.dumps(recorder.sent, canonical=True)))
    body = re.search(rf"^{rule} = {{(.*?)}}", CDDL, re.DOTALL | re.MULTILINE)
    assert body is not None
    wanted = re.findall(r'"(\w+)":', body[1])
    assert sent == [key for key in wanted if key in sent]


def test_mask_is_lsb_first() -> None:
    assert lsb_first_mask([True, False, True]) == b"\x05"
    assert lsb_first_mask([False] * 8 + [True]) == b"\x00\x01"
    assert lsb_first_mask([]) == b""
