"""How a CBOR value is written down: what a decoder passes over."""

from __future__ import annotations

from dataclasses import dataclass, field

from rig.device.cbor_heads import BYTES, INDEFINITE, LIST, MAP, SIMPLE, TAG, TEXT, Head, heads


@dataclass
class Structure:
    """Of the first value in some bytes."""

    end: int = 0
    """Behind it."""
    repeated: list[str] = field(default_factory=list)
    """Keys that a map in it has twice: it is no valid CBOR then (RFC 8949 5.6)."""
    canonical: bool = True
    """Definite lengths, shortest numbers, keys in the bytewise order of what is written, texts by length (RFC 8949 4.2.1)."""


@dataclass
class _Open:
    """A list, map, tag or string of pieces that has not ended."""

    left: int | None
    """Items; None: until a break."""
    is_map: bool
    at_key: bool
    last_key: bytes = b""
    keys: set[tuple[int, int | bytes]] = field(default_factory=set)


def structure_of(data: bytes) -> Structure:
    """`data` begins with a well-formed value. Keys that are lists, maps or tags themselves are not compared."""
    found, stack = Structure(), list[_Open]()
    for head in heads(data):
        found.end = head.end
        found.canonical &= _is_shortest(head)
        if stack and stack[-1].at_key and not head.is_break:
            _take_key(found, stack[-1], head, data)
        if (inner := _opened(head)) is not None:
            stack.append(inner)
            ended = inner.left == 0
        else:
            ended = True
            if head.is_break and stack:
                stack[-1].left = 0
        if ended:
            _end_item(stack)
        if not stack:
            break
    return found


def _opened(head: Head) -> _Open | None:
    indefinite = head.short == INDEFINITE
    if head.major == MAP:
        return _Open(None if indefinite else 2 * head.number, is_map=True, at_key=True)
    if head.major == LIST or (indefinite and head.major in (BYTES, TEXT)):
        return _Open(None if indefinite else head.number, is_map=False, at_key=False)
    return _Open(1, is_map=False, at_key=False) if head.major == TAG else None


def _end_item(stack: list[_Open]) -> None:
    """Of an item, and of all that end with it."""
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


def _take_key(found: Structure, into: _Open, head: Head, data: bytes) -> None:
    """The same number or text may be written in several ways."""
    if head.major in (LIST, MAP, TAG):
        return
    written, content = data[head.start : head.end], data[head.content : head.end]
    key = (head.major, content if head.major in (BYTES, TEXT) else head.number)
    if key in into.keys:
        found.repeated.append(content.decode(errors="replace") if head.major == TEXT else written.hex())
    found.canonical &= into.last_key < written
    into.keys.add(key)
    into.last_key = written


def _is_shortest(head: Head) -> bool:
    if head.major == SIMPLE:  # a float has as many bytes as it has
        return head.short != INDEFINITE
    if head.short < 24:
        return True
    least = {24: 24, 25: 1 << 8, 26: 1 << 16, 27: 1 << 32}.get(head.short)
    return least is not None and head.number >= least
