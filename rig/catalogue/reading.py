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
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from rig.catalogue.model import FIELDS, PROFILES, Area, Catalogue, Requirement
from rig.errors import UsageError
from rig.toml_checks import TomlFile

PREFIX = re.compile(r"[A-Z][A-Z0-9_]*")
NUMBER = re.compile(r"[0-9]+")
TEXTS = ("title", *FIELDS, "reason", "remains")
KEYS = (*TEXTS, "proved", "profile")
AREA_KEYS = ("area", "about")

NOT_IN_SUITE = "no test of the suite: proved by the project's own tests in {}"
"""The reason of what the map of tests places elsewhere."""


def read(path: Path) -> Catalogue:
    """One file. Raises UsageError: RIG-C01 when it cannot be read or is no TOML, RIG-C13 (line, key) for what is no entry."""
    reader = _Reader(path)
    tables = reader.file.content
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

    def __init__(self, path: Path) -> None:
        self.file = TomlFile(path, "RIG-C13", "rig help requirements")

    def area(self, prefix: str, table: object) -> Area:
        if not PREFIX.fullmatch(prefix):
            raise self.file.error(prefix, f"[{prefix}]: an area's name is capital letters, digits and _, such as MY")
        if not isinstance(table, dict):
            self.file.refuse(prefix, table, f"a table [{prefix}]")
        for key in AREA_KEYS:
            if key in table:
                self.file.text(table, f"{prefix}.{key}")
        about = _flowing(table.get("about", ""))
        return Area(prefix, _flowing(table.get("area", prefix)), about, str(self.file.path))

    def requirement(self, area: Area, number: str, entry: object) -> Requirement:
        """An entry as an object. A text alone is its title."""
        key = f"{area.prefix}.{number}"
        if not NUMBER.fullmatch(number):
            hint = _nearest(number, AREA_KEYS)
            raise self.file.error(key, f"{key}: a requirement's key is its number, such as 001; an area has area and about{hint}")
        if isinstance(entry, str):
            entry = {"title": entry}
        if not isinstance(entry, dict):
            self.file.refuse(key, entry, f"a title in quotes, or a table [{key}]")
        fields = self._fields(key, entry)
        proved = fields.get("proved", ())
        if proved and "suite" not in proved:
            fields.setdefault("reason", NOT_IN_SUITE.format(" and ".join(f"tests/{folder}" for folder in proved)))
        return Requirement(f"{area.prefix}-{number}", area.title, **fields)

    def _fields(self, key: str, entry: Mapping[str, Any]) -> dict[str, Any]:
        self.file.only(entry, key, KEYS)
        for name in TEXTS:
            if name in entry or name == "title":
                self.file.text(entry, f"{key}.{name}")
        if entry.get("profile", "both") not in PROFILES:
            self.file.refuse(f"{key}.profile", entry["profile"], f"one of {', '.join(PROFILES)}")
        proved = entry.get("proved", [])
        if not isinstance(proved, list) or not all(isinstance(folder, str) and folder for folder in proved):
            self.file.refuse(f"{key}.proved", proved, 'names of folders, such as ["suite", "engine"]')
        fields: dict[str, Any] = {name: _flowing(value) for name, value in entry.items() if name in TEXTS}
        return fields | {name: value for name, value in (("profile", entry.get("profile")), ("proved", tuple(proved))) if value}


def _flowing(text: str) -> str:
    """Line ends of a file are not those of its text."""
    return " ".join(text.split())


def _nearest(word: str, words: tuple[str, ...]) -> str:
    near = get_close_matches(word, words, 1)
    return f"; did you mean {near[0]}?" if near else ""
