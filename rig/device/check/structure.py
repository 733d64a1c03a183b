"""How a CBOR value is written down: what a decoder passes over."""

from __future__ import annotations

from dataclasses import dataclass, field

from rig.device.brief import brief
from rig.device.cbor_heads import ARRAY, BYTES, INDEFINITE, MAP, SIMPLE, TAG, TEXT, UNSIGNED, Head, heads

BIGNUMS = (2, 3)
"""Tags of a number as a byte string: one of more than 64 bits (RFC 8949 3.4.3)."""
NUMBER_BYTES = 8
"""Of the longest number that needs no such tag."""
SIMPLE_BYTE = 24
"""Additional information: a simple value in a byte of its own, which is 32 at the least (RFC 8949 3.3)."""
LEAST = {24: 24, 25: 1 << 8, 26: 1 << 16, 27: 1 << 32}
"""By additional information, the least argument that needs so many bytes."""


@dataclass
class Structure:
    """Of the first value in some bytes. Floats are not looked at, nor lists, maps, tags and texts in pieces as keys."""

    end: int = 0
    """Behind it."""
    fault: str = ""
    """The first reason for which it is not valid, such as a key that stands twice in a map (RFC 8949 3.3, 5.6)."""
    deviation: str = ""
    """The first from canonical CBOR: definite lengths, shortest numbers, sorted keys (RFC 8949 4.2.1)."""


@dataclass
class _Open:
    """An array, map, tag or string in pieces that has not ended."""

    left: int | None
    """Items; None: until a break."""
    is_map: bool = False
    at_key: bool = False
    last_key: Head | None = None
    keys: set[tuple[int, int | bytes]] = field(default_factory=set)

    @property
    def may_break(self) -> bool:
        """In a map not between a key and its value."""
        return self.left is None and self.at_key is self.is_map


def structure_of(data: bytes) -> Structure:
    """`data` begins with what a decoder takes for a value."""
    found, stack, before = Structure(), list[_Open](), None
    for head in heads(data):
        found.end = head.end
        found.deviation = found.deviation or _of_length(head, before, data)
        found.fault = _fault(head, stack)
        if not found.fault and stack and stack[-1].at_key and not head.is_break:
            _take_key(found, stack[-1], head, data)
        if found.fault:
            break
        _go_on(stack, head)
        if not stack:
            break
        before = head
    return found


def _fault(head: Head, stack: list[_Open]) -> str:
    if head.is_break and not (stack and stack[-1].may_break):
        return "a break (ff) where nothing can end"
    if head.major == SIMPLE and head.additional == SIMPLE_BYTE and head.argument < 32:
        return f"simple value {head.argument} in two bytes"
    return ""


def _of_length(head: Head, before: Head | None, data: bytes) -> str:
    """`before`: the head that it stands behind."""
    written = data[head.start : head.content].hex()
    if head.is_break or head.major == SIMPLE:
        return ""
    if head.additional == INDEFINITE:
        return f"an indefinite length ({written})"
    if before is not None and before.major == TAG and before.argument in BIGNUMS and head.argument <= NUMBER_BYTES:
        return f"a bignum of {head.argument} bytes"
    return f"{head.argument} written as {written}" if head.argument < LEAST.get(head.additional, 0) else ""


def _take_key(found: Structure, into: _Open, head: Head, data: bytes) -> None:
    """The same number or text may be written in several ways."""
    if _begun(head) is not None:
        return
    content = data[head.content : head.end]
    value = content if head.major in (BYTES, TEXT) else data[head.start : head.end] if head.major == SIMPLE else head.argument
    if (head.major, value) in into.keys:
        found.fault = f"key {_shown(head, data)} stands twice in a map"
    last = into.last_key
    if not found.deviation and last is not None and data[head.start : head.end] < data[last.start : last.end]:
        found.deviation = f"key {_shown(head, data)} behind {_shown(last, data)}"
    into.keys.add((head.major, value))
    into.last_key = head


def _shown(key: Head, data: bytes) -> str:
    if key.major == TEXT:
        return brief(data[key.content : key.end].decode(errors="replace"), 40)
    return str(key.argument) if key.major == UNSIGNED else brief(data[key.start : key.end].hex(), 40)


def _go_on(stack: list[_Open], head: Head) -> None:
    """Behind a head: something begins, or an item has ended."""
    if (inner := _begun(head)) is not None:
        stack.append(inner)
        if inner.left != 0:
            return
    elif head.is_break:
        stack[-1].left = 0
    _end_item(stack)


def _begun(head: Head) -> _Open | None:
    """None: it is an item by itself."""
    indefinite = head.additional == INDEFINITE
    if head.major == MAP:
        return _Open(None if indefinite else 2 * head.argument, is_map=True, at_key=True)
    if head.major == ARRAY or (indefinite and head.major in (BYTES, TEXT)):
        return _Open(None if indefinite else head.argument)
    return _Open(1) if head.major == TAG else None


def _end_item(stack: list[_Open]) -> None:
    """Of an item, or of what has none left; and of all that end with it."""
    while stack:
        top = stack[-1]
        if top.left != 0:
            top.at_key = top.is_map and not top.at_key
            if top.left is None:
                return
            top.left -= 1
        if top.left:
            return
        stack.pop()
