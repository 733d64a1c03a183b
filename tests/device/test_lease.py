"""A board is one run's at a time, under every name, and free again however that run ends."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.device import lease
from rig.errors import BenchError

OTHER_RUN = "import sys; from rig.device.lease import take; take(sys.argv[1]); print('has it', flush=True); sys.stdin.read()"


@pytest.fixture
def port() -> Iterator[str]:
    """A serial port that nobody else has."""
    ours, theirs = pty.openpty()
    yield os.ttyname(theirs)
    os.close(ours)
    os.close(theirs)


def start(port: str) -> subprocess.Popen[str]:
    """A process that leases the port, and has it until its input ends."""
    command, here = [sys.executable, "-c", OTHER_RUN, port], Path(__file__).parents[2]
    run = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=here)
    assert run.stdout is not None
    assert run.stdout.readline() == "has it\n"
    return run


@pytest.fixture
def other_run(port: str) -> Iterator[subprocess.Popen[str]]:
    run = start(port)
    yield run
    run.kill()
    run.communicate()


def test_another_run_has_it_under_every_name_until_it_is_killed(
    port: str, other_run: subprocess.Popen[str], tmp_path: Path
) -> None:
    link = tmp_path / "by-id"
    link.symlink_to(port)
    for name in (port, str(link)):
        with pytest.raises(BenchError, match=f"RIG-S08 the board at {name} is leased by pid {other_run.pid} ") as refused:
            lease.take(name)
        assert refused.value.fix
    other_run.kill()
    other_run.wait()
    start(str(link)).communicate()


def test_pytest_ends_before_its_first_test_when_another_run_has_the_board(
    port: str, other_run: subprocess.Popen[str], pytester: pytest.Pytester
) -> None:
    pytester.makepyfile("def test_one(bench): assert False\n")
    done = pytester.runpytest_subprocess(f"--rig-device=board:{port}", "--rig-reports=reports")
    assert done.ret == 6
    done.stdout.fnmatch_lines([f"*RIG-S08 the board at {port} is leased by pid {other_run.pid} *"])
    assert not (pytester.path / "reports").exists()


def test_what_is_no_port_needs_no_lease() -> None:
    lease.take("/dev/not-there")
    lease.take("fd://3")
