"""The plugin's options beside other people's, and what it says on pytest's screen."""

from __future__ import annotations

from pathlib import Path

import pytest

TEST = "def test_one(bench): pass\n"


@pytest.fixture(autouse=True)
def no_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests say themselves whether they are in CI."""
    monkeypatch.delenv("CI", raising=False)


@pytest.fixture
def no_qemu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without QEMU."""
    monkeypatch.setenv("PATH", "/nowhere")


def test_a_conftest_keeps_its_own_device_option(fake_bench: pytest.Pytester) -> None:
    """Its option is the short one, ours the long one; the others are free."""
    conftest = fake_bench.path / "conftest.py"
    own = "\ndef pytest_addoption(parser):\n    parser.addoption('--device', default='theirs')\n"
    conftest.write_text(conftest.read_text() + own)
    fake_bench.makepyfile(
        "def test_one(bench, request):\n"
        "    assert request.config.getoption('--device') == 'mine'\n"
        "    assert (bench.config.device, bench.config.topology) == ('board', 'routed')\n"
    )
    result = fake_bench.runpytest_subprocess("--device=mine", "--rig-device=board:/dev/none", "--topology=routed")
    result.assert_outcomes(passed=1)
    assert "Traceback" not in result.stderr.str()


@pytest.mark.parametrize("prefix", ["--", "--rig-"])
@pytest.mark.parametrize("joined", [True, False], ids=["joined", "apart"])
def test_short_and_long_options_are_the_same(fake_bench: pytest.Pytester, tmp_path: Path, prefix: str, joined: bool) -> None:
    """The value of an option is no path of tests: the conftest beside it is not loaded."""
    (tmp_path / "conftest.py").write_text("raise RuntimeError('loaded')\n")
    (tmp_path / "bench.toml").write_text("[standby]\nlease_min = 60\n")
    fake_bench.makepyfile(
        "def test_one(bench):\n"
        "    assert (bench.config.device, bench.config.topology) == ('native', 'routed')\n"
        "    assert bench.config.standby.lease_min == 60\n"
    )
    words = {"device": "native", "topology": "routed", "bench-config": str(tmp_path / "bench.toml")}
    options = [[f"{prefix}{name}={value}"] if joined else [f"{prefix}{name}", value] for name, value in words.items()]
    fake_bench.runpytest_subprocess(*(word for option in options for word in option)).assert_outcomes(passed=1)


def test_pytest_says_where_the_reports_are(fake_bench: pytest.Pytester) -> None:
    fake_bench.makepyfile(TEST)
    result = fake_bench.runpytest_subprocess("--rig-reports=reports")
    result.stdout.fnmatch_lines(["rig report: reports/*/report.html"])
    fake_bench.runpytest_subprocess().stdout.no_fnmatch_line("*rig report*")


@pytest.mark.usefixtures("no_qemu")
def test_what_auto_leaves_out_is_said(fake_bench: pytest.Pytester) -> None:
    fake_bench.makepyfile(TEST)
    result = fake_bench.runpytest_subprocess("--device=auto")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["rig: --device auto leaves out qemu: RIG-T01 qemu-system-arm is not installed; fix: apt-get*"])


@pytest.mark.usefixtures("no_qemu")
@pytest.mark.parametrize(("options", "ci"), [(["--rig-strict"], ""), ([], "true"), ([], "1")])
def test_where_nobody_looks_it_is_an_error(
    fake_bench: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, options: list[str], ci: str
) -> None:
    monkeypatch.setenv("CI", ci)
    fake_bench.makepyfile(TEST)
    result = fake_bench.runpytest_subprocess("--device=auto", *options)
    assert result.ret == 6
    assert "RIG-R13 --device auto would leave out qemu" in result.stderr.str()
    assert "Traceback" not in result.stderr.str()
    fake_bench.runpytest_subprocess("--device=native", *options).assert_outcomes(passed=1)
