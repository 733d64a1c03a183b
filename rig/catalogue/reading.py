"""A catalogue file, checked. One table an area, in it one entry a requirement:

    [MY]
    area = "My product"                  # the area in words; optional
    about = "What a reader has to know"  # optional
    001 = "A title alone is an entry"

    [MY.002]
    title = "A frame for the sleeping host wakes it"
    condition = "..."                    # these are optional, too: rig/catalogue/model.py says what they are
    required = "..."
    observable = "..."
    source = "..."
    reason = "..."                       # why no test of the suite proves it
    proved = ["suite", "engine"]         # folders of tests
    remains = "..."                      # what those tests leave out
    profile = "win8"                     # or win10; else both

Its ids are MY-001 and MY-002.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from rig.catalogue.model import FIELDS, PROFILES, Area, Catalogue, Requirement
from rig.errors import UsageError
from rig.toml_lines import load_toml

PREFIX = re.compile(r"[A-Z][A-Z0-9_]*")
NUMBER = re.compile(r"[0-9]+")
TEXTS = ("title", *FIELDS, "reason", "remains")
KEYS = (*TEXTS, "proved", "profile")
AREA_KEYS = ("area", "about")

NOT_IN_SUITE = "no test of the suite: proved by the project's own tests in {}"
"""The reason of what the map of tests places elsewhere."""


def read(path: Path) -> Catalogue:
    """One file. Raises UsageError: RIG-C01 when it cannot be read or is no TOML, RIG-C13 (line, key) for what is no entry."""
    tables, line_of = load_toml(path)
    reader = _Reader(path, line_of)
    if not tables:
        raise UsageError("RIG-C13", f"{path}: no requirement in it", 'begin with [MY] and 001 = "What it has to do"')
    areas, requirements = dict[str, Area](), dict[str, Requirement]()
    for prefix, table in tables.items():
        areas[prefix] = area = reader.area(prefix, table)
        entries = {key: value for key, value in table.items() if key not in AREA_KEYS}
        for number, entry in entries.items():
            requirement = reader.requirement(area, number, entry)
            requirements[requirement.id] = requirement
    return Catalogue(areas, requirements)


class _Reader:
    """Checks the parts of one file."""

    def __init__(self, path: Path, line_of: Callable[[str], int]) -> None:
        self._path = path
        self._line_of = line_of

    def area(self, prefix: str, table: object) -> Area:
        if not PREFIX.fullmatch(prefix):
            raise self._error(prefix, f"[{prefix}]: an area's name is capital letters, digits and _, such as MY")
        if not isinstance(table, dict):
            raise self._error(prefix, f"{prefix} = {table!r}: expected a table [{prefix}]")
        for key in AREA_KEYS:
            if key in table:
                self._text(f"{prefix}.{key}", table[key])
        about = _flowing(table.get("about", ""))
        return Area(prefix, _flowing(table.get("area", prefix)), about, str(self._path))

    def requirement(self, area: Area, number: str, entry: object) -> Requirement:
        """An entry as an object. A text alone is its title."""
        key = f"{area.prefix}.{number}"
        if not NUMBER.fullmatch(number):
            hint = _nearest(number, AREA_KEYS)
            raise self._error(key, f"{key}: a requirement's key is its number, such as 001; an area has area and about{hint}")
        if isinstance(entry, str):
            entry = {"title": entry}
        if not isinstance(entry, dict):
            raise self._error(key, f"{key} = {entry!r}: expected a title in quotes, or a table [{key}]")
        fields = self._fields(key, entry)
        proved = fields.get("proved", ())
        if proved and "suite" not in proved:
            fields.setdefault("reason", NOT_IN_SUITE.format(" and ".join(f"tests/{folder}" for folder in proved)))
        return Requirement(f"{area.prefix}-{number}", area.title, **fields)

    def _fields(self, key: str, entry: Mapping[str, Any]) -> dict[str, Any]:
        for name in entry:
            if name not in KEYS:
                raise self._error(f"{key}.{name}", f"{key}: unknown key {name}; known: {', '.join(KEYS)}{_nearest(name, KEYS)}")
        if "title" not in entry:
            raise self._error(key, f"{key}: no title")
        for name in TEXTS:
            if name in entry:
                self._text(f"{key}.{name}", entry[name])
        if entry.get("profile", "both") not in PROFILES:
            raise self._error(f"{key}.profile", f"{key}.profile = {entry['profile']!r}: expected one of {', '.join(PROFILES)}")
        proved = entry.get("proved", [])
        if not isinstance(proved, list) or not all(isinstance(folder, str) and folder for folder in proved):
            raise self._error(
                f"{key}.proved", f'{key}.proved = {proved!r}: expected names of folders, such as ["suite", "engine"]'
            )
        fields: dict[str, Any] = {name: _flowing(value) for name, value in entry.items() if name in TEXTS}
        return fields | {name: value for name, value in (("profile", entry.get("profile")), ("proved", tuple(proved))) if value}

    def _text(self, key: str, value: object) -> None:
        if not isinstance(value, str) or not value.strip():
            raise self._error(key, f"{key} = {value!r}: expected a text in quotes")

    def _error(self, key: str, text: str) -> UsageError:
        return UsageError(
            "RIG-C13", f"{self._path}:{self._line_of(key)}: {text}", f"edit {self._path}; its form: rig help requirements"
        )


def _flowing(text: str) -> str:
    """Line ends of a file are not those of its text."""
    return " ".join(text.split())


def _nearest(word: str, words: tuple[str, ...]) -> str:
    near = get_close_matches(word, words, 1)
    return f"; did you mean {near[0]}?" if near else ""
