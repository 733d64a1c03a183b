"""The heads of CBOR's data items as they stand (RFC 8949 3): what a decoder does not tell, or tells too late."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

BYTES, TEXT, LIST, MAP, TAG, SIMPLE = 2, 3, 4, 5, 6, 7
"""Major types."""
INDEFINITE = 31
"""In the place of a length, and with SIMPLE the break that ends what began so."""


@dataclass(frozen=True)
class Head:
    """`number`: the argument, such as a length. `content`: where that begins. `end`: behind the head, and behind a string."""

    start: int
    major: int
    short: int
    """The low 5 bits: the number itself, how many bytes it has, or INDEFINITE."""
    number: int
    content: int
    end: int

    @property
    def is_break(self) -> bool:
        return (self.major, self.short) == (SIMPLE, INDEFINITE)


def heads(data: bytes) -> Iterator[Head]:
    """Of all items, also those within others, in the order in which they stand; as far as `data` is CBOR."""
    at = 0
    while at < len(data):
        major, short = data[at] >> 5, data[at] & 31
        size = 1 << (short - 24) if 24 <= short < 28 else 0
        content = at + 1 + size
        number = int.from_bytes(data[at + 1 : content], "big") if size else short
        end = content + number if major in (BYTES, TEXT) and short < 28 else content
        yield Head(at, major, short, number, content, end)
        at = end
