"""The heads of CBOR's data items as they stand (RFC 8949 3): what a decoder does not tell, or tells too late."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

UNSIGNED, NEGATIVE, BYTES, TEXT, ARRAY, MAP, TAG, SIMPLE = range(8)
"""Major types. SIMPLE: simple values, floats and the break."""
INDEFINITE = 31
"""Additional information in the place of a length, and with SIMPLE the break that ends what began so."""


@dataclass(frozen=True)
class Head:
    start: int
    """Where it begins in the data."""
    major: int
    additional: int
    """The additional information: the argument itself, how many bytes that has (24 to 27), reserved (28 to 30), or INDEFINITE."""
    argument: int
    """A number, a length, a tag's number; the additional information where that stands for none."""
    content: int
    """Where the head ends, and a string's bytes begin."""
    end: int
    """Behind a string of definite length; else behind the head."""

    @property
    def is_break(self) -> bool:
        return (self.major, self.additional) == (SIMPLE, INDEFINITE)


def heads(data: bytes) -> Iterator[Head]:
    """Of all items, also those within others, in the order in which they stand; as far as `data` is CBOR."""
    at = 0
    while at < len(data):
        major, additional = data[at] >> 5, data[at] & 31
        size = 1 << (additional - 24) if 24 <= additional < 28 else 0
        content = at + 1 + size
        argument = int.from_bytes(data[at + 1 : content], "big") if size else additional
        is_whole = major in (BYTES, TEXT) and additional < 28
        end = content + argument if is_whole else content
        yield Head(at, major, additional, argument, content, end)
        at = end
