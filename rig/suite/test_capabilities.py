"""What the device says that it can is what it takes, and it refuses the rest: types and flags by their numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Any, cast

import pytest

from rig.device.bpf import compile_filter
from rig.device.check import samples
from rig.device.codes import NO_SUCH_COMMAND
from rig.device.images import listed, of_board
from rig.device.numbers import NsFlag, OffloadRc, OffloadType, PatternType, SlotFlag
from rig.device.offload_types import Pattern, ProtocolOffload, TcpSlot
from rig.device.payload import PayloadKeepAlive, Span
from rig.errors import DeviceError
from rig.suite.offload_room import OF_FLAT_HOST
from rig.suite.scene import Scene

NUMBER, HOST, PEER = 760, "192.0.2.1", "192.0.2.9"
WITH_EVERYTHING = ("full", "small")
"""Profiles of firmware/README.md."""

PATTERN_NUMBERS, OFFLOAD_NUMBERS = range(32), range(64)

SLOT = TcpSlot(
    local=HOST, remote=PEER, local_port=49152, remote_port=443, local_mac=b"\x02\0\0\0\0\1", next_hop_mac=b"\x02\0\0\0\0\2",
    snd_una=1, snd_nxt=1, snd_wl1=1, snd_wnd=64240, max_snd_wnd=64240, rcv_nxt=1, rcv_wnd=64240, rcv_wup=1,
    next_hop_ip=PEER, flags=SlotFlag.KEEP,
)  # fmt: skip


class Stranger:
    """What a newer host might send: a type that this rig has no name for."""

    def __init__(self, like: Pattern | ProtocolOffload, number: int) -> None:
        self._body = {**like.wire(), "type": number}

    def wire(self) -> dict[str, Any]:
        return self._body


class Tokens:
    """A slot whose payload keep-alive has these tokens of one byte, however many the rig would give."""

    def __init__(self, slot: TcpSlot, tokens: bytes) -> None:
        payload = PayloadKeepAlive(data=b"x", token=Span(0, 1))
        self._body = {**replace(slot, payload=payload).wire(), "ka_tokens": tokens}

    def wire(self) -> dict[str, Any]:
        return self._body


def answer(call: Callable[[], object]) -> OffloadRc:
    try:
        call()
    except DeviceError as refused:
        return OffloadRc.UNSUPPORTED if refused.name == NO_SUCH_COMMAND else OffloadRc(refused.rc)
    return OffloadRc.OK


def numbers(kinds: Iterable[int] | None) -> set[int]:
    return {int(kind) for kind in kinds or ()}


def taken(candidates: Iterable[int], add: Callable[[int], object], remove: Callable[[], object]) -> set[int]:
    """Those of the numbers that the device takes; every other is refused for being unknown, not for its fields."""
    good = set()
    for number in candidates:
        rc = answer(partial(add, number))
        assert rc in (OffloadRc.OK, OffloadRc.UNSUPPORTED), f"{number}: {rc.name}"
        if rc is OffloadRc.OK:
            remove()
            good.add(number)
    return good


def test_pattern_types_that_it_names_are_taken_and_no_others(scene: Scene) -> None:
    device, said = scene.device, scene.device.capabilities().pattern_types
    ref = device.add_tcp_slot(SLOT)
    known = samples.patterns(NUMBER, ref)

    def add(number: int) -> None:
        pattern: Any = known.get(number) or Stranger(known[PatternType.BITMAP], number)
        device.add_pattern(pattern)

    assert taken(PATTERN_NUMBERS, add, lambda: device.remove_pattern(NUMBER)) == numbers(said)


@pytest.mark.device_can(offloads=OF_FLAT_HOST + 1)
def test_offload_types_that_it_names_are_taken_and_no_others(scene: Scene) -> None:
    device, said = scene.device, scene.device.capabilities().offload_types
    known = samples.offloads(NUMBER, scene.host_mac, scene.next_hop_mac)

    def add(number: int) -> None:
        offload: Any = known.get(number) or Stranger(known[OffloadType.ARP], number)
        device.add_offload(offload)

    assert taken(OFFLOAD_NUMBERS, add, lambda: device.remove_offload(NUMBER)) == numbers(said)


@pytest.mark.device_can(offloads=OF_FLAT_HOST + 1)
def test_flags_that_it_names_are_taken_and_no_others(scene: Scene) -> None:
    device, caps = scene.device, scene.device.capabilities()
    neighbour = samples.offloads(NUMBER, scene.host_mac, scene.next_hop_mac)[OffloadType.NS]

    def add_neighbour(bit: int) -> None:
        device.add_offload(replace(neighbour, flags=1 << bit))

    good = taken(range(16), add_neighbour, lambda: device.remove_offload(NUMBER))
    assert NsFlag(sum(1 << bit for bit in good)) == caps.ns_flags

    def add_slot(bit: int) -> object:
        tagged = SLOT if 1 << bit != SlotFlag.VLAN else replace(SLOT, vlan_tci=5)
        return device.add_tcp_slot(replace(tagged, flags=SlotFlag(1 << bit)))

    def remove_slot() -> object:
        return [device.remove_tcp_slot(slot.ref) for slot in device.slots()]

    good = taken(range(32), add_slot, remove_slot)
    assert SlotFlag(sum(1 << bit for bit in good)) == caps.slot_flags


def test_our_own_firmware_names_all_of_them(scene: Scene) -> None:
    """So that no test is skipped on it for what it lacks."""
    device, caps = scene.device, scene.device.capabilities()
    ours, board = listed(), device.hello().board
    built = ours.get(scene.bench.config.device) or ours.get(of_board(board))
    if built is None:
        pytest.skip(f"the firmware of {board} is not ours")
    if built.profile not in WITH_EVERYTHING:
        pytest.skip(f"its profile {built.profile} is to lack some: tests/device/test_profiles.py")
    assert numbers(caps.pattern_types) == numbers(PatternType)
    assert numbers(caps.offload_types) == numbers(OffloadType)
    assert caps.ns_flags is not None
    assert NsFlag.RA_WAKE in caps.ns_flags


@pytest.mark.device_can(pattern=PatternType.PROGRAM)
def test_programs_up_to_the_length_that_it_names_are_taken(scene: Scene) -> None:
    room = scene.device.capabilities().program_ops
    assert room is not None
    last = compile_filter("udp port 5000")[-8:]  # returns, whatever stands before it
    load = bytes.fromhex("2800000000000000")  # ldh [0]
    for ops, rc in ((room, OffloadRc.OK), (room + 1, OffloadRc.BAD_LEN)):
        program = Pattern(id=NUMBER, type=PatternType.PROGRAM, prog=load * (ops - 1) + last)
        assert answer(partial(scene.device.add_pattern, program)) is rc


@pytest.mark.device_can(token_bytes=1)
def test_tokens_up_to_the_bytes_that_it_names_are_taken(scene: Scene) -> None:
    room = scene.device.capabilities().token_bytes
    assert room is not None
    for size, rc in ((room, OffloadRc.OK), (room + 1, OffloadRc.BAD_ARG)):
        slot = Tokens(SLOT, bytes(size))
        assert answer(partial(scene.device.add_tcp_slot, cast(TcpSlot, slot))) is rc
