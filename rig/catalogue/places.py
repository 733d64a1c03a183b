"""Where the tests of a requirement are: the suite's, which every installation has, and in a source tree the project's own."""

from __future__ import annotations

from pathlib import Path

from rig.catalogue.marks import marked

PACKAGE = Path(__file__).parents[1]
ROOT = PACKAGE.parent
OTHERS = ("plugin", "suite_map")
"""Folders of tests/ whose marks are about marks."""


def folders(root: Path = ROOT) -> dict[str, Path]:
    """Folders with tests by name: "suite", and those of tests/ where this is a source tree."""
    own = root / "tests" if (root / "pyproject.toml").is_file() else None
    found = {"suite": PACKAGE / "suite"}
    if own is not None and own.is_dir():
        found |= {path.name: path for path in sorted(own.iterdir()) if path.is_dir() and path.name not in OTHERS}
    return found


def proving(id_: str) -> list[str]:
    """The tests that name a requirement: "rig/suite/test_delivery.py::test_data_wakes". In the order of folders and files."""
    marks = [mark for folder in folders().values() for mark in marked(folder).get(id_, [])]
    return list(dict.fromkeys(f"{mark.path.parent.relative_to(ROOT)}/{mark.place}" for mark in marks))
