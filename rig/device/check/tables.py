"""What it holds: as many slots and patterns as it claims, all at once, and no more."""

from __future__ import annotations

from typing import Any

from rig.device.check import samples
from rig.device.check.asked import Asked
from rig.device.check.reply import Answer
from rig.device.numbers import Command, OffloadRc, PatternType, SlotFlag
from rig.device.pattern import Pattern
from rig.device.tcp_slot import SlotRef

NO_FLAG = 1 << 31
MAGIC_ID = 0xFFFF_0001


def tcp_slots(device: Asked) -> None:
    most, plain = device.capabilities["MaxTcpSlots"], samples.plain_flags(device.capabilities)
    if not most:
        return
    refs = [_added(device, number, plain) for number in range(most)]
    device.holds(len({ref.slot for ref in refs}) == most, f"{most} slots were added, not all have a number of their own")
    device.refuses(_add(device, most, plain), OffloadRc.NO_SLOT, f"slot {most + 1} of {most}")
    listed = device.takes(device.read(Command.LIST_TCP_SLOTS), "list slots")
    device.holds(len(listed["slots"]) == most, f"{len(listed['slots'])} slots are listed, {most} were added")
    middle = refs[most // 2]
    device.takes(device.write(Command.REMOVE_TCP_SLOT, middle.wire()), "remove a slot")
    stale = "of a slot that was removed"
    device.refuses(device.write(Command.REMOVE_TCP_SLOT, middle.wire()), OffloadRc.STALE_HANDLE, f"remove {stale}")
    device.refuses(device.read(Command.GET_TCP_SLOT, middle.wire()), OffloadRc.STALE_HANDLE, f"get {stale}")
    anew = _added(device, most // 2, plain)
    device.holds(anew != middle, f"a slot that was freed has the same handle again: {anew}")
    for ref in (*(ref for ref in refs if ref != middle), anew):
        device.takes(device.read(Command.GET_TCP_SLOT, ref.wire()), f"get slot {ref.slot}")
    device.refuses(device.read(Command.GET_TCP_SLOT, SlotRef(255, 1).wire()), OffloadRc.STALE_HANDLE, "get slot 255")
    _refused_slots(device, plain)
    device.attach()
    left = device.takes(device.read(Command.LIST_TCP_SLOTS), "list slots")["slots"]
    device.holds(not left, f"attach leaves {len(left)} slots")


def _added(device: Asked, number: int, flags: SlotFlag) -> SlotRef:
    return SlotRef.of(device.takes(_add(device, number, flags), f"add slot {number + 1}"))


def _add(device: Asked, number: int, flags: SlotFlag) -> Answer:
    return device.write(Command.ADD_TCP_SLOT, samples.slot(number, flags).wire())


def _refused_slots(device: Asked, flags: SlotFlag) -> None:
    """With room for them."""
    device.attach()
    good = samples.slot(0, flags).wire()
    for what, changed, rc in (
        ("with a flag that there is not, bit 31", {"flags": int(flags) | NO_FLAG}, OffloadRc.UNSUPPORTED),
        ("that is signed (MD5)", {"flags": int(flags | SlotFlag.MD5)}, OffloadRc.UNSUPPORTED),
        ("from port 0", {"local_port": 0}, OffloadRc.BAD_PORT),
        ("to a multicast address", {"remote": bytes([224, 0, 0, 1])}, OffloadRc.BAD_ADDR),
        ("to its own address", {"remote": good["local"]}, OffloadRc.BAD_ADDR),
        ("with an interval of 0", {"ka_idle_ms": 0}, OffloadRc.BAD_INTERVAL),
        ("without a probe", {"ka_cnt": 0}, OffloadRc.BAD_ARG),
        ("with a window of 2^30", {"rcv_wnd": 2**30}, OffloadRc.BAD_ARG),
    ):
        device.refuses(device.write(Command.ADD_TCP_SLOT, good | changed), rc, f"a slot {what}")


def patterns(device: Asked) -> None:
    said = device.capabilities
    most, size, offset = said["NumTotalWoLPatterns"], said["MaxWoLPatternSize"], said["MaxWoLPatternOffset"]
    for number in range(most):
        added = device.write(Command.ADD_PATTERN, _bitmap(number, size, offset))
        device.takes(added, f"add pattern {number + 1}, {size} bytes at {offset}")
    device.refuses(device.write(Command.ADD_PATTERN, _bitmap(most, 1, 0)), OffloadRc.LIST_FULL, f"pattern {most + 1} of {most}")
    if said.get("pattern_types", 0) >> PatternType.MAGIC & 1:
        magic = device.write(Command.ADD_PATTERN, Pattern.magic(MAGIC_ID).wire())
        device.takes(magic, "the magic packet beside a full list of patterns")
    device.takes(device.write(Command.REMOVE_PATTERN, {"id": most // 2}), "remove the pattern in the middle")
    device.refuses(device.write(Command.REMOVE_PATTERN, {"id": most // 2}), OffloadRc.NOT_FOUND, "remove it twice")
    ids = {row[0] for row in device.takes(device.read(Command.LIST_PATTERNS), "list patterns")["patterns"]}
    missing = set(range(most)) - {most // 2} - ids
    device.holds(not missing, f"after a pattern was removed, others are gone: {sorted(missing)}")
    device.refuses(device.write(Command.ADD_PATTERN, _bitmap(0, 1, 0)), OffloadRc.DUP_ID, "a pattern with the id of another one")
    _refused_patterns(device, size, offset)
    device.attach()


def _bitmap(number: int, size: int, offset: int) -> dict[str, Any]:
    return Pattern.bitmap(number, bytes([number & 0xFF]) * size, offset=offset).wire()


def _refused_patterns(device: Asked, size: int, offset: int) -> None:
    good, free_id = _bitmap(0, 8, 14), 1_000_000
    cases: list[tuple[str, dict[str, Any], OffloadRc]] = [
        ("beyond the last offset", {"offset": offset + 1}, OffloadRc.BAD_LEN),
        ("that is a byte too long", {"data": bytes(size + 1), "mask": bytes([255] * ((size + 8) // 8))}, OffloadRc.BAD_LEN),
        ("without a byte", {"data": b"", "mask": b""}, OffloadRc.BAD_LEN),
        ("whose mask is a byte too long", {"mask": b"\xff\xff"}, OffloadRc.BAD_LEN),
        ("that compares nothing", {"mask": b"\0"}, OffloadRc.BAD_ARG),
    ]
    for what, changed, rc in cases:
        asked = good | {"id": free_id} | changed
        if device.fits(asked):
            device.refuses(device.write(Command.ADD_PATTERN, asked), rc, f"a pattern {what}")
