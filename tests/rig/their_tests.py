"""Tests as somebody writes them, run by pytest in a process of its own: what the record says of each."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests import forked

ROOT = Path(__file__).parents[2]


def attempts_of(tests: str, folder: Path, count: int) -> list[dict[str, Any]]:
    """On the native device, in order. Raises AssertionError unless there are so many."""
    (folder / "test_theirs.py").write_text(tests)
    words = ["-p", "no:cacheprovider", "--device", "native", "--topology", "flat", "--rig-reports", "out", "test_theirs.py"]
    done = forked.run(lambda: pytest.main(words), folder, {**os.environ, "PYTHONPATH": str(ROOT)}, timeout=100)
    rows = [json.loads(line) for line in (folder / "out/latest/results.jsonl").read_text().splitlines()]
    attempts = [row for row in rows if "attempt" in row]
    assert len(attempts) == count, done.stdout + done.stderr
    return attempts
