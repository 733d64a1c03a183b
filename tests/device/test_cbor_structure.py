"""How a value is written down, beside what a decoder makes of it."""

from __future__ import annotations

import cbor2
import pytest

from rig.device.check.structure import structure_of

VALUES = [
    {"a": {"b": [1, {"c": b"x" * 300}], "d": {}}, "e": [], "f": [[], {}, None, True, 1.5], "gg": -(2**40)},
    [{"a": 1}, {"a": 2}],
    {"a": {"a": {"a": 0}}},
    {1: 2, -1: 3, "1": 4, b"1": 5},
    cbor2.CBORTag(100, {"a": cbor2.CBORTag(101, ["a"])}),
    0,
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_value_as_the_library_writes_it_ends_where_it_ends(value: object) -> None:
    data = cbor2.dumps(value, canonical=True)
    found = structure_of(data + b"\xa2\0\0\0\0")
    assert (found.end, found.repeated) == (len(data), [])
    assert found.canonical


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("a2 6161 00 6161 01", "a"),
        ("a2 6161 00 7801 61 01", "a"),  # written in two ways
        ("a1 6161 a3 01 80 02 a0 1801 00", "1801"),
        ("82 a1 6161 00 a2 6162 a1 6162 00 6162 00", "b"),
        ("bf 6161 9f ff 6161 bf ff ff", "a"),
        ("a2 c1 00 81 6162 c1 00 00", ""),  # tags are not compared
        ("a2 8100 6161 8100 6161", ""),
        ("a3 8100 6161 6162 a1 6161 00 6162 00", "b"),
    ],
)
def test_a_key_that_stands_twice_in_one_map_is_found(written: str, key: str) -> None:
    data = bytes.fromhex(written)
    found = structure_of(data)
    assert (found.end, found.repeated) == (len(data), [key] if key else [])


@pytest.mark.parametrize(
    "written", ["1817", "190017", "9fff", "5f4100ff", "a2 6162 00 6161 00", "a2 626161 00 6162 00", "bf6161f6ff"]
)
def test_what_could_be_written_otherwise_is_not_canonical(written: str) -> None:
    data = bytes.fromhex(written)
    found = structure_of(data)
    assert (found.end, found.repeated, found.canonical) == (len(data), [], False)


@pytest.mark.parametrize("written", ["", "a2", "a16161", "5f", "ff", "bf6161", "7b" + "ff" * 8, "82", "1b00"])
def test_what_is_cut_short_raises_nothing(written: str) -> None:
    structure_of(bytes.fromhex(written))
