"""The engine as a library: its structures are mirrored by hand, its calls say what became of a frame."""

from __future__ import annotations

import ctypes as c
from typing import Any

import pytest

from tests.engine import engine_lib as lib
from tests.engine.engine_lib import MIRRORS, OK, TCP_DATA, Engine, layout_faults
from tests.engine.packets import tcp


def test_every_mirror_lies_as_the_structure_does() -> None:
    assert layout_faults(lib._LIB, MIRRORS) == []
    assert len(lib.layout_of_library(lib._LIB)) > len(MIRRORS)


def without(fields: list[Any], name: str) -> list[Any]:
    return [field for field in fields if field[0] != name]


FIELDS: list[Any] = list(lib.Event._fields_)
WRONG = {
    "a field less": without(FIELDS, "wake_seq"),
    "a field more": [*FIELDS, ("new", c.c_uint64)],
    "another width": [("n", c.c_uint64), *FIELDS[1:]],
    "another order": [FIELDS[0], FIELDS[2], FIELDS[1], *FIELDS[3:]],
    "another name": [("number", c.c_uint32), *FIELDS[1:]],
    "a hole filled": [*FIELDS[:7], ("hidden", c.c_uint16), *FIELDS[7:]],
}


@pytest.mark.parametrize("how", WRONG)
def test_a_mirror_that_differs_is_told(how: str) -> None:
    wrong = type("Event", (c.Structure,), {"_fields_": WRONG[how]})
    faults = layout_faults(lib._LIB, {**MIRRORS, "eng_event": wrong})
    assert faults
    assert all(fault.startswith("eng_event.") for fault in faults)


def test_a_structure_that_nobody_mirrors_is_told() -> None:
    assert layout_faults(lib._LIB, {name: mirror for name, mirror in MIRRORS.items() if name != "eng_ip"})


def test_a_frame_has_a_verdict(eng: Engine) -> None:
    assert eng.slot_add()[0] == OK
    eng.sleep()
    seen = [
        eng.rx_verdict(tcp(seq=seq, payload=data)) for seq, data in ((5000, b""), (4999, b""), (5000, b"news"), (5004, b"more"))
    ]
    assert [(v.reason, v.answers, v.wake) for v in seen] == [
        ("rx_slot_consumed", 0, 0),
        ("rx_slot_consumed", 1, 0),
        ("rx_wake", 0, TCP_DATA),
        ("rx_buffered", 0, 0),
    ]


@pytest.mark.parametrize(("length", "reason"), [(0, "rx_bad_len"), (65_535, "rx_not_us")])
def test_every_length_has_a_verdict(eng: Engine, length: int, reason: str) -> None:
    eng.sleep()
    assert eng.rx_verdict(bytes(length)).reason == reason


@pytest.mark.parametrize("length", [65_536, 65_536 + 60])
def test_a_frame_that_is_too_long_to_tell_is_refused_and_not_cut(eng: Engine, length: int) -> None:
    eng.sleep()
    with pytest.raises(ValueError, match=str(length)):
        eng.rx(bytes(length))
    assert eng.counters["rx_total"] == 0


def test_looking_at_the_events_frees_none(eng: Engine) -> None:
    eng.slot_add()
    eng.sleep()
    eng.rx(tcp("PA", payload=b"news"))
    assert [[event.n for event in eng.events()] for _ in range(2)] == [[1], [1]]
    assert eng.event(after=1) is None
    assert eng.events() == []


@pytest.mark.parametrize("rcv_nxt", [5000, 2**31 + 5000, 4_000_000_000])
def test_a_connection_of_other_numbers_is_as_usable(eng: Engine, rcv_nxt: int) -> None:
    """Its window is taken from the next segment: SND.WL1 goes with RCV.NXT."""
    _, slot, gen = eng.slot_add(rcv_nxt=rcv_nxt)
    eng.sleep()
    eng.rx(tcp(seq=rcv_nxt, window=77))
    assert eng.slot_get(slot, gen).snd_wnd == 77
