"""What a run shows while it goes on: the status line, and how long the rest takes."""

from __future__ import annotations

import io
import os
import pty

import pytest

from rig.runner.pace import Pace
from rig.runner.screen import ERASE, Screen


def test_a_status_is_never_wider_than_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that wraps cannot be erased again."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "20")
    leader, follower = pty.openpty()
    with os.fdopen(follower, "w") as terminal, os.fdopen(leader, "rb", 0) as shown:
        Screen(terminal).status("test_a.py::" + "x" * 40)
        assert shown.read(100).decode() == ERASE + ("test_a.py::" + "x" * 40)[:19]


def test_a_letter_that_the_terminal_has_not_ends_no_run() -> None:
    shown = io.BytesIO()
    terminal = io.TextIOWrapper(shown, encoding="ascii")
    Screen(terminal).say("test_a.py::\u00e9")
    assert shown.getvalue() == b"test_a.py::\\xe9\n"


@pytest.mark.parametrize(
    ("known", "took_s", "text"),
    [
        ({}, {}, ""),
        ({"a": 10.0, "b": 30.0}, {}, "about 60 s left"),  # c as the average of the others
        ({"a": 10.0, "b": 30.0}, {"a": 40.0}, "about 70 s left"),  # as this run's tests take by now
        ({"b": 60.0, "c": 60.0}, {"a": 1.0}, "about 2 min left"),
        ({}, {"a": 0.1, "b": 0.1}, "about 1 s left"),
    ],
)
def test_the_time_left_is_what_the_same_tests_took_before(known: dict[str, float], took_s: dict[str, float], text: str) -> None:
    pace = Pace(known)
    pace.start(["a", "b", "c"])
    for test, s in took_s.items():
        pace.ended(test, s)
    assert str(pace) == text
