"""What a device claims is taken, each kind by itself, and all of it at once; what it does not claim is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from rig.device.check import samples
from rig.device.check.asked import Asked
from rig.device.check.tables import MAC, PEER_MAC, slot
from rig.device.numbers import Command, NsFlag, OffloadRc, OffloadType, PatternType, SlotFlag, SlotState
from rig.device.pattern import Pattern
from rig.device.protocol_offload import ProtocolOffload
from rig.device.tcp_slot import SlotRef

PATTERN_TYPES, SLOT_FLAG_BITS, NS_FLAG_BITS = range(1, 32), range(32), range(16)
PLAIN = SlotFlag(0x3F)
"""Flags that go together on any connection."""
SMP_NOT_SUPPORTED = 8
ID = 77
"""Of what is added and removed again."""
NEW_IDLE_MS = 60_000


def kinds(device: Asked) -> None:
    """Types and flags by their numbers, those of a newer contract too: taken when they are named, else UNSUPPORTED."""
    _attach(device)
    _slot_flags(device)
    _pattern_types(device)
    _ns_flags(device)
    _lengths(device)
    _attach(device)


def _slot_flags(device: Asked) -> None:
    claimed = device.capabilities.get("slot_flags")
    if claimed is None:
        return
    for bit in SLOT_FLAG_BITS:
        flag, known = SlotFlag(1 << bit), 1 << bit in set(SlotFlag)
        body = samples.slot(MAC, PEER_MAC, flag if known else SlotFlag(0)).wire() | {"flags": 1 << bit}
        ref = _taken_if(
            device, claimed >> bit & 1, Command.ADD_TCP_SLOT, body, f"a slot with the flag {_name(flag)}", known=known
        )
        if ref is not None:
            device.takes(device.write(Command.REMOVE_TCP_SLOT, SlotRef.of(ref).wire()), "remove the slot")


def _pattern_types(device: Asked) -> None:
    claimed = device.capabilities.get("pattern_types")
    if claimed is None:
        return
    on = SlotRef.of(device.takes(device.write(Command.ADD_TCP_SLOT, slot(0, SlotFlag.WAKE_ON_DATA)), "a slot for patterns"))
    known = samples.patterns(ID, on)
    for number in PATTERN_TYPES:
        body = (known.get(number) or known[PatternType.BITMAP]).wire() | {"type": number}
        what = f"a pattern of type {PatternType(number).name if number in known else number}"
        if _taken_if(device, claimed >> number & 1, Command.ADD_PATTERN, body, what, known=number in known) is not None:
            device.takes(device.write(Command.REMOVE_PATTERN, {"id": ID}), f"remove {what}")


def _ns_flags(device: Asked) -> None:
    claimed = device.capabilities.get("ns_flags")
    if claimed is None or not device.capabilities.get("offload_types", 0) >> OffloadType.NS & 1:
        return
    plain = samples.offloads(ID, MAC, PEER_MAC)[OffloadType.NS]
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
    said = device.capabilities
    if said.get("pattern_types", 0) >> PatternType.PROGRAM & 1 and (ops := said.get("program_ops")):
        words = f"instructions, of program_ops {ops}"
        device.takes(device.write(Command.ADD_PATTERN, samples.program(ID, ops).wire()), f"a program of {ops} {words}")
        device.takes(device.write(Command.REMOVE_PATTERN, {"id": ID}), "remove the program")
        longer = samples.program(ID, ops + 1).wire()
        if device.fits(longer):
            device.refuses(device.write(Command.ADD_PATTERN, longer), OffloadRc.BAD_LEN, f"a program of {ops + 1} {words}")
    room = said.get("token_bytes")
    if room is None:
        return
    beyond = OffloadRc.BAD_ARG if room else OffloadRc.UNSUPPORTED
    for count, rc in ((room, OffloadRc.OK), (room + 1, beyond)):
        body = samples.tokens(samples.slot(MAC, PEER_MAC, PLAIN & _flags(device)), count)
        if not count or not device.fits(body):
            continue
        answer, what = device.write(Command.ADD_TCP_SLOT, body), f"{count} bytes of tokens, of token_bytes {room}"
        if rc is OffloadRc.OK:
            ref = SlotRef.of(device.takes(answer, what))
            device.takes(device.write(Command.REMOVE_TCP_SLOT, ref.wire()), "remove the slot with tokens")
        else:
            device.refuses(answer, rc, what)


def _flags(device: Asked) -> SlotFlag:
    return SlotFlag(device.capabilities.get("slot_flags", 0x1F) & 0x3F)


def _attach(device: Asked) -> None:
    device.takes(device.write(Command.HELLO, {"owner": 1}), "attach")


def all_at_once(device: Asked) -> None:
    """Every count at its limit, every slot with the most that a slot may have."""
    said = device.capabilities
    _attach(device)
    for number in range(said["MaxTcpSlots"]):
        added = device.write(Command.ADD_TCP_SLOT, _fullest_slot(device, number))
        device.takes(added, f"slot {number + 1} of {said['MaxTcpSlots']}, with all that it claims")
    size, offset = said["MaxWoLPatternSize"], said["MaxWoLPatternOffset"]
    for number in range(said["NumTotalWoLPatterns"]):
        pattern = Pattern.bitmap(number, bytes([number & 0xFF]) * size, offset=offset).wire()
        words = f"pattern {number + 1} of {said['NumTotalWoLPatterns']}, beside all slots"
        device.takes(device.write(Command.ADD_PATTERN, pattern), words)
    for number, offload in enumerate(_offloads(device)):
        words = f"offload {number + 1}, {offload.type.name}, beside all slots and patterns"
        device.takes(device.write(Command.ADD_OFFLOAD, offload.wire()), words)
    held = device.takes(device.read(Command.LIST_TCP_SLOTS), "list slots, all of them taken")["slots"]
    device.holds(len(held) == said["MaxTcpSlots"], f"{len(held)} slots are listed, {said['MaxTcpSlots']} were added")
    device.takes(device.read(Command.LIST_PATTERNS), "list patterns, all of them taken")
    _attach(device)


def _fullest_slot(device: Asked, number: int) -> dict[str, Any]:
    """With its tokens, where such a message is not longer than the device takes."""
    plain = samples.slot(MAC, PEER_MAC, PLAIN & _flags(device), local_port=50_000 + number)
    room = device.capabilities.get("token_bytes", 0)
    body = samples.tokens(plain, room) if room else plain.wire()
    return body if device.fits(body) else plain.wire()


def _offloads(device: Asked) -> list[ProtocolOffload]:
    """As many as it says, none of which has a smaller number of its own."""
    claimed = device.capabilities.get("offload_types", 0)
    echo = samples.offloads(ID, MAC, PEER_MAC)[OffloadType.ECHO]
    if not claimed >> OffloadType.ECHO & 1:
        return []
    return [replace(echo, id=n, ip=f"198.51.100.{n + 1}") for n in range(device.capabilities.get("offload_count", 0))]


def slot_commands(device: Asked) -> None:
    """Those that a device may do without: pause, resume, update, and its log."""
    _attach(device)
    body = samples.slot(MAC, PEER_MAC, SlotFlag.WAKE_ON_DATA & _flags(device)).wire()
    ref = SlotRef.of(device.takes(device.write(Command.ADD_TCP_SLOT, body), "add a slot"))
    stale = {"gen": ref.gen + 1, "slot": ref.slot}
    absent = []
    for command, asked in (
        (Command.PAUSE_TCP_SLOT, {}),
        (Command.RESUME_TCP_SLOT, {}),
        (Command.UPDATE_TCP_SLOT, {"ka_idle_ms": NEW_IDLE_MS}),
    ):
        answer = device.write(command, ref.wire() | asked)
        if answer.of_smp and answer.rc == SMP_NOT_SUPPORTED:
            absent.append(command.name)
            continue
        device.takes(answer, command.name)
        if command is Command.PAUSE_TCP_SLOT:
            _has_state(device, ref, SlotState.PAUSED, paused=True)
        elif command is Command.RESUME_TCP_SLOT:
            _has_state(device, ref, SlotState.PAUSED, paused=False)
        else:
            device.refuses(
                device.write(command, ref.wire() | {"ka_idle_ms": 0}), OffloadRc.BAD_INTERVAL, "update to an interval of 0"
            )
        device.refuses(
            device.write(command, stale | asked), OffloadRc.STALE_HANDLE, f"{command.name} of a handle that there is not"
        )
    _attach(device)
    if not _has_log(device):
        absent.append(Command.GET_LOG.name)
    device.says(f"without {', '.join(absent)}" if absent else "pause, resume, update, log")


def _has_state(device: Asked, ref: SlotRef, state: SlotState, *, paused: bool) -> None:
    now = device.takes(device.read(Command.GET_TCP_SLOT, ref.wire()), "get slot")["state"][2]
    device.holds((now == state) == paused, f"the slot's state is {now} after {'pause' if paused else 'resume'}")


def _has_log(device: Asked) -> bool:
    answer = device.read(Command.GET_LOG, {"cursor": 0})
    if answer.of_smp and answer.rc == SMP_NOT_SUPPORTED:
        return False
    first = device.takes(answer, "get log")
    again = device.takes(device.read(Command.GET_LOG, {"cursor": first["next"]}), "get log from there on")
    device.holds(again["lost"] == 0, f"{again['lost']} bytes of the log are lost a moment later")
    return True
