"""What a device says reaches the terminal in the words of a failure: it commands nothing there."""

from __future__ import annotations

import io

from rig.results.verdict import Verdict
from rig.runner.progress import Progress


def test_a_failure_commands_the_terminal_nothing() -> None:
    out = io.StringIO()
    error = "AssertionError: the device says \x1b[2J\x07\r\n  fix: \u202elook"
    phase = {"name": "call", "s": 0.1, "verdict": Verdict.FAILED, "error": error, "at": "test_one.py:1"}
    Progress(out).pytest_rig_attempt({"id": "one", "attempt": 1, "verdict": Verdict.FAILED, "duration_s": 0.1, "phases": [phase]})
    assert out.getvalue().splitlines()[1:] == [
        "      AssertionError: the device says \\x1b[2J\\x07", "        fix: \\u202elook", "      at test_one.py:1"
    ]  # fmt: skip
