"""All that a device claims, at once: every count at its limit, every slot with the most that a slot may have."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from rig.device.check import samples
from rig.device.check.asked import Asked
from rig.device.numbers import Command, OffloadType
from rig.device.pattern import Pattern
from rig.device.protocol_offload import ProtocolOffload


def all_at_once(device: Asked) -> None:
    said = device.capabilities
    device.attach()
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
    device.attach()


def _fullest_slot(device: Asked, number: int) -> dict[str, Any]:
    """With its tokens, where such a message is not longer than the device takes."""
    plain = samples.slot(number, samples.plain_flags(device.capabilities))
    room = device.capabilities.get("token_bytes", 0)
    body = samples.tokens(plain, room) if room else plain.wire()
    return body if device.fits(body) else plain.wire()


def _offloads(device: Asked) -> list[ProtocolOffload]:
    """As many as it says, none of which has a smaller number of its own."""
    claimed = device.capabilities.get("offload_types", 0)
    echo = samples.offloads(0, samples.MAC, samples.PEER_MAC)[OffloadType.ECHO]
    if not claimed >> OffloadType.ECHO & 1:
        return []
    return [replace(echo, id=n, ip=f"198.51.100.{n + 1}") for n in range(device.capabilities.get("offload_count", 0))]
