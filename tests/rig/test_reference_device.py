"""The suite runs on a device that shares nothing with the firmware: one test of a wake, from the command line."""

from __future__ import annotations

import os
from pathlib import Path

from rig import cli
from tests import forked

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200", "TERM": "dumb"}


def test_a_device_written_from_the_contract_alone_passes_a_test_of_the_suite(tmp_path: Path) -> None:
    arguments = ["run", "test_wake_patterns.py", "-k", "magic and raw", "--device", "reference", "-n", "0"]
    done = forked.run(lambda: cli.main(arguments), tmp_path, ENVIRONMENT, timeout=120)
    assert done.returncode == 0, done.stdout
    assert "passed" in done.stdout
