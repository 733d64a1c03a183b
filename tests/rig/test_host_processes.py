"""What a failing test with a host leaves of the host's processes: where each thread of them stood."""

from __future__ import annotations

from pathlib import Path

from rig.runner.host_processes import FILE
from tests.rig.their_tests import attempts_of

STANDS_STILL = """
import pytest
from rig.suite.conftest import scene

def test_that_fails(scene):
    scene.host.start_app("Wetterkanälää", "rig.suite.chat_app:ChatApp").suspend()
    assert False

def test_that_passes(scene):
    pass

@pytest.fixture
def stuck(scene):
    raise ValueError

def test_whose_set_up_fails(stuck):
    pass
"""


def test_a_stopped_app_is_seen_beside_the_processes_of_its_host(tmp_path: Path) -> None:
    """Its name has no room in the kernel's 15 bytes, which end within a letter."""
    attempts_of(STANDS_STILL, tmp_path, 4)  # what fails in its set-up is tried twice
    (left,) = tmp_path.glob(f"out/latest/tests/*that-fails*/{FILE}")
    _, *rows = (line.split() for line in left.read_text().splitlines())
    states = {(row[3], row[4]) for row in rows}
    assert ("Wetterkanälä\ufffd", "T") in states
    assert {"supervisor", "driver", "system"} < {name for name, _ in states}
    assert len(list(tmp_path.glob(f"out/latest/tests/*set-up-fails*/{FILE}"))) == 2, "a set-up may stand still as well"
    assert FILE in (tmp_path / "out/latest/results.jsonl").read_text(), "it is among the files that the reports name"
