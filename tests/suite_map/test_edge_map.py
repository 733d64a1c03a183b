"""Every edge case of the device is accounted for: proved by the tests that the map names, open, or not applicable."""

from __future__ import annotations

from pathlib import Path

import pytest

from rig.suite import catalogue
from rig.suite.edges import CASES, EdgeMap, marked, marks_in

ROOT = Path(__file__).parents[2]
FOLDERS = {"suite": ROOT / "rig/suite"} | {
    path.name: path for path in sorted((ROOT / "tests").iterdir()) if path.is_dir() and path.name not in ("plugin", "suite_map")
}


@pytest.fixture(scope="module")
def written() -> EdgeMap:
    """The map as the data file has it."""
    return EdgeMap.load()


@pytest.fixture(scope="module")
def found() -> dict[int, set[str]]:
    """The map as the marks have it."""
    places: dict[int, set[str]] = {}
    for name, folder in FOLDERS.items():
        for number in marked(folder):
            places.setdefault(number, set()).add(name)
    return places


def test_each_case_stands_in_the_map_once(written: EdgeMap) -> None:
    numbers = sorted([*written.proved, *written.open, *written.not_applicable])
    assert numbers == list(CASES)


def test_each_case_has_a_title_in_the_catalogue() -> None:
    assert catalogue.unknown([catalogue.edge_id(number) for number in CASES]) == []


def test_marks_name_cases_that_exist(found: dict[int, set[str]]) -> None:
    assert set(found) <= set(CASES)


def test_what_is_said_to_be_proved_has_its_tests_and_nothing_else_has(written: EdgeMap, found: dict[int, set[str]]) -> None:
    """Both ways: a mark that went leaves a gap, a mark that came is not yet in the map."""
    said = {number: set(places) for number, places in written.proved.items()}
    lines = [
        f'{number:03d} = "{" ".join(sorted(found.get(number, ())))}"   (not {sorted(said.get(number, ()))})'
        for number in CASES
        if said.get(number, set()) != found.get(number, set())
    ]
    assert not lines, "rig/suite/edge_cases.toml should read:\n" + "\n".join(lines)


def test_what_is_open_or_left_out_says_why(written: EdgeMap) -> None:
    for reasons in (written.open, written.not_applicable, written.remains):
        assert all(len(reason) > 10 for reason in reasons.values())
    assert set(written.remains) <= set(written.proved)


def test_the_reader_sees_every_form_of_a_mark(tmp_path: Path) -> None:
    path = tmp_path / "test_x.py"
    path.write_text(
        "import pytest\n"
        "pytestmark = pytest.mark.edge(1)\n"
        "@pytest.mark.edge(2, 3)\n"
        "def test_a(): ...\n"
        "@pytest.mark.parametrize('n', [pytest.param(0, marks=pytest.mark.edge(4))])\n"
        "def test_b(n): '''pytest.mark.edge(5)'''\n"
    )
    assert sorted(number for number, _ in marks_in(path)) == [1, 2, 3, 4]
    assert marked(tmp_path)[3] == ["test_x.py:3"]


def test_the_reader_refuses_what_it_cannot_read(tmp_path: Path) -> None:
    (tmp_path / "test_x.py").write_text("import pytest\n@pytest.mark.edge(*range(3))\ndef test_a(): ...\n")
    with pytest.raises(ValueError, match=r"test_x.py:2"):
        marked(tmp_path)
