"""A catalogue file, also a user's own: read whole, or refused with file, line and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from rig import catalogue
from rig.errors import UsageError

MINE = """\
[MY]
area = "My product"
about = "What it is"
001 = "A title alone is an entry"

[MY.002]
title = "One with everything"
profile = "win8"
condition = "It sleeps"
required = '''
It wakes,
and says so'''
observable = "A line in the log"
source = "Its manual, page 3"
reason = "no test yet"
"""


def test_a_users_own_file_joins_the_catalogue(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(MINE)
    both = catalogue.load((path,))
    assert list(both)[-2:] == ["MY-001", "MY-002"]
    assert both["MY-001"] == catalogue.Requirement("MY-001", "My product", "A title alone is an entry")
    assert (both["MY-002"].profile, both["MY-002"].required) == ("win8", "It wakes, and says so")
    assert catalogue.areas((path,))["MY"].about == "What it is"
    assert "MY-001" not in catalogue.load()
    assert catalogue.unknown(["MY-001", "MY-003"], (path,)) == ["MY-003"]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 0, "no requirement in it"),
        ("[my]\n001 = 'x'\n", 1, "[my]: an area's name is capital letters"),
        ("MY = 3\n", 1, "MY = 3: expected a table [MY]"),
        ("[MY]\narea = 3\n", 2, "MY.area = 3: expected a text in quotes"),
        (
            "[MY]\naria = 'x'\n",
            2,
            "MY.aria: a requirement's key is its number, such as 001; an area has area and about; did you mean area?",
        ),
        ("[MY]\n001 = 1\n", 2, "MY.001 = 1: expected a title in quotes, or a table [MY.001]"),
        ("[MY]\n001 = ''\n", 2, 'MY.001.title = "": expected a text in quotes'),
        ("[MY.001]\nsource = 'x'\n", 1, "MY.001.title is missing"),
        ("[MY.001]\ntitle = 'x'\nsauce = 'x'\n", 3, "MY.001.sauce is not known: expected only title, "),
        ("[MY.001]\ntitle = 'x'\nsauce = 'x'\n", 3, "did you mean source?"),
        ("[MY.001]\ntitle = 'x'\ncondition = []\n", 3, "MY.001.condition = []: expected a text in quotes"),
        ("[MY.001]\ntitle = 'x'\nprofile = 'win7'\n", 3, 'MY.001.profile = "win7": expected one of win8, win10, both'),
        ("[MY.001]\ntitle = 'x'\nproved = 'suite'\n", 3, 'MY.001.proved = "suite": expected names of folders'),
    ],
)
def test_a_wrong_entry_is_refused_with_its_line(tmp_path: Path, text: str, line: int, words: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(UsageError) as raised:
        catalogue.load((path,))
    assert raised.value.code == "RIG-C13"
    assert raised.value.cause.startswith(f"{path}:{line}: " if line else f"{path}: ")
    assert words in raised.value.cause


def test_an_area_of_the_rigs_own_is_not_added_to(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("[CCT]\n099 = 'x'\n")
    with pytest.raises(UsageError, match=r"RIG-C13 .*mine.toml: there is an area CCT already"):
        catalogue.load((path,))


def test_a_case_that_other_tests_prove_says_where() -> None:
    elsewhere = [entry for entry in catalogue.load().values() if entry.proved and "suite" not in entry.proved]
    assert elsewhere
    for entry in elsewhere:
        assert all(f"tests/{folder}" in entry.reason for folder in entry.proved)
    assert not [entry.id for entry in catalogue.load().values() if "suite" in entry.proved and entry.reason]
