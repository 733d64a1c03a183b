"""The catalogue of requirements: what a host and its network hardware have to do, and where each of it is proved.

    catalogue.load()["CCT-030"].required     the rig's own, by id
    catalogue.areas()["CCT"].about           what an area is, for a reader who never heard of it
    catalogue.load((Path("mine.toml"),))     and a user's, in the same form

A requirement's id is AREA-NUMBER ("CCT-030"); device edge cases are EDGE-001 to EDGE-108. The files in `areas/` are the
data, one an area; `reading.py` has their form.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from pathlib import Path

from rig.catalogue.model import FIELDS, PROFILES, Area, Catalogue, Requirement
from rig.catalogue.reading import read

__all__ = ["DATA", "FIELDS", "PROFILES", "Area", "Catalogue", "Requirement", "areas", "edge_id", "load", "read", "unknown"]

DATA = Path(__file__).with_name("areas")
ORDER = ("CCT", "CWS", "CHC", "CXR", "SAT", "RAW", "BGT", "APT", "BTR", "EDGE")
"""Of the areas, from the channel to what it stands on; the device's own last."""


def _all(own: tuple[Path, ...]) -> Catalogue:
    return _joined(tuple((path, _stamp(path)) for path in own))


@functools.cache
def _joined(own: tuple[tuple[Path, object], ...]) -> Catalogue:
    """Read once; a file of the user's again when it has changed."""
    parts = [read(DATA / f"{prefix}.toml") for prefix in ORDER] if not own else [_joined(()), *(read(path) for path, _ in own)]
    return functools.reduce(Catalogue.joined, parts)


def _stamp(path: Path) -> object:
    try:
        status = path.stat()
    except OSError:
        return None  # reading it says what is wrong
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size


def load(own: tuple[Path, ...] = ()) -> Mapping[str, Requirement]:
    """All requirements by id, in the order of the catalogue, those of the `own` files last.

    Raises UsageError RIG-C13 (file, line, key) for an entry that is none, or for an area that there is already.
    """
    return _all(own).requirements


def areas(own: tuple[Path, ...] = ()) -> Mapping[str, Area]:
    """All areas by prefix, in the order of the catalogue. Raises as `load`."""
    return _all(own).areas


def edge_id(number: int) -> str:
    """The id of a device edge case: 7 -> "EDGE-007"."""
    return f"EDGE-{number:03d}"


def unknown(ids: Iterable[str], own: tuple[Path, ...] = ()) -> list[str]:
    """Those ids that the catalogue does not have."""
    return [id_ for id_ in ids if id_ not in load(own)]
