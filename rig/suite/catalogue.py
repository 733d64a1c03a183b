"""The requirement catalogue: data of the package, read once.

A requirement's id is AREA-NUMBER ("CCT-030"); device edge cases are EDGE-001 to EDGE-108.
"""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass
from pathlib import Path

DATA = Path(__file__).with_name("requirements.toml")

PROFILES = ("win8", "win10")


@dataclass(frozen=True)
class Requirement:
    """One line of the catalogue."""

    id: str
    area: str
    """The area in words."""
    title: str
    profile: str
    """`win8`, `win10` or `both`."""


@functools.cache
def load() -> dict[str, Requirement]:
    """All requirements by id, in the order of the catalogue."""
    tables = tomllib.loads(DATA.read_text(encoding="utf-8"))
    profiles = {id_: profile for profile, ids in tables.pop("profiles").items() for id_ in ids}
    found: dict[str, Requirement] = {}
    for prefix, table in tables.items():
        area = table.pop("area")
        for number, title in table.items():
            id_ = f"{prefix}-{number}"
            found[id_] = Requirement(id_, area, title, profiles.get(id_, "both"))
    return found


def edge_id(number: int) -> str:
    """The id of a device edge case: 7 -> "EDGE-007"."""
    return f"EDGE-{number:03d}"


def unknown(ids: list[str]) -> list[str]:
    """Those ids that the catalogue does not have."""
    return [id_ for id_ in ids if id_ not in load()]
