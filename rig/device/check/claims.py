"""Each kind that a device claims is taken, as long as it says; what it does not claim is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from rig.device.check import samples
from rig.device.check.asked import Asked
from rig.device.numbers import Command, NsFlag, OffloadRc, OffloadType, PatternType, SlotFlag
from rig.device.tcp_slot import SlotRef

PATTERN_TYPES, SLOT_FLAG_BITS, NS_FLAG_BITS = range(1, 32), range(32), range(16)
"""All numbers that the capabilities have a bit for."""
ID = 77
"""Of what is added and removed again."""


def kinds(device: Asked) -> None:
    """Types and flags by their numbers, those of a newer contract too: taken when they are named, else UNSUPPORTED."""
    device.attach()
    _slot_flags(device)
    _pattern_types(device)
    _ns_flags(device)
    _lengths(device)
    device.attach()


def _slot_flags(device: Asked) -> None:
    claimed = device.capabilities.get("slot_flags")
    if claimed is None:
        return
    for bit in SLOT_FLAG_BITS:
        flag, known = SlotFlag(1 << bit), 1 << bit in set(SlotFlag)
        body = samples.slot(0, flag if known else SlotFlag(0)).wire() | {"flags": 1 << bit}
        what = f"a slot with the flag {_name(flag)}"
        ref = _taken_if(device, claimed >> bit & 1, Command.ADD_TCP_SLOT, body, what, known=known)
        if ref is not None:
            device.takes(device.write(Command.REMOVE_TCP_SLOT, SlotRef.of(ref).wire()), "remove the slot")


def _pattern_types(device: Asked) -> None:
    claimed = device.capabilities.get("pattern_types")
    if claimed is None:
        return
    body = samples.slot(0, SlotFlag.WAKE_ON_DATA).wire()
    on = SlotRef.of(device.takes(device.write(Command.ADD_TCP_SLOT, body), "a slot for patterns"))
    known = samples.patterns(ID, on)
    for number in PATTERN_TYPES:
        body = (known.get(number) or known[PatternType.BITMAP]).wire() | {"type": number}
        what = f"a pattern of type {PatternType(number).name if number in known else number}"
        if _taken_if(device, claimed >> number & 1, Command.ADD_PATTERN, body, what, known=number in known) is not None:
            device.takes(device.write(Command.REMOVE_PATTERN, {"id": ID}), f"remove {what}")
    device.takes(device.write(Command.REMOVE_TCP_SLOT, on.wire()), "remove the slot for patterns")


def _ns_flags(device: Asked) -> None:
    claimed = device.capabilities.get("ns_flags")
    if claimed is None or not device.capabilities.get("offload_types", 0) >> OffloadType.NS & 1:
        return
    plain = samples.offloads(ID, samples.MAC, samples.PEER_MAC)[OffloadType.NS]
    for bit in NS_FLAG_BITS:
        known = 1 << bit in set(NsFlag)
        what = f"an NS offload with the flag {_name(NsFlag(1 << bit))}"
        body = replace(plain, flags=1 << bit).wire()
        if _taken_if(device, claimed >> bit & 1, Command.ADD_OFFLOAD, body, what, known=known) is not None:
            device.takes(device.write(Command.REMOVE_OFFLOAD, {"id": ID}), f"remove {what}")


def _taken_if(
    device: Asked, claimed: int, command: Command, body: Mapping[str, Any], what: str, *, known: bool
) -> dict[str, Any] | None:
    """The answer of one that is claimed. What this rig does not know nobody can add for it."""
    if not claimed:
        device.refuses(device.write(command, body), OffloadRc.UNSUPPORTED, f"{what}, which it does not claim")
        return None
    return device.takes(device.write(command, body), f"{what}, which it claims") if known else None


def _name(flag: SlotFlag | NsFlag) -> str:
    return flag.name or f"{int(flag):#x}"


def _lengths(device: Asked) -> None:
    """As long as it says, and no longer."""
    _programs(device)
    _tokens(device)


def _programs(device: Asked) -> None:
    said = device.capabilities
    if said.get("pattern_types", 0) >> PatternType.PROGRAM & 1 and (ops := said.get("program_ops")):
        of = f"instructions, of program_ops {ops}"
        device.takes(device.write(Command.ADD_PATTERN, samples.program(ID, ops).wire()), f"a program of {ops} {of}")
        device.takes(device.write(Command.REMOVE_PATTERN, {"id": ID}), "remove the program")
        longer = samples.program(ID, ops + 1).wire()
        if device.fits(longer):
            device.refuses(device.write(Command.ADD_PATTERN, longer), OffloadRc.BAD_LEN, f"a program of {ops + 1} {of}")


def _tokens(device: Asked) -> None:
    room = device.capabilities.get("token_bytes")
    if room is None:
        return
    slot, of = samples.slot(0, samples.plain_flags(device.capabilities)), f"bytes of tokens, of token_bytes {room}"
    whole, longer = samples.tokens(slot, room), samples.tokens(slot, room + 1)
    if room and device.fits(whole):
        ref = SlotRef.of(device.takes(device.write(Command.ADD_TCP_SLOT, whole), f"{room} {of}"))
        device.takes(device.write(Command.REMOVE_TCP_SLOT, ref.wire()), "remove the slot with tokens")
    if device.fits(longer):
        beyond = OffloadRc.BAD_ARG if room else OffloadRc.UNSUPPORTED
        device.refuses(device.write(Command.ADD_TCP_SLOT, longer), beyond, f"{room + 1} {of}")
