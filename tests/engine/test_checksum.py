"""The Internet checksum at every length, from every kind of address, against RFC 1071's sum written down word by word."""

from __future__ import annotations

import ctypes as c
import random
from collections.abc import Callable

import pytest

from tests.engine import engine_lib as lib

LENGTHS = [*range(140), 1479, 1480, 1514]
"""Below and above the rounds of 32 and 4 bytes, with every rest; a long frame."""
FILLS: dict[str, Callable[[random.Random, int], bytes]] = {
    "ones": lambda _, n: b"\xff" * n,
    "zeros": lambda _, n: bytes(n),
    "any": lambda rng, n: rng.randbytes(n),
}


def by_the_words(data: bytes, before: int) -> int:
    """RFC 1071 1, 4.1: 16-bit words, an odd byte is the high half of one, carries added in again."""
    padded = data + bytes(len(data) % 2)
    total = before + sum(int.from_bytes(padded[i : i + 2], "big") for i in range(0, len(padded), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def by_the_engine(data: bytes, before: int, skew: int) -> int:
    room = c.create_string_buffer(bytes(skew) + data + b"\x5a" * 8)  # what is behind must not count
    at = c.c_void_p(c.addressof(room) + skew)
    lib._LIB.csum_finish.restype = c.c_uint16
    lib._LIB.csum_add.restype = c.c_uint32
    return int(lib._LIB.csum_finish(c.c_uint32(lib._LIB.csum_add(c.c_uint32(before), at, c.c_uint32(len(data))))))


@pytest.mark.parametrize("fill", FILLS)
def test_the_sum_of_every_length_at_every_address(fill: str) -> None:
    rng = random.Random(1071)
    for length in LENGTHS:
        data = FILLS[fill](rng, length)
        for skew in range(4):
            before = rng.choice([0, 1, 0xFFFF, 0x1FFFE])
            assert by_the_engine(data, before, skew) == by_the_words(data, before), (length, skew, before)


@pytest.mark.parametrize("length", range(20, 64, 4))
def test_a_header_is_right_with_its_checksum_and_with_no_other(length: int) -> None:
    lib._LIB.csum_header_right.restype = c.c_bool
    rng = random.Random(length)
    for _ in range(20):
        header = bytearray(rng.randbytes(length))
        header[10:12] = bytes(2)
        header[10:12] = by_the_words(bytes(header), 0).to_bytes(2, "big")
        assert lib._LIB.csum_header_right(bytes(header), c.c_uint32(length))
        header[rng.randrange(length)] ^= 1 << rng.randrange(8)
        assert not lib._LIB.csum_header_right(bytes(header), c.c_uint32(length))
