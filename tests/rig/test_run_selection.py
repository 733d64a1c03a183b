"""What `rig run` is asked to run: names, words, the failed ones of the last run; and how it stops and tells. Real processes."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pyroute2  # noqa: F401  (what the suite imports first: once, not in each forked run)
import pytest
import scapy.layers.inet6  # noqa: F401

from rig import cli
from tests import forked

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200", "TERM": "xterm"}
RAW = "test_wake_patterns.py::test_magic_packet_wakes_wherever_it_stands[native-flat-raw]"
SOFTWARE = "[standby]\naoac = false\n"
"""A platform without connected standby: what asks for a hardware slot fails."""
SLOTS = ["test_set_up_goes_in_the_canonical_order", "test_a_free_hardware_slot_is_given"]


def rig_run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Without workers."""
    workers = [] if "--list" in arguments else ["-n", "0"]
    return forked.run(lambda: cli.main(["run", *workers, *arguments]), folder, ENVIRONMENT, timeout=90)


def listed(folder: Path, *arguments: str) -> list[str]:
    """The ids."""
    done = rig_run(folder, "--list", *arguments)
    assert done.returncode == 0, done.stderr
    return [line.partition("  ")[0] for line in done.stdout.splitlines()]


def verdicts(folder: Path) -> dict[str, str]:
    """Of the last run's attempts, by the test's name."""
    record = (folder / "reports" / "latest" / "results.jsonl").read_text().splitlines()
    attempts = [line for line in map(json.loads, record) if line["kind"] == "attempt"]
    return {re.sub(r".*::|\[.*", "", line["id"]): line["verdict"] for line in attempts}


def test_the_example_of_the_help_finds_what_it_says(tmp_path: Path) -> None:
    text = " ".join(rig_run(tmp_path, "--help").stdout.split())
    (example,) = re.findall(r'-k EXPR [^"]*"([^"]*)"', text)
    wanted, unwanted = example.split(" and not ")
    found = listed(tmp_path, "-k", example)
    assert found
    assert all(wanted in id_ and unwanted not in id_ for id_ in found)


def test_device_and_topology_are_no_words_of_a_test(tmp_path: Path) -> None:
    """Every id contains "native": that does not make it one about NAT."""
    assert all("nat" in id_.replace("[native-", "[").lower() for id_ in listed(tmp_path, "-k", "nat"))
    assert len(listed(tmp_path, "-k", "CCT-030")) >= 1, "a requirement is a word"
    wrong = rig_run(tmp_path, "-k", "wakes and not qemu")
    assert (wrong.returncode, wrong.stdout) == (4, "")
    assert "RIG-C15 -k 'wakes and not qemu': a device is an option" in wrong.stderr


@pytest.mark.parametrize(
    ("name", "count"),
    [
        (RAW, 1),
        (RAW.replace("[native-flat-", "[qemu-routed-"), 1),
        (RAW.partition("[")[0], 5),
        ("test_magic_packet_wakes_wherever_it_stands", 5),
        (str(ROOT / "rig/suite/test_nat.py"), 3),
        ("test_nat", 3),
    ],
)
def test_a_name_that_the_rig_prints_is_taken(tmp_path: Path, name: str, count: int) -> None:
    """Device and topology of an id are its own, without an option."""
    found = listed(tmp_path, name)
    assert len(found) == count
    assert name in found or "[native" not in name


def test_an_id_is_taken_by_k_too(tmp_path: Path) -> None:
    assert listed(tmp_path, "-k", RAW) == [RAW]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-k", "two words"], "RIG-C15 Wrong expression passed to '-k': two words"),
        (["-k", "(" * 5_000 + "a" + ")" * 5_000], "RIG-C15 Wrong expression passed to '-k': "),
        (
            ["test_wake_pattern.py"],
            "RIG-C14 the suite has no test 'test_wake_pattern.py' here\n  fix: did you mean 'test_wake_patterns.py'?",
        ),
        (["mine.py"], "RIG-C14 'mine.py' is none of the suite's tests\n  fix: your own: pytest --rig-device native mine.py"),
    ],
)
def test_what_names_nothing_is_said_before_anything_is_flashed(tmp_path: Path, arguments: list[str], words: str) -> None:
    (tmp_path / "mine.py").write_text("")
    done = rig_run(tmp_path, *arguments)
    assert done.returncode == 4
    assert words in done.stderr
    assert "flashing" not in done.stdout
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "reports").exists()
    assert "flashing" not in rig_run(tmp_path, "-k", "no_such_test").stdout


def test_the_first_failure_stops_and_the_failed_are_run_again(tmp_path: Path) -> None:
    (tmp_path / "bench.toml").write_text(SOFTWARE)
    stopped = rig_run(tmp_path, *SLOTS, "-x", "-v", "--bench-config", "bench.toml")
    assert stopped.returncode == 1
    assert verdicts(tmp_path) == {SLOTS[0]: "failed"}
    assert "1 requirement more: the run ended before their tests" in stopped.stdout
    assert "\n      CCT-010\n" in stopped.stdout, "-v: what the test proves"
    assert "test_channel_setup.py:" in stopped.stdout
    assert "scene.open_hardware()" in stopped.stdout, "-v: the traceback"
    assert "AssertionError: assert <ControlChannelTriggerStatus.SOFTWARE_SLOT_ALLOCATED" in stopped.stdout

    again = rig_run(tmp_path, "--last-failed", "--bench-config", "bench.toml")
    assert (again.returncode, verdicts(tmp_path)) == (1, {SLOTS[0]: "failed"})
    mended = rig_run(tmp_path, "--last-failed")
    assert (mended.returncode, verdicts(tmp_path)) == (0, {SLOTS[0]: "passed"})
    none = rig_run(tmp_path, "--last-failed")
    assert none.returncode == 5
    assert "RIG-R01 nothing ran: no test failed in reports/latest" in none.stdout


def test_a_terminal_shows_what_runs_and_how_long_it_still_takes(tmp_path: Path) -> None:
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "rig.cli", "run", *SLOTS]
    with subprocess.Popen(command, stdout=follower, stderr=follower, env=ENVIRONMENT, cwd=tmp_path) as run:
        os.close(follower)
        shown = b""
        while piece := _read(leader):
            shown += piece
    os.close(leader)
    text = shown.decode()
    assert run.returncode == 0, text
    assert "\x1b[K0/2, test_channel_setup.py::test_set_up" in text
    assert re.search(r"\x1b\[K1/2, about \d+ s left, test_channel_setup.py::test_a_free", text)
    assert "\x1b[K" not in rig_run(tmp_path, SLOTS[0]).stdout, "a file has no status line"


def _read(leader: int) -> bytes:
    """Of a terminal; b"" when nobody writes any more, for which Linux has EIO."""
    try:
        return os.read(leader, 65536)
    except OSError:
        return b""


@pytest.fixture
def without_qemu(tmp_path: Path) -> dict[str, str]:
    """The environment of a machine without QEMU."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("sh", "setpriv"):
        (tools / name).symlink_to(f"/usr/bin/{name}")
    return {**{key: value for key, value in ENVIRONMENT.items() if key != "CI"}, "PATH": str(tools)}


def test_what_auto_leaves_out_is_said_and_with_strict_refused(tmp_path: Path, without_qemu: dict[str, str]) -> None:
    command = [sys.executable, "-m", "rig.cli", "run", RAW, "--device", "auto"]

    def done(*options: str, **environment: str) -> subprocess.CompletedProcess[str]:
        surroundings = without_qemu | environment
        return subprocess.run(
            [*command, *options], capture_output=True, text=True, timeout=90, env=surroundings, check=False, cwd=tmp_path
        )

    ran = done()
    assert ran.returncode == 0, ran.stderr
    assert "--device auto leaves out qemu: RIG-T01 qemu-system-arm is not installed\n  fix: apt-get" in ran.stdout
    facts = json.loads((tmp_path / "reports/latest/results.jsonl").read_text().partition("\n")[0])
    assert facts["left out"] == "qemu: RIG-T01 qemu-system-arm is not installed"
    for refused in (done("--strict"), done(CI="true")):
        assert (refused.returncode, refused.stdout) == (6, "")
        assert "RIG-R13 --device auto would leave out qemu" in refused.stderr
