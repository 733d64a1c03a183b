"""The tape of the control channel over the deaths of those who write it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from rig.device.numbers import GROUP_OFFLOAD, WRITE, Command
from rig.device.smp_header import message
from rig.device.tape import Tape, read, record

ROOT = Path(__file__).parents[2]
COMMIT = message(WRITE, GROUP_OFFLOAD, 1, Command.COMMIT, {"epoch": 3})


@pytest.mark.parametrize("written_bytes", range(len(record(0, COMMIT))))
def test_the_next_driver_goes_on_behind_the_last_whole_record(tmp_path: Path, written_bytes: int) -> None:
    """The kernel breaks a killed process's write(2) off between two pages."""
    path = tmp_path / "line.tape"
    first = Tape(path)
    first.asked(COMMIT)
    first.close()
    with path.open("ab") as killed:
        killed.write(record(0, COMMIT)[:written_bytes])
    second = Tape(path)
    second.answered(COMMIT)
    second.close()
    assert [(said.by_device, said.body) for said in read(path)] == [(False, {"epoch": 3}), (True, {"epoch": 3})]


def test_what_a_full_disk_has_no_room_for_is_missing_alone(tmp_path: Path) -> None:
    """When there is some again the tape goes on."""
    program = """
import resource, signal, sys
from pathlib import Path
from rig.device.tape import Tape
from tests.device.test_tape import COMMIT
tape = Tape(Path(sys.argv[1]))
tape.asked(COMMIT)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (Path(sys.argv[1]).stat().st_size + 20, resource.RLIM_INFINITY))
tape.asked(COMMIT)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
tape.answered(COMMIT)
"""
    path = tmp_path / "line.tape"
    subprocess.run([sys.executable, "-c", program, str(path)], cwd=ROOT, check=True)
    assert [said.by_device for said in read(path)] == [False, True]
