"""The order in which the workers of `rig run` get its tests: those of a file spread over the run, for not all to wait at once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

MIXING = """
from rig.runner.mixing import mixed

def pytest_collection_modifyitems(items):
    items[:] = mixed(items)
"""
NUMBERED = """
import pytest

@pytest.mark.parametrize("number", range({tests}))
def test_one({fixtures}number): pass
"""
SHARED = """
import pytest

@pytest.fixture(scope="{scope}")
def shared():
    open("made", "a").write("once ")

@pytest.fixture
def its_own(shared): return shared

class TestShared:
    @pytest.mark.parametrize("number", range(3))
    def test_shared(self, its_own, number): pass
"""
OVERRIDDEN = """
import pytest

@pytest.fixture
def shared(shared): return shared

@pytest.mark.parametrize("number", range(3))
def test_shared(shared, number): pass
"""
OF_A_FILE = """
@pytest.fixture(scope="module")
def shared():
    open("made", "a").write("once ")
"""
OF_THE_SESSION = """
@pytest.fixture(scope="session", params=["x", "y"])
def made(request):
    open("made", "a").write(request.param)
"""
SPREAD = "a0 a1 b0 a2 a3 a4 a5 b1 a6 a7".split()
AS_THEY_STAND = "a0 a1 a2 a3 a4 a5 a6 a7 b0 b1".split()


def order(folder: pytest.Pytester, *options: str) -> list[str]:
    """What ran, as file and number."""
    result = folder.runpytest_subprocess("-v", *options)
    assert result.ret == 0
    names = [next(word for word in line.split() if "::" in word) for line in result.outlines if "PASSED" in line]
    return [f"{name[5]}{name.rpartition('[')[2].rstrip(']')}" for name in names]


@pytest.fixture
def mixing(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeconftest(MIXING)
    pytester.makepyfile(test_a=NUMBERED.format(tests=8, fixtures=""), test_b=NUMBERED.format(tests=2, fixtures=""))
    return pytester


def test_the_tests_of_a_file_are_spread_over_the_run(mixing: pytest.Pytester) -> None:
    assert order(mixing) == SPREAD


@pytest.mark.parametrize("scope", ["module", "class", "package"])
def test_a_file_whose_tests_share_a_fixture_stays_whole(mixing: pytest.Pytester, scope: str) -> None:
    mixing.makepyfile(test_s=SHARED.format(scope=scope))
    assert order(mixing) == ["s0", "s1", "s2", *SPREAD]
    assert (mixing.path / "made").read_text() == "once "


def test_one_that_shares_under_a_name_of_its_own_file_too(mixing: pytest.Pytester) -> None:
    mixing.makeconftest(f"import pytest\n{MIXING}{OF_A_FILE}")
    mixing.makepyfile(test_s=OVERRIDDEN)
    assert order(mixing) == ["s0", "s1", "s2", *SPREAD]
    assert (mixing.path / "made").read_text() == "once "


def test_what_the_session_shares_by_parameter_is_made_once_for_each(mixing: pytest.Pytester) -> None:
    mixing.makeconftest(f"import pytest\n{MIXING}{OF_THE_SESSION}")
    shares = NUMBERED.format(tests=2, fixtures="made, ")
    mixing.makepyfile(test_a=shares, test_b=shares)
    order(mixing)
    assert (mixing.path / "made").read_text() == "xy"


def test_a_project_that_has_the_rig_keeps_the_order_of_its_own_tests(fake_bench: pytest.Pytester) -> None:
    fake_bench.makepyfile(
        test_a=NUMBERED.format(tests=8, fixtures="bench, "), test_b=NUMBERED.format(tests=2, fixtures="bench, ")
    )
    result = fake_bench.runpytest_subprocess("-v", "-n", "1")
    ran = [line.partition("::")[0][-4] for line in result.outlines if "] PASSED" in line]
    assert "".join(ran) == "aaaaaaaabb"


def test_the_workers_of_rig_run_are_given_files_side_by_side(tmp_path: Path) -> None:
    """Of two files, the second has begun before the first is through."""
    files = ["test_sleeping_patterns.py", "test_sleeping_segments.py"]
    command = [
        sys.executable,
        "-m",
        "rig",
        "run",
        "--device",
        "native",
        "-n",
        "2",
        "-k",
        "greatest or limit or runts or RST or FIN",
    ]
    subprocess.run([*command, "--reports", str(tmp_path), *files], check=True, stdout=subprocess.DEVNULL)
    lines = (tmp_path / "latest" / "results.jsonl").read_text().splitlines()
    ran = [line["id"].partition("::")[0] for line in map(json.loads, lines) if line["kind"] == "attempt"]
    assert sorted(set(ran)) == files
    assert ran.index(files[1]) < len(ran) - 1 - ran[::-1].index(files[0])
