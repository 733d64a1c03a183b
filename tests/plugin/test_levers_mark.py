"""The mark `levers`: turned before the test begins, and refused before anything runs."""

from __future__ import annotations

import pytest

from .conftest import Run

HOST = """
import pytest, types, sys
turned = []
bench_class = sys.modules["rig.bench"].Bench
enter = bench_class.__enter__

def with_levers(self):
    enter(self)
    self.host = types.SimpleNamespace(levers=types.SimpleNamespace(set=lambda **changes: turned.append(changes)))
    return self

bench_class.__enter__ = with_levers
"""


def test_marks_of_class_and_test_add_up_and_the_nearer_counts(run_rig: Run) -> None:
    code, lines = run_rig(
        HOST
        + """
@pytest.mark.levers(ac=False, battery_percent=15)
class TestIt:
    @pytest.mark.levers(battery_percent=5, cost="fixed")
    def test_one(self, bench):
        assert turned == [{"ac": False, "battery_percent": 5, "cost": "fixed"}]
"""
    )
    assert code == 0, lines


def test_a_test_without_the_mark_turns_none(run_rig: Run) -> None:
    assert run_rig(HOST + "def test_one(bench):\n    assert turned == []\n")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("batery_percent=5", "test_one[native-flat]: there is no lever batery_percent\n  fix: did you mean battery_percent?"),
        ("battery_percent=101", "a lever cannot be turned so: Expected `int` <= 100 - at `$.battery_percent`"),
        ("ac=1", "Expected `bool`, got `int` - at `$.ac`"),
        ("lock_screen=tuple('abcdefgh')", "at `$.lock_screen`"),
        ("cost='cheap'", "lever cost has no value 'cheap'\n  fix: one of unknown, unrestricted, fixed, variable"),
        ("link=0", "lever link cannot be turned to 0"),
        ("lnk=False", "there is no lever lnk\n  fix: did you mean link?"),
        ("False", "a lever has a name, as in levers(ac=False)"),
    ],
)
def test_a_wrong_one_is_said_before_anything_runs(
    run_rig: Run, capfd: pytest.CaptureFixture[str], arguments: str, words: str
) -> None:
    code, lines = run_rig(f"import pytest\n@pytest.mark.levers({arguments})\ndef test_one(bench):\n    pass\n")
    said = capfd.readouterr()
    assert code == 4
    assert lines == []
    assert words in said.err + said.out
    assert "RIG-C20" in said.err + said.out


def test_a_test_without_a_bench_has_nothing_to_turn(run_rig: Run, capfd: pytest.CaptureFixture[str]) -> None:
    code, lines = run_rig("import pytest\n@pytest.mark.levers(ac=False)\ndef test_one():\n    pass\n")
    said = capfd.readouterr()
    assert (code, lines) == (4, [])
    assert "RIG-C20 test_it.py::test_one turns levers and has no bench" in said.err + said.out
