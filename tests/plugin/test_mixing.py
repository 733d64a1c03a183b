"""The order in which a worker gets its tests: those of a file spread over the run, so that not all wait at once."""

from __future__ import annotations

import pytest

SHARED = """
import pytest

@pytest.fixture(scope="module")
def shared():
    open("made", "a").write("once ")

@pytest.mark.parametrize("number", range(3))
def test_shared(bench, shared, number): pass
"""
NUMBERED = """
import pytest

@pytest.mark.parametrize("number", range({tests}))
def test_one(bench, number): pass
"""


def order(folder: pytest.Pytester, *options: str) -> list[str]:
    """What ran, as file and number."""
    result = folder.runpytest_subprocess("-v", *options)
    assert result.ret == 0
    lines = [line.removeprefix("[gw0]") for line in result.outlines if " PASSED" in line or line.endswith("PASSED")]
    names = [next(word for word in line.split() if "::" in word) for line in lines]
    return [f"{name[5]}{name.rpartition('-')[2].rstrip(']')}" for name in names]


@pytest.fixture
def three_files(fake_bench: pytest.Pytester) -> pytest.Pytester:
    fake_bench.makepyfile(test_a=NUMBERED.format(tests=8), test_b=NUMBERED.format(tests=2), test_s=SHARED)
    return fake_bench


def test_in_workers_the_tests_of_a_file_are_spread_and_one_that_shares_stays_whole(three_files: pytest.Pytester) -> None:
    assert order(three_files, "-n", "1") == "s0 s1 s2 a0 a1 b0 a2 a3 a4 a5 b1 a6 a7".split()
    assert (three_files.path / "made").read_text() == "once "


def test_without_workers_they_run_as_they_stand(three_files: pytest.Pytester) -> None:
    assert order(three_files) == "a0 a1 a2 a3 a4 a5 a6 a7 b0 b1 s0 s1 s2".split()


def test_who_asks_for_the_failed_first_gets_them_first(three_files: pytest.Pytester) -> None:
    assert order(three_files, "-n", "1", "-p", "cacheprovider", "--failed-first")[0] == "a0"
