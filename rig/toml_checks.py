"""What is said of a wrong value in a TOML file: file, line, key, the value, what is expected there.

bench.toml:3: bench.baudrate = "fast": expected a whole number, e.g. 115200
mine.toml:7: hosts.server.role is missing: expected one of 'host', 'server', 'peer', 'router'
mine.toml:8: hosts.server.colour is not known: expected only role, mac, ipv4, ipv6 here
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn

from rig.errors import UsageError
from rig.toml_lines import load_toml


class TomlFile:
    """A file's `content`, and complaints about it. Keys are dotted: "hosts.server.ipv4"."""

    def __init__(self, path: Path, code: str = "RIG-C01", form: str = "") -> None:
        """`code`: of complaints; a file that cannot be read is RIG-C01. `form`: where its form is told."""
        self.path = path
        self.content, self._line_of = load_toml(path)
        self._code = code
        self._fix = f"edit {path}" + (f"; its form: {form}" if form else "")

    def error(self, key: str, text: str) -> UsageError:
        """`text` about what stands at `key`, or at the innermost table that is there."""
        return UsageError(self._code, f"{self.path}:{self._line_of(key)}: {text}", self._fix)

    def refuse(self, key: str, value: object, expected: str) -> NoReturn:
        """`value` is None for a key that is missing."""
        raise self.error(key, f"{key} {'is missing' if value is None else f'= {_shown(value)}'}: expected {expected}")

    def only(self, table: Mapping[str, Any], prefix: str, known: Sequence[str]) -> None:
        """Refuse other keys. `prefix`: the table's own key, "" for the whole file."""
        for name in table:
            if name not in known:
                key = f"{prefix}.{name}" if prefix else name
                near = get_close_matches(name, known, 1)
                hint = f"; did you mean {near[0]}?" if near else ""
                raise self.error(key, f"{key} is not known: expected only {', '.join(known)} here{hint}")

    def table(self, parent: Mapping[str, Any], key: str, default: dict[str, Any] | None = None) -> dict[str, Any]:
        """The table that the last word of `key` names in `parent`."""
        value = parent.get(_last(key), default)
        if not isinstance(value, dict):
            self.refuse(key, value, f"a table [{key}]")
        return value

    def text(self, parent: Mapping[str, Any], key: str, default: str | None = None) -> str:
        """A text; one without anything to see only where there is a default."""
        value = parent.get(_last(key), default)
        if not isinstance(value, str) or (default is None and not value.strip()):
            self.refuse(key, value, "a text in quotes" if default is not None else "a text in quotes, not empty")
        return value


def _last(key: str) -> str:
    return key.rpartition(".")[2]


def _shown(value: object) -> str:
    """As it stands in the file, or nearly."""
    if isinstance(value, dict):
        return "{...}"
    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, (str, bool, list)) else str(value)
