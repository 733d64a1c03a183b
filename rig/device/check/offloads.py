"""The protocol offloads that it claims: each is taken, and all that it says it has room for."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

from rig.device.check import samples
from rig.device.check.asked import Asked
from rig.device.numbers import Command, OffloadRc, OffloadType
from rig.device.protocol_offload import ProtocolOffload

FIRST_GROUP = "239.1.0.0"
NO_TYPE = 63
FIRST_ID = 100
SIMPLE = (OffloadType.ARP, OffloadType.NS, OffloadType.ECHO, OffloadType.GROUP)
"""Those that `offload_count` counts."""


def protocol_offloads(device: Asked) -> None:
    claimed = device.capabilities.get("offload_types", 0)
    named = samples.offloads(0, samples.MAC, samples.PEER_MAC)
    plain = {OffloadType(kind): replace(offload, id=number) for number, (kind, offload) in enumerate(named.items(), 1)}
    held: list[int] = []
    for kind, offload in plain.items():
        answer = device.write(Command.ADD_OFFLOAD, offload.wire())
        if not claimed >> kind & 1:
            if answer.of_smp and not claimed:
                continue  # a device without the command
            device.refuses(answer, OffloadRc.UNSUPPORTED, f"an offload of type {kind.name}, which it does not claim")
            continue
        if held and answer.is_refusal(OffloadRc.LIST_FULL):
            _may_be_full(device, len(held), kind)
            _remove(device, held)
            answer = device.write(Command.ADD_OFFLOAD, offload.wire())
        device.takes(answer, f"add {kind.name}")
        held.append(offload.id)
        _add_twice(device, offload, len(held))
    if not claimed:
        return
    rows = device.takes(device.read(Command.LIST_OFFLOADS), "list offloads")["offloads"]
    device.holds(len(rows) == len(held), f"{len(rows)} offloads are listed, {len(held)} were added")
    last = held[-1] if held else FIRST_ID
    _remove(device, held)
    device.refuses(device.write(Command.REMOVE_OFFLOAD, {"id": last}), OffloadRc.NOT_FOUND, "remove an offload twice")
    simple = [offload for kind, offload in plain.items() if kind in SIMPLE and claimed >> kind & 1]
    _as_many_as_it_says(device, simple)
    _as_many_arp_as_it_says(device, simple)
    device.refuses(device.write(Command.ADD_OFFLOAD, plain[OffloadType.ARP].wire() | {"type": NO_TYPE}), OffloadRc.UNSUPPORTED,
                   f"an offload of type {NO_TYPE}, which there is not")  # fmt: skip


def _may_be_full(device: Asked, held: int, kind: OffloadType) -> None:
    """Of the other types nobody says how many there are."""
    said = device.capabilities.get("offload_count")
    if said is not None and kind in SIMPLE:
        device.holds(held >= said, f"add {kind.name} to {held} offloads: LIST_FULL, offload_count is {said}")


def _add_twice(device: Asked, offload: ProtocolOffload, held: int) -> None:
    """Of a list that may be full it does not matter what is looked at first."""
    answer = device.write(Command.ADD_OFFLOAD, offload.wire())
    if not (answer.is_refusal(OffloadRc.LIST_FULL) and held >= device.capabilities.get("offload_count", 0)):
        device.refuses(answer, OffloadRc.DUP_ID, f"{offload.type.name} with an id that is taken")


def _remove(device: Asked, held: list[int]) -> None:
    for number in held:
        device.takes(device.write(Command.REMOVE_OFFLOAD, {"id": number}), f"remove offload {number}")
    held.clear()


def _as_many_as_it_says(device: Asked, offloads: list[ProtocolOffload]) -> None:
    """In turn of each type that it has; of ARP where there is nothing else, as that may have a smaller number of its own."""
    most = device.capabilities.get("offload_count")
    kinds = [offload for offload in offloads if offload.type is not OffloadType.ARP] or offloads
    if most is None or not kinds:
        return
    if kinds[0].type is OffloadType.ARP:
        most = min(most, device.capabilities.get("NumArpOffloadIPv4Addresses", most))
    for number in range(most + 1):
        offload = _another(kinds[number % len(kinds)], number)
        answer = device.write(Command.ADD_OFFLOAD, offload.wire())
        if number < most or not answer.is_refusal(OffloadRc.LIST_FULL):  # a list for each type may take more of some mixes
            device.takes(answer, f"add offload {number + 1} of {most}, {offload.type.name}")
    device.attach()


def _as_many_arp_as_it_says(device: Asked, offloads: list[ProtocolOffload]) -> None:
    """Beside no other."""
    arp = [offload for offload in offloads if offload.type is OffloadType.ARP]
    most = min(device.capabilities["NumArpOffloadIPv4Addresses"], device.capabilities.get("offload_count", 1))
    for number in range(most if arp else 0):
        added = device.write(Command.ADD_OFFLOAD, _another(arp[0], number).wire())
        device.takes(added, f"add ARP offload {number + 1} of {most}")
    device.attach()


def _another(like: ProtocolOffload, number: int) -> ProtocolOffload:
    """For an address, or a group, of its own."""
    if like.type is OffloadType.GROUP:
        return replace(like, id=FIRST_ID + number, remote=str(ip_address(FIRST_GROUP) + number))
    return replace(like, id=FIRST_ID + number, ip=str(ip_address(like.ip) + number))
