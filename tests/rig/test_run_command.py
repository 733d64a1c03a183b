"""`rig run` before its first test: wrong words and files, a board that is not there, nowhere to write. Real processes."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rig import cli
from rig.clock import Deadline
from rig.runner.combinations import left_out
from rig.runner.screen import ERASE
from rig.runner.worker_count import auto_workers
from tests import forked

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"}

BOARD = '[bench]\ndevice = "board"\nport = "/dev/ttyUSB9"\nnic = "{}"\n'
ONE = ["-k", "test_magic_packet_wakes_wherever_it_stands and raw"]


def rig_run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Without workers, where the arguments ask for none."""
    workers = [] if {"-n", "--list"} & {*arguments} else ["-n", "0"]
    return forked.run(lambda: cli.main(["run", *workers, *arguments]), folder, ENVIRONMENT, timeout=180)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--device", "toaster"], 4, "RIG-C10 there is no device 'toaster'"),
        (["--list", "--device", "toaster"], 4, "RIG-C10 there is no device 'toaster'"),
        (["--topology", "nowhere"], 4, "RIG-C03 no topology 'nowhere'"),
        (["--bench-config", "missing.toml"], 4, "RIG-C01 missing.toml: cannot be read: No such file or directory"),
        (["--reports", "file"], 4, "RIG-R12 no reports can be written to"),
        (["--reports", "/proc/reports"], 4, "RIG-R12 no reports can be written to"),
        (["-n", "many"], 4, "RIG-C17 -n many is no number of tests at a time"),
        (["-n", "65"], 4, "RIG-C17 -n 65 is no number of tests at a time"),
        (["-n", "2", "--device", "native", "--device", "board:/dev/ttyUSB9"], 4, "RIG-C16 board:/dev/ttyUSB9 is one board"),
        (["--device", "board:"], 4, "RIG-C05 device board needs its serial port"),
        (["--device", "board:/dev/ttyUSB9"], 4, "RIG-C05 device board needs this machine's interface"),
    ],
)
def test_what_would_fail_every_test_is_said_before_the_first(tmp_path: Path, arguments: list[str], code: int, words: str) -> None:
    (tmp_path / "file").write_text("mine")
    done = rig_run(tmp_path, *ONE, *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert words in done.stderr
    assert "  fix: " in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.glob("reports/*")), "nothing half done"


@pytest.mark.parametrize(("nic", "words"), [("eth77", "RIG-N11 this machine has no interface 'eth77'"), ("lo", "RIG-")])
def test_a_board_that_is_not_there_is_one_message(tmp_path: Path, nic: str, words: str) -> None:
    """As root the port is what lacks, else the right to move the interface."""
    (tmp_path / "bench.toml").write_text(BOARD.format(nic))
    done = rig_run(tmp_path, *ONE, "--bench-config", "bench.toml")
    assert (done.returncode, done.stdout) == (6, "")
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 2
    assert not list(tmp_path.glob("reports/*"))


def test_nothing_selected_says_so_and_leaves_the_last_run_alone(tmp_path: Path) -> None:
    done = rig_run(tmp_path, "-k", "no_test_has_this_name")
    assert done.returncode == 5
    assert "RIG-R01 nothing ran: no test matches -k" in done.stdout
    assert not list(tmp_path.glob("reports/*"))
    listed = rig_run(tmp_path, "--list", "-k", "no_test_has_this_name")
    assert (listed.returncode, listed.stderr) == (5, "no test matches -k\n")
    assert listed.stdout == ""


def test_a_list_can_be_read_by_programs(tmp_path: Path) -> None:
    lines = rig_run(tmp_path, "--list", *ONE).stdout.split("\n")[:-1]
    listed = json.loads(rig_run(tmp_path, "--list", "--json", *ONE).stdout)
    assert ["  ".join([row["id"], " ".join(row["requirements"])]).rstrip() for row in listed] == lines
    refused = rig_run(tmp_path, "--json", *ONE)
    assert (refused.returncode, "--json goes with --list alone" in refused.stderr) == (4, True)


def test_a_list_is_the_tests_and_nothing_else(tmp_path: Path) -> None:
    listed = rig_run(tmp_path, "--list", *ONE)
    name = "test_wake_patterns.py::test_magic_packet_wakes_wherever_it_stands[native-flat-raw]"
    assert (listed.returncode, listed.stdout, listed.stderr) == (0, f"{name}  EDGE-070\n", "")
    wrong = rig_run(tmp_path, "--list", "-k", "two words")
    assert (wrong.returncode, wrong.stdout) == (4, "")
    assert "Wrong expression passed to '-k'" in wrong.stderr


def test_a_server_may_have_any_name(tmp_path: Path) -> None:
    legs = (("laptop", "host", 10), ("cloud", "server", 20))
    text = '[hosts.{0}]\nrole = "{1}"\nmac = "02:00:00:00:01:{2}"\nipv4 = "192.0.2.{2}/24"\n'
    (tmp_path / "mine.toml").write_text("".join(text.format(*leg) for leg in legs))
    done = rig_run(tmp_path, *ONE, "--topology", "mine.toml")
    assert done.returncode == 0, done.stdout
    assert "tests: 1 passed" in done.stdout


def test_who_closes_the_output_loses_no_reports(tmp_path: Path) -> None:
    """`rig run | head -1`: the run goes on, its exit code and its reports are those of the tests."""
    command = [sys.executable, "-m", "rig.cli", "run", "-n", "0", *ONE]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT, cwd=tmp_path) as run:
        assert run.stdout is not None
        assert run.stderr is not None
        run.stdout.readline()
        run.stdout.close()
        assert run.stderr.read() == b""
    assert run.returncode == 0
    assert (tmp_path / "reports" / "latest" / "report.html").is_file()
    record = [json.loads(line) for line in (tmp_path / "reports" / "latest" / "results.jsonl").read_text().splitlines()]
    assert [line["verdict"] for line in record if line["kind"] == "attempt"] == ["passed"]
    assert record[-1]["exit"] == 0


@pytest.mark.parametrize("device", ["native", "qemu"])
def test_ctrl_c_ends_a_run_with_its_reports_and_no_childs_complaint(tmp_path: Path, device: str) -> None:
    """A terminal sends SIGINT to the whole foreground group: device, service and apps get it too."""
    if lack := left_out().get(device):
        pytest.skip(lack.cause)
    command = [sys.executable, "-m", "rig.cli", "run", "-k", "test_websocket_pings_over_many_sleeps", "--device", device]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
        cwd=tmp_path,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as run:
        deadline = Deadline(60)
        while not (found := list(tmp_path.glob("reports/latest/tests/*/timeline.jsonl"))) or b"SLOT" not in found[0].read_bytes():
            assert not deadline.expired
            time.sleep(0.01)
        os.killpg(run.pid, signal.SIGINT)
        out, err = run.communicate(timeout=180)
    assert (run.returncode, err) == (2, "")
    assert "interrupted: Ctrl-C" in out
    assert (tmp_path / "reports" / "latest" / "report.html").is_file()
    counters = json.loads(found[0].with_name("counters.json").read_text())
    assert "rx_total" in counters, "service and device answered until the rig ended them"


def test_a_terminal_that_is_closed_ends_a_run_with_its_reports(tmp_path: Path) -> None:
    """The kernel sends SIGHUP to the foreground group, and whoever writes to the terminal after that gets EIO."""
    pid, terminal = pty.fork()
    if not pid:
        os.chdir(tmp_path)
        command = [sys.executable, "-m", "rig.cli", "run", "-k", "test_websocket_pings_over_many_sleeps"]
        os.execve(sys.executable, command, ENVIRONMENT)
    deadline = Deadline(60)
    while not (found := list(tmp_path.glob("reports/latest/tests/*/timeline.jsonl"))) or b"SLOT" not in found[0].read_bytes():
        assert not deadline.expired
        time.sleep(0.01)
    os.close(terminal)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 2
    assert (tmp_path / "reports" / "latest" / "report.html").is_file()
    counters = json.loads(found[0].with_name("counters.json").read_text())
    assert "rx_total" in counters, "service and device answered until the rig ended them"


def test_a_terminal_is_told_what_a_run_does_before_its_first_test_and_behind_its_last(tmp_path: Path) -> None:
    """Seconds each, where tests and workers are many."""
    pid, terminal = pty.fork()
    if not pid:
        os.chdir(tmp_path)
        command = [sys.executable, "-m", "rig.cli", "run", "-k", "test_magic_packet"]
        os.execve(sys.executable, command, ENVIRONMENT | {"TERM": "xterm"})
    shown = b""
    with contextlib.suppress(OSError):  # EIO: it has ended
        while data := os.read(terminal, 65536):
            shown += data
    os.close(terminal)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    erased = ERASE.encode()
    found = [shown.find(erased + words) for words in (b"collecting the tests" + erased, b"0/", b"drawing the reports" + erased)]
    assert -1 not in found
    assert found == sorted(found), "in this order"
    assert shown.find(b"flashing native") > found[0]


ONE_TEST = """
import os, pytest, time

@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup():
    try:
        os.close(os.open({first!r}, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        time.sleep(3600)
"""
"""A plugin with which one test is run, and each that comes after it waits until the run is ended."""


@pytest.mark.parametrize(
    ("options", "workers"),
    [
        (["-k", "test_channel_rules"], min(4, auto_workers())),
        (["-k", "test_channel_rules", "-n", "2"], 2),
        (["-k", "test_magic_packet", "-n", "0"], 0),
        (["-k", "test_magic_packet"], 0),
    ],
    ids=["by itself", "as many as asked for", "none", "none for what one would do"],
)
def test_how_many_workers_a_run_has(tmp_path: Path, options: list[str], workers: int) -> None:
    """At most one for four tests; they are all there before the first test has run. The screen shows one run."""
    (tmp_path / "one_test.py").write_text(ONE_TEST.format(first=str(tmp_path / "first")))
    run = subprocess.Popen(
        [sys.executable, "-m", "rig.cli", "run", *options, "--reports", str(tmp_path / "reports")],
        stdout=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT | {"PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}", "PYTEST_PLUGINS": "one_test"},
    )
    assert run.stdout is not None
    seen, lines = set[int](), list[str]()
    for line in run.stdout:
        lines.append(line)
        seen |= children_of(run.pid)
        if sum(" passed " in line for line in lines) == 1 and " passed " in line:
            run.terminate()
    assert run.wait() == 2
    assert len(seen) == workers
    assert sum(re.fullmatch(r"\d+ tests\n", line) is not None for line in lines) == 1


def children_of(pid: int) -> set[int]:
    """Those that are workers."""
    found = set()
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        with contextlib.suppress(OSError):
            if b"exec(eval(sys.stdin" in Path(f"/proc/{child}/cmdline").read_bytes():
                found.add(int(child))
    return found
