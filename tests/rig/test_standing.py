"""What a failing test with a host leaves of the host's processes: where each thread of them stood."""

from __future__ import annotations

from pathlib import Path

from rig.runner.standing import FILE
from tests.rig.their_tests import attempts_of

STANDS_STILL = """
from rig.suite.conftest import scene

def test_that_fails(scene):
    scene.host.start_app("chat", "rig.suite.chat_app:ChatApp").suspend()
    assert False

def test_that_passes(scene):
    pass
"""


def test_a_stopped_app_is_seen_beside_a_system_that_waits(tmp_path: Path) -> None:
    attempts_of(STANDS_STILL, tmp_path, 2)
    (left,) = tmp_path.glob(f"out/latest/tests/*/{FILE}")
    _, *rows = (line.split() for line in left.read_text().splitlines())
    states = {(row[3], row[4]) for row in rows}
    assert ("chat", "T") in states
    assert ("system", "S") in states
    assert ("supervisor", "S") in states
    assert FILE in (tmp_path / "out/latest/results.jsonl").read_text(), "it is among the files that the reports name"
