"""Values against rules of offload.cddl, and words for where they differ.

As much of RFC 8610 as that file uses: maps and lists with named entries, optional keys, sizes, ranges, references.
zcbor, which the firmware's build reads the same file with, takes -1 for a u32 and does not say which value is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from rig.device.brief import brief
from rig.errors import RigBug

TOKEN = re.compile(r'\s*(?:;[^\n]*\n\s*)*("\w+"|\w+|\.\.|\.size|[={}\[\]():,?*])')

Check: TypeAlias = Callable[[str, Any], Iterator[str]]
"""Where the value stands, the value: what is wrong with it."""


@dataclass(frozen=True)
class Entry:
    key: str
    optional: bool
    check: Check


class Rules:
    """All rules of a CDDL file, by name."""

    def __init__(self, text: str) -> None:
        self._tokens: list[str] = TOKEN.findall(text)
        self._at = 0
        self._rules: dict[str, Check] = {}
        self._keys: dict[str, set[str]] = {}
        while self._at < len(self._tokens):
            name = self._next()
            self._take("=")
            begins = self._at
            self._rules[name] = self._value()
            self._keys[name] = {token.strip('"') for token in self._tokens[begins : self._at] if token.startswith('"')}

    def violations(self, rule: str, value: Any) -> list[str]:
        """Such as 'frames[0].orig_len: -1 is no number from 0 to 65535'; [] when there are none."""
        return list(self._rules[rule]("", value))

    def keys(self, rule: str) -> set[str]:
        """Of a map, all that it may have."""
        return self._keys[rule]

    # -- reading -------------------------------------------------------------------------------------------------------

    def _peek(self, ahead: int = 0) -> str:
        at = self._at + ahead
        return self._tokens[at] if at < len(self._tokens) else ""

    def _next(self) -> str:
        self._at += 1
        return self._tokens[self._at - 1]

    def _take(self, wanted: str) -> None:
        if (found := self._next()) != wanted:
            raise RigBug("RIG-X08", f"offload.cddl: {found!r} where {wanted!r} is expected")

    def _value(self) -> Check:
        token = self._next()
        if token == "{":
            return _map(self._entries("}"))
        if token == "[":
            return self._list()
        if self._peek() == "..":
            self._take("..")
            return _number(int(token), int(self._next()))
        if token in ("uint", "bstr", "tstr", "bool"):
            return self._plain(token)
        return lambda at, value: self._rules[token](at, value)

    def _plain(self, kind: str) -> Check:
        if kind == "bool":
            return _bool
        low, high = self._size() if self._peek() == ".size" else (0, 2**16 if kind != "uint" else 8)
        if kind == "uint":
            return _number(0, 2 ** (8 * high) - 1)
        return _string(bytes if kind == "bstr" else str, low, high)

    def _size(self) -> tuple[int, int]:
        self._take(".size")
        if self._peek() != "(":
            size = int(self._next())
            return size, size
        self._take("(")
        low = int(self._next())
        self._take("..")
        high = int(self._next())
        self._take(")")
        return low, high

    def _entries(self, end: str) -> list[Entry]:
        entries = []
        while self._peek() != end:
            optional = self._peek() == "?"
            if optional:
                self._take("?")
            key = self._next().strip('"')
            self._take(":")
            entries.append(Entry(key, optional, self._value()))
            if self._peek() == ",":
                self._take(",")
        self._take(end)
        return entries

    def _list(self) -> Check:
        if self._peek(1) != "*":
            return _row(self._entries("]"))
        low = int(self._next())
        self._take("*")
        high = int(self._next())
        check = self._value()
        self._take("]")
        return _many(low, high, check)


# -- checking ----------------------------------------------------------------------------------------------------------


def _map(entries: list[Entry]) -> Check:
    """Keys that it does not name are those of newer firmware."""

    def check(at: str, value: Any) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{at or 'the body'}: {brief(value)} is no map"
            return
        for entry in entries:
            if entry.key in value:
                yield from entry.check(f"{at}{entry.key}", value[entry.key])
            elif not entry.optional:
                yield f"{at}{entry.key}: missing"

    return check


def _row(entries: list[Entry]) -> Check:
    def check(at: str, value: Any) -> Iterator[str]:
        if not isinstance(value, list) or len(value) != len(entries):
            yield f"{at}: {brief(value)} is no list of {len(entries)}"
            return
        for entry, item in zip(entries, value, strict=True):
            yield from entry.check(f"{at}.{entry.key}", item)

    return check


def _many(low: int, high: int, check_item: Check) -> Check:
    def check(at: str, value: Any) -> Iterator[str]:
        if not isinstance(value, list) or not low <= len(value) <= high:
            yield f"{at}: {brief(value)} is no list of {low} to {high}"
            return
        for index, item in enumerate(value):
            yield from check_item(f"{at}[{index}]", item)

    return check


def _number(low: int, high: int) -> Check:
    def check(at: str, value: Any) -> Iterator[str]:
        if type(value) is not int or not low <= value <= high:
            yield f"{at}: {brief(value)} is no number from {low} to {high}"

    return check


def _string(kind: type[bytes] | type[str], low: int, high: int) -> Check:
    def check(at: str, value: Any) -> Iterator[str]:
        if not isinstance(value, kind):
            yield f"{at}: {brief(value)} is no {'byte string' if kind is bytes else 'text'}"
        elif not low <= len(value) <= high:
            wanted = f"{low}" if low == high else f"{low} to {high}"
            yield f"{at}: {len(value)} bytes, {wanted} are expected"

    return check


def _bool(at: str, value: Any) -> Iterator[str]:
    if type(value) is not bool:
        yield f"{at}: {brief(value)} is neither true nor false"


def contract() -> Rules:
    """The one that this rig was built with. Raises RigBug when it is not there."""
    package = Path(__file__).resolve().parents[1]
    for folder in (package.parent / "firmware" / "proto", package / "_proto"):
        if (folder / "offload.cddl").is_file():
            return Rules((folder / "offload.cddl").read_text())
    raise RigBug("RIG-X08", "offload.cddl is not part of this installation")
