"""The tape of the control channel over the deaths of those who write it."""

from __future__ import annotations

from pathlib import Path

import pytest

from rig.device.numbers import GROUP_OFFLOAD, WRITE, Command
from rig.device.smp_header import message
from rig.device.tape import Tape, read, record

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
