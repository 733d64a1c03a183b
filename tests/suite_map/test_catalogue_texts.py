"""The texts of the catalogue: whole, about something, and no two of an entry the same."""

from __future__ import annotations

import re

import pytest

from rig import catalogue
from rig.catalogue import FIELDS, Requirement

ALL = list(catalogue.load().values())
COUNTS = {"CCT": 52, "CWS": 14, "CHC": 11, "CXR": 11, "SAT": 22, "RAW": 17, "BGT": 34, "APT": 9, "BTR": 30, "EDGE": 108}
SHORTEST = {"source": 7, "required": 12}
"""Characters; "RFC 826" is the shortest source."""


def test_all_areas_are_there_and_say_what_they_are() -> None:
    assert {prefix: sum(entry.prefix == prefix for entry in ALL) for prefix in catalogue.areas()} == COUNTS
    for area in catalogue.areas().values():
        assert len(area.about) > 100, area.prefix
        assert area.title != area.prefix
    assert "WinRT, the Windows Runtime, is" in catalogue.areas()["CCT"].about


@pytest.mark.parametrize("entry", ALL, ids=[entry.id for entry in ALL])
def test_an_entry_says_everything(entry: Requirement) -> None:
    texts = {name: getattr(entry, name) for name in ("title", *FIELDS)}
    for name, text in texts.items():
        assert len(text) >= SHORTEST.get(name, 8), f"{name}: {text!r}"
        assert text == text.strip()
        assert "  " not in text
    for name in ("condition", "required", "observable"):
        assert texts[name].endswith("."), f"{name} is a sentence: {texts[name]!r}"
    assert len({text.rstrip(".").casefold() for text in texts.values()}) == len(texts), "two of them say the same"


def test_sources_are_public_documents_not_pages_of_somebodys_own() -> None:
    strange = re.compile(r"seed|\.md\b|spec/|WR:|WDD|\$|FIELD")
    assert not [(entry.id, entry.source) for entry in ALL if strange.search(entry.source)]
