"""C structs and tables of the offload group's messages, from offload.cddl: what smp/message.c decodes and encodes by.

Every rule that is a map of single values becomes a struct and a table of its fields, in the order of the file. Maps that hold
lists of rows are left out: offload_lists.c writes them row by row. What the tables cannot say ends the build.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zcbor import DataTranslator

WIDTHS = {1: "uint8_t", 2: "uint16_t", 4: "uint32_t", 8: "uint64_t"}
C_TYPES = {"BOOL": "bool", "BYTES": "struct zcbor_string", "TEXT": "struct zcbor_string"}
STRING_MAX = 0xFFFFFFFF
REQUIRED = 0xFF


class Unknown(Exception):
    """The CDDL says something that the tables cannot."""


@dataclass(frozen=True)
class Kind:
    """What a value may be: numbers from `lo` to `hi` (U64: any), strings of so many bytes, lists of `hi` values, which follow."""

    name: str
    lo: int = 0
    hi: int = 0

    @property
    def c_type(self) -> str:
        return C_TYPES.get(self.name) or WIDTHS[int(self.name.removeprefix("U")) // 8]


@dataclass(frozen=True)
class Field:
    key: str
    """Empty inside of a list."""
    member: str
    kind: Kind
    optional: bool


@dataclass(frozen=True)
class Message:
    name: str
    fields: tuple[Field, ...]

    def members(self) -> Iterator[str]:
        """Declarations: flags, which a row points to with 8 bits, then the widest first, so that nothing is lost in between."""
        yield from (f"bool has_{field.member};" for field in self.fields if field.optional)
        stored = [field for field in self.fields if field.kind.name != "LIST"]
        order = ["U64", "BYTES", "TEXT", "U32", "U16", "U8", "BOOL"]
        for field in sorted(stored, key=lambda field: order.index(field.kind.name)):
            yield f"{field.kind.c_type} {field.member};"


class Reader:
    """Rules of one CDDL file, as zcbor has parsed them."""

    def __init__(self, text: str) -> None:
        self._rules: dict[str, Any] = DataTranslator.from_cddl(text, 3).my_types
        self._names = [line.split(" = ")[0] for line in text.splitlines() if " = " in line and line[:1].isalpha()]

    def messages(self) -> list[Message]:
        maps = [name for name in self._names if self._rules[name].type == "MAP"]
        return [Message(name, tuple(self._map(name))) for name in maps if self._rules[name].value and not self._has_rows(name)]

    def _resolved(self, node: Any) -> Any:
        while node.type == "OTHER":
            node = self._rules[node.value]
        return node

    def _has_rows(self, name: str) -> bool:
        """Holds a list of rows, or the one row that goes into such lists."""
        values = [self._resolved(node) for node in self._rules[name].value]
        listed = {row.value for rule in self._rules.values() for row in self._rows(rule)}
        return any(self._rows_of(value) for value in values) or any(node.value in listed for node in self._rules[name].value)

    def _rows(self, rule: Any) -> Iterator[Any]:
        for node in rule.value if rule.type == "MAP" else ():
            yield from self._rows_of(node)

    @staticmethod
    def _rows_of(node: Any) -> list[Any]:
        return [row for row in node.value if row.max_qty != 1] if node.type == "LIST" else []

    def _map(self, name: str) -> Iterator[Field]:
        keys = [node.key.value for node in self._rules[name].value]
        if keys != sorted(keys, key=lambda key: (len(key), key)):
            raise Unknown(f"{name}: its keys do not stand in canonical order: shorter first, then bytewise")
        for node in self._rules[name].value:
            yield from self._field(f"{name}.{node.key.value}", node)

    def _field(self, where: str, node: Any) -> Iterator[Field]:
        key, optional, value = node.key.value, node.min_qty == 0, self._resolved(node)
        if value.type != "LIST":
            yield Field(key, key, self._kind(where, value), optional)
            return
        yield Field(key, key, Kind("LIST", hi=len(value.value)), optional)
        for row in value.value:
            yield Field("", f"{key}_{row.label}", self._kind(where, self._resolved(row)), optional=False)

    def _kind(self, where: str, node: Any) -> Kind:
        if node.type == "BOOL":
            return Kind("BOOL")
        if node.type in ("BSTR", "TSTR"):
            longest = STRING_MAX if node.max_size is None else node.max_size
            return Kind("BYTES" if node.type == "BSTR" else "TEXT", node.min_size or 0, longest)
        if node.type != "UINT" or node.value is not None:
            raise Unknown(f"{where}: {node!r} is nothing that a field can be")
        return self._number(where, node)

    @staticmethod
    def _number(where: str, node: Any) -> Kind:
        width = node.max_size
        lo, hi = node.min_value or 0, node.max_value if node.max_value is not None else (1 << 8 * (width or 8)) - 1
        width = width or next(w for w in WIDTHS if hi < 1 << 8 * w)
        if width not in WIDTHS or lo > 0xFFFF or (width == 8 and (lo, hi) != (0, (1 << 64) - 1)):
            raise Unknown(f"{where}: {lo} to {hi} in {width} bytes")
        return Kind("U64") if width == 8 else Kind(f"U{8 * width}", lo, hi)


def header(messages: list[Message]) -> str:
    parts = ["/* Generated from offload.cddl by messages.py. */", "#ifndef OFFLOAD_MESSAGES_H", "#define OFFLOAD_MESSAGES_H", ""]
    parts += ["#include <stdbool.h>", "#include <stdint.h>", "#include <zcbor_common.h>", "", '#include "message.h"', ""]
    for message in messages:
        parts += [f"struct {message.name} {{", *(f"\t{line}" for line in message.members()), "};"]
        parts += [f"extern const struct message {message.name}_message;", ""]
    return "\n".join([*parts, "#endif", ""])


def source(messages: list[Message]) -> str:
    fields = [field for message in messages for field in message.fields]
    kinds = list(dict.fromkeys(field.kind for field in fields))
    keys = list(dict.fromkeys(field.key for field in fields if field.key))
    at = {"": 0}
    for key in keys:
        at[key] = sum(len(before) + 1 for before in keys[: keys.index(key)])
    parts = ["/* Generated from offload.cddl by messages.py. */", '#include "offload_messages.h"', "", "#include <stddef.h>", ""]
    parts += ["const char message_keys[] =", *(f'\t"{key}\\0"' for key in keys), ";"]
    parts += ["const struct message_kind message_kinds[] = {"]
    parts += [f"\t{{ MESSAGE_{kind.name}, {kind.lo}, {kind.hi}u }}," for kind in kinds] + ["};"]
    for message in messages:
        parts += [f"static const struct message_field {message.name}_fields[] = {{"]
        for field in message.fields:
            member = f"offsetof(struct {message.name}, {field.member})" if field.kind.name != "LIST" else "0"
            has = f"offsetof(struct {message.name}, has_{field.member})" if field.optional else "MESSAGE_REQUIRED"
            parts.append(f"\t{{ {at[field.key]}, {member}, {has}, {kinds.index(field.kind)} }},")
        parts += ["};", f"const struct message {message.name}_message = {{ {message.name}_fields, sizeof(struct {message.name}),"]
        parts += [f"\t{len(message.fields)} }};"]
    return "\n".join([*parts, ""])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cddl", type=Path)
    parser.add_argument("out", type=Path, help="without its suffix: .c and .h are written")
    args = parser.parse_args()
    try:
        messages = Reader(args.cddl.read_text()).messages()
    except Unknown as why:
        print(f"{args.cddl}: {why}", file=sys.stderr)
        return 1
    args.out.with_suffix(".c").write_text(source(messages))
    args.out.with_suffix(".h").write_text(header(messages))
    return 0


if __name__ == "__main__":
    sys.exit(main())
