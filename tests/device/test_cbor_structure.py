"""How a value is written down, beside what a decoder makes of it."""

from __future__ import annotations

import cbor2
import pytest

from rig.device.check.structure import structure_of

VALUES = [
    {"a": {"b": [1, {"c": b"x" * 300}], "d": {}}, "e": [], "f": [[], {}, None, True, 1.5], "gg": -(2**40)},
    [{"a": 1}, {"a": 2}],
    {"a": {"a": {"a": 0}}},
    {1: 2, -1: 3, b"1": 4, "1": 5, False: 6},
    cbor2.CBORTag(100, {"a": cbor2.CBORTag(101, ["a"])}),
    2**64,
    0,
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_value_as_the_library_writes_it_ends_where_it_ends(value: object) -> None:
    data = cbor2.dumps(value)
    found = structure_of(data + b"\xa2\0\0\0\0")
    assert (found.end, found.fault, found.deviation) == (len(data), "", "")


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("a2 6161 00 6161 01", "'a'"),
        ("a2 6161 00 7801 61 01", "'a'"),  # written in two ways
        ("a2 4161 00 5801 61 01", "'580161'"),
        ("a1 6161 a3 01 80 02 a0 1801 00", "1"),
        ("82 a1 6161 00 a2 6162 a1 6162 00 6162 00", "'b'"),
        ("bf 6161 9f ff 6161 bf ff ff", "'a'"),
        ("a3 8100 6161 6162 a1 6161 00 6162 00", "'b'"),
        ("a3 6161 00 a1 00 00 00 6161 01", "'a'"),  # behind a key that is a map
        ("a2 61ff 00 61ff 00", "'\ufffd'"),
    ],
)
def test_a_key_that_stands_twice_in_one_map_is_found(written: str, key: str) -> None:
    assert structure_of(bytes.fromhex(written)).fault == f"key {key} stands twice in a map"


DIFFERENT = {
    "texts in pieces": "a2 7f6161ff 00 7f6162ff 01",
    "one in pieces, and none": "a2 60 00 7f6161ff 01",
    "tags": "a2 c100 6161 c101 6161",
    "lists": "a2 8100 6161 8101 6162",
    "false, and a half float of its number": "a2 f4 00 f90014 01",
    "false and true": "a2 f4 00 f5 00",
    "0 and -1": "a2 00 00 20 00",
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_keys_that_are_not_the_same_are_not_taken_for_it(name: str) -> None:
    data = bytes.fromhex(DIFFERENT[name])
    found = structure_of(data)
    assert (found.end, found.fault) == (len(data), "")


@pytest.mark.parametrize("written", ["ff", "a1 6161 ff", "c6 ff", "9f c6 ff ff", "82 00 ff", "bf 6161 ff ff", "81 81 ff"])
def test_a_break_where_nothing_can_end_is_a_fault(written: str) -> None:
    """The library takes some of these."""
    assert structure_of(bytes.fromhex(written)).fault == "a break (ff) where nothing can end"


def test_a_simple_value_that_has_a_byte_too_many_is_a_fault() -> None:
    assert structure_of(bytes.fromhex("81f816")).fault == "simple value 22 in two bytes"
    assert structure_of(bytes.fromhex("81f820")).fault == ""


DEVIATIONS = {
    "1817": "23 written as 1817",
    "1818": "",
    "1900ff": "255 written as 1900ff",
    "190100": "",
    "1a0000ffff": "65535 written as 1a0000ffff",
    "1a00010000": "",
    "1b00000000ffffffff": "4294967295 written as 1b00000000ffffffff",
    "1b0000000100000000": "",
    "580161": "1 written as 5801",
    "9fff": "an indefinite length (9f)",
    "bfff": "an indefinite length (bf)",
    "5f4100ff": "an indefinite length (5f)",
    "a2 6162 00 6161 00": "key 'a' behind 'b'",
    "a2 626161 00 6162 00": "key 'b' behind 'aa'",
    "c24101": "a bignum of 1 bytes",
    "c348ffffffffffffffff": "a bignum of 8 bytes",
    "c249010000000000000000": "",
    "82 01 1817": "23 written as 1817",
    "fb3ff0000000000000": "",  # floats are not looked at
}


@pytest.mark.parametrize("written", DEVIATIONS)
def test_what_could_be_written_otherwise_is_named(written: str) -> None:
    data = bytes.fromhex(written)
    found = structure_of(data)
    assert (found.end, found.fault, found.deviation) == (len(data), "", DEVIATIONS[written])


@pytest.mark.parametrize("written", ["", "a2", "a16161", "5f", "ff", "bf6161", "7b" + "ff" * 8, "82", "1b00"])
def test_what_is_cut_short_raises_nothing(written: str) -> None:
    structure_of(bytes.fromhex(written))
