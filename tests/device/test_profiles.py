"""The profiles of the firmware: the full ones lack nothing that a test of the suite asks for, so none of it is skipped on them;
`minimal` has what the contract calls the minimum profile, and no type, count or flag more."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import rig.suite
from rig.device import mcumgr
from rig.device.contract import MINIMUM, MINIMUM_FLAGS, MINIMUM_PATTERNS
from rig.device.emulated import EmulatedDevice
from rig.device.factory import emulated
from rig.device.link import Link
from rig.device.numbers import GROUP_OFFLOAD, READ, WRITE, Command, OffloadType, PatternType
from rig.device.offload import OffloadClient
from rig.device.offload_types import TcpSlot
from rig.device.payload import PayloadKeepAlive, Span
from rig.device.prepared import prepared_flash
from rig.errors import DeviceError
from rig.runner.device_mark import DeviceFacts, needs_in, skip_what_it_cannot

OF_A_CABLE = (PatternType.LINK_UP, PatternType.LINK_DOWN)
"""The devices here have none: rig/suite/test_capabilities.py looks at these on the bench."""


def asked_for_by_the_suite() -> Iterator[tuple[str, Any]]:
    for path in sorted(Path(rig.suite.__path__[0]).glob("test_*.py")):
        if "device_can" in path.read_text():
            module = importlib.import_module(f"rig.suite.{path.stem}")
            holders = [module, *(value for name, value in vars(module).items() if name.startswith("test_"))]
            marks = [getattr(holder, "pytestmark", []) for holder in holders]
            named = [mark.mark if hasattr(mark, "mark") else mark for row in marks for mark in _several(row)]
            yield from needs_in([*named, *(mark for row in named for mark in _of_parameters(row))])


def _of_parameters(mark: pytest.Mark) -> list[pytest.Mark]:
    """Those of single rows of a parametrize."""
    rows = mark.args[1] if mark.name == "parametrize" else ()
    return [own.mark if hasattr(own, "mark") else own for row in rows for own in getattr(row, "marks", ())]


def _several(marks: Any) -> list[Any]:
    return marks if isinstance(marks, list) else [marks]


def test_nothing_of_the_suite_is_skipped_for_what_they_cannot(device: EmulatedDevice, ready_link: Link) -> None:
    needs = [need for need in asked_for_by_the_suite() if need[1] not in OF_A_CABLE]
    assert len(needs) > 60
    facts = DeviceFacts()
    facts.ask(OffloadClient(ready_link), needs)
    try:
        skip_what_it_cannot(facts, needs)
    except pytest.skip.Exception as skipped:
        pytest.fail(str(skipped))


@pytest.fixture
def minimal() -> Iterator[OffloadClient]:
    name = "native:minimal"
    with emulated(name, flash=prepared_flash(name)) as device, Link(device.port) as link:
        mcumgr.wait_ready(link)
        client = OffloadClient(link)
        client.attach(1)
        yield client


def test_minimal_claims_the_minimum_and_no_more(minimal: OffloadClient) -> None:
    can = minimal.capabilities()
    assert (can.max_tcp_slots, can.max_patterns) == (MINIMUM["MaxTcpSlots"], MINIMUM["NumTotalWoLPatterns"])
    assert (can.max_pattern_bytes, can.max_pattern_offset) == (MINIMUM["MaxWoLPatternSize"], MINIMUM["MaxWoLPatternOffset"])
    assert (can.saved_packet_bytes, can.buffered_frames) == (MINIMUM["MaxWoLPacketSaveBuffer"], MINIMUM["BufferedFrames"])
    assert (can.ka_min_ms, can.ka_max_ms) == (10, 86_400_000), "those alone are wider: hosts ask for a day"
    assert can.slot_flags == MINIMUM_FLAGS
    assert can.pattern_types == frozenset(MINIMUM_PATTERNS)
    assert can.packet_patterns == 0x1 | 0x2, "NDIS bits of bitmap and magic"
    assert (can.offload_types, can.protocol_offloads, can.max_arp_addresses) == (frozenset(), 0, 0)
    assert (can.ns_flags, can.program_ops, can.token_bytes) == (0, 0, 0)


@pytest.mark.parametrize(
    ("op", "command"),
    [
        (WRITE, Command.PAUSE_TCP_SLOT),
        (WRITE, Command.RESUME_TCP_SLOT),
        (WRITE, Command.UPDATE_TCP_SLOT),
        (WRITE, Command.ADD_OFFLOAD),
        (WRITE, Command.REMOVE_OFFLOAD),
        (READ, Command.LIST_OFFLOADS),
    ],
)
def test_a_command_that_minimal_does_without_is_not_there(minimal: OffloadClient, op: int, command: Command) -> None:
    with pytest.raises(DeviceError, match="ENOTSUP"):
        minimal.requester.request(op, GROUP_OFFLOAD, int(command), {"gen": 1, "slot": 0})


def test_a_device_without_the_list_of_protocol_offloads_has_none(minimal: OffloadClient) -> None:
    assert minimal.offloads() == ()


def test_minimal_refuses_a_payload_keep_alive(minimal: OffloadClient) -> None:
    """With far more bytes of tokens than it has room for: what is refused is not copied."""
    payload = PayloadKeepAlive(data=b"ping", token=Span(0, 4), tokens=bytes(768))
    slot = TcpSlot(
        local="192.0.2.1", remote="192.0.2.2", local_port=40000, remote_port=443, local_mac=bytes(6), next_hop_mac=bytes(6),
        snd_una=1, snd_nxt=1, snd_wl1=1, snd_wnd=9, max_snd_wnd=9, rcv_nxt=1, rcv_wnd=9, rcv_wup=1, payload=payload,
    )  # fmt: skip
    with pytest.raises(DeviceError, match="UNSUPPORTED"):
        minimal.add_tcp_slot(slot)
    assert minimal.slots() == ()


def test_what_minimal_lacks_is_named_as_the_reason_of_a_skip(minimal: OffloadClient) -> None:
    needs = [("offload", OffloadType.ARP), ("slots", 16), ("token_bytes", 4), ("command", Command.UPDATE_TCP_SLOT)]
    facts = DeviceFacts()
    facts.ask(minimal, needs)
    with pytest.raises(pytest.skip.Exception) as skipped:
        skip_what_it_cannot(facts, needs)
    for words in ("no protocol offload ARP", "4 TCP slots, not 16", "0 bytes of tokens, not 4", "no command UPDATE_TCP_SLOT"):
        assert words in str(skipped.value)
