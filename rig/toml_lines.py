"""TOML with line numbers: `tomllib` reads the values, this finds the line on which each key stands.

An error message that names the line is worth a small scanner: tomllib keeps no positions. The scanner runs after tomllib has
accepted the file, so it may trust the syntax; it follows table headers and keys and steps over values that span lines.
"""

from __future__ import annotations

import itertools
import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rig.errors import UsageError

_KEY_PART = r"""(?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+)"""
_DOTTED = rf"{_KEY_PART}(?:\s*\.\s*{_KEY_PART})*"
_HEADER = re.compile(rf"\s*\[\s*(?P<array>\[)?\s*(?P<key>{_DOTTED})\s*\]")
_ASSIGNMENT = re.compile(rf"\s*(?P<key>{_DOTTED})\s*=")
_TOKEN = re.compile(r'''"""(?:\\.|[^\\])*?"{3,5}|\'{3}.*?\'{3,5}|"(?:\\.|[^"\\])*"|'[^']*'|\#[^\n]*|[\[{]|[\]}]|\n''', re.DOTALL)
"""What can hide or hold a line end in a value, and a line end: strings, comments, brackets."""
_DEEP = 32
"""Parts of a key; what lies deeper is known by its parent's line."""


def load_toml(path: Path) -> tuple[dict[str, Any], Callable[[str], int]]:
    """Read a file. Returns its table and a function from a key ("hosts.server.ipv4") to its line.

    For a key that is not there the function gives the line of the innermost table that is, or 1.
    Raises UsageError RIG-C01 with file and line when the file cannot be read or is no TOML.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        fix = f"check the path and the permissions of {path}"
        raise UsageError("RIG-C01", f"{path}: cannot be read: {error.strerror}", fix) from error
    except UnicodeDecodeError as error:
        raise UsageError(
            "RIG-C01", f"{path}: is no UTF-8 text: byte {error.start} {error.reason}", f"is {path} the right file?"
        ) from error
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError("RIG-C01", _syntax_message(path, text, str(error)), f"edit {path}") from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, brackets a thousand deep
        raise UsageError("RIG-C01", f"{path}: cannot be read: {error}", f"edit {path}") from error
    lines: dict[str, int] = {}
    for key, line in _key_lines(text):
        lines.setdefault(key, line)
    return table, lambda key: _nearest(lines, key)


def _syntax_message(path: Path, text: str, error: str) -> str:
    """tomllib ends its messages with "(at line 3, column 5)" or "(at end of document)"."""
    place = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)$", error)
    line = place.group(1) if place and place.group(1) else str(text.count("\n") + 1)
    return f"{path}:{line}: not TOML: {error[: place.start()] if place else error}"


def _nearest(lines: dict[str, int], key: str) -> int:
    while key:
        if key in lines:
            return lines[key]
        key = key.rpartition(".")[0]
    return 1


def _key_lines(text: str) -> Iterator[tuple[str, int]]:
    """(key, line) of each header, of the tables that it implies, and of each assignment; the first of a key counts.

    Elements of arrays of tables are "name.0", "name.1" ...
    """
    table, counts = "", dict[str, int]()
    begin, here = 0, 1
    while begin < len(text):
        end = text.find("\n", begin) + 1 or len(text)
        line = text[begin:end]
        if header := _HEADER.match(line):
            table = _numbered(_plain(header["key"]), counts, opens=bool(header["array"]))
            yield from ((parent, here) for parent in _parents(table))
            yield table, here
        elif assignment := _ASSIGNMENT.match(line):
            key = _plain(assignment["key"])
            yield (f"{table}.{key}" if table else key), here
            end = _value_end(text, begin + assignment.end())
        here += text.count("\n", begin, end)
        begin = end


def _numbered(header: str, counts: dict[str, int], *, opens: bool) -> str:
    """The header with the numbers of the array elements it lies in; [[header]] `opens` the next element."""
    path = name = ""
    for part in header.split("."):
        name = f"{name}.{part}" if name else part
        path = f"{path}.{part}" if path else part
        if opens and name == header:
            counts[name] = counts.get(name, -1) + 1
        if name in counts:
            path += f".{counts[name]}"
    return path


def _parents(table: str) -> Iterator[str]:
    while "." in table:
        table = table.rpartition(".")[0]
        yield table


def _value_end(text: str, begin: int) -> int:
    """Behind the line end that ends the value: one outside its brackets and strings."""
    depth = 0
    for token in _TOKEN.finditer(text, begin):
        if token[0] == "\n" and depth <= 0:
            return token.end()
        depth += (token[0] in "[{") - (token[0] in "]}")
    return len(text)


def _plain(dotted: str) -> str:
    parts = itertools.islice(re.finditer(_KEY_PART, dotted), _DEEP)
    return ".".join(part[0].strip("\"'") for part in parts)
