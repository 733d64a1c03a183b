"""Every requirement is accounted for: proved by the tests that the catalogue names, or with the reason why not."""

from __future__ import annotations

from pathlib import Path

import pytest

from rig import catalogue
from rig.catalogue.marks import marked, marks_in
from rig.catalogue.places import folders

EDGES = [catalogue.edge_id(number) for number in range(1, 109)]


@pytest.fixture(scope="module")
def found() -> dict[str, set[str]]:
    """The folders with marks, by the ids that those name."""
    places: dict[str, set[str]] = {}
    for name, folder in folders().items():
        for id_ in marked(folder):
            places.setdefault(id_, set()).add(name)
    return places


def test_the_edge_cases_are_numbered_without_gaps() -> None:
    assert [id_ for id_ in catalogue.load() if id_.startswith("EDGE-")] == EDGES


def test_marks_name_requirements_that_exist(found: dict[str, set[str]]) -> None:
    assert catalogue.unknown(found) == []


def test_what_is_said_to_be_proved_has_its_tests_and_nothing_else_has(found: dict[str, set[str]]) -> None:
    """Both ways: a mark that went leaves a gap, a mark that came is not yet in the map."""
    said = {id_: set(catalogue.load()[id_].proved) for id_ in EDGES}
    lines = [
        f"[{id_.replace('-', '.')}] proved = {sorted(found.get(id_, ()))}   (not {sorted(said[id_])})".replace("'", '"')
        for id_ in EDGES
        if said[id_] != found.get(id_, set())
    ]
    assert not lines, "rig/catalogue/areas/EDGE.toml should read:\n" + "\n".join(lines)


def test_what_tests_leave_out_is_of_something_tested() -> None:
    assert not [entry.id for entry in catalogue.load().values() if entry.remains and not entry.proved]


def test_the_reader_sees_every_form_of_a_mark(tmp_path: Path) -> None:
    path = tmp_path / "test_x.py"
    path.write_text(
        "import pytest\n"
        "pytestmark = [pytest.mark.edge(1)]\n"
        "@pytest.mark.edge(2, 3)\n"
        "def test_a(): ...\n"
        "@pytest.mark.parametrize('n', [pytest.param(0, marks=pytest.mark.edge(4))])\n"
        "def test_b(n): '''pytest.mark.edge(5)'''\n"
        "@pytest.mark.requirement('CCT-030')\n"
        "class TestC:\n"
        "    def test_d(self): ...\n"
    )
    named = {(mark.id, mark.test) for mark in marks_in(path)}
    assert {(id_, test) for id_, test in named if id_ != "EDGE-001"} == {
        ("EDGE-002", "test_a"),
        ("EDGE-003", "test_a"),
        ("EDGE-004", "test_b"),
        ("CCT-030", "TestC::test_d"),
    }
    assert {test for id_, test in named if id_ == "EDGE-001"} == {"test_a", "test_b", "TestC::test_d"}
    assert [mark.place for mark in marked(tmp_path)["EDGE-003"]] == ["test_x.py::test_a"]


@pytest.mark.parametrize("mark", ["edge(*range(3))", "requirement(NAME)", "edge('CCT-030')", "requirement(7)", "edge(True)"])
def test_the_reader_refuses_what_it_cannot_read(tmp_path: Path, mark: str) -> None:
    (tmp_path / "test_x.py").write_text(f"import pytest\n@pytest.mark.{mark}\ndef test_a(): ...\n")
    with pytest.raises(ValueError, match=r"test_x.py:2"):
        marked(tmp_path)


def test_a_requirement_without_a_test_of_the_suite_says_why_and_one_with_a_test_does_not(found: dict[str, set[str]]) -> None:
    wrong = []
    for entry in catalogue.load().values():
        tested = "suite" in found.get(entry.id, set())
        if tested and entry.reason:
            wrong.append(f"{entry.id} has tests in the suite: without reason = {entry.reason!r}")
        if not tested and len(entry.reason) <= 10:
            wrong.append(f"{entry.id} has no test in the suite: with a reason")
    assert not wrong, "rig/catalogue/areas should read:\n" + "\n".join(wrong)


def test_the_readme_says_how_much_is_covered(found: dict[str, set[str]]) -> None:
    in_suite = {id_ for id_, places in found.items() if "suite" in places}
    hosts = [id_ for id_ in catalogue.load() if id_ not in EDGES]
    alone = sum(id_ not in in_suite for id_ in found if id_ in EDGES)
    line = (
        f"Of the catalogue the suite tests {len(in_suite & set(hosts))} of the host's {len(hosts)} requirements and "
        f"{len(in_suite & set(EDGES))} of the device's {len(EDGES)} edge cases;\n"
        f"`make test` proves {alone} more on the firmware alone. {len(catalogue.load()) - len(in_suite) - alone} have no test. "
        "`rig requirements` says\nof each what proves it, or why nothing does.\n"
    )
    readme = Path(__file__).parents[2] / "README.md"
    assert line in readme.read_text(encoding="utf-8"), f"README.md should read:\n{line}"
