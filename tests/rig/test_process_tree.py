"""A tree that is late to stop is waited for; one that forks without end is not."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from rig import process_tree
from rig.clock import WAIT_S, Deadline
from rig.process_tree import Outer, Unstoppable, is_still, rests, stands_still, stop

STALL_S = 5.0
"""Of a machine that computes for others. The time of these tests is their own: each look takes a tenth of a second."""
LOOK_S = 0.1


@pytest.fixture
def busy() -> Iterator[int]:
    """A process that computes, and waits for nothing any more."""
    child = subprocess.Popen([sys.executable, "-c", "print(flush=True)\nwhile True: pass"], stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline()
    yield child.pid
    child.stdout.close()
    child.kill()
    child.wait()


@pytest.fixture
def time_s(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now_s = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now_s[0])
    monkeypatch.setattr("time.sleep", lambda _: now_s.__setitem__(0, now_s[0] + LOOK_S))
    return now_s


def test_one_that_computes_does_not_rest_whether_it_has_a_processor_or_not(busy: int) -> None:
    deadline = Deadline(WAIT_S)
    with subprocess.Popen(["sleep", "60"]) as sleeper:
        while not rests(Outer(sleeper.pid)) and not deadline.expired:
            deadline.pause()
        assert (rests(Outer(busy)), rests(Outer(sleeper.pid))) == (False, True)
        sleeper.kill()
    assert rests(Outer(sleeper.pid)), "it is gone"


def test_one_that_stands_still_rests(busy: int) -> None:
    """Else an app that stops itself is never idle."""
    stop([Outer(busy)])
    assert rests(Outer(busy))


def test_a_process_that_is_late_to_stop_is_waited_for(busy: int, time_s: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    def is_seen(process: Outer) -> bool:
        """Not before; then as soon as it has had a processor to stop on, for which this test's time stands still."""
        if time_s[0] <= STALL_S:
            return False
        os.waitid(os.P_PID, busy, os.WSTOPPED | os.WNOWAIT)
        return is_still(process)

    monkeypatch.setattr(process_tree, "is_still", is_seen)
    assert stop([Outer(busy)]) == (busy,)
    assert is_still(Outer(busy))


def test_a_process_that_never_stops_is_not_waited_for_for_ever(
    busy: int, time_s: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process_tree, "is_still", lambda process: False)
    with pytest.raises(Unstoppable, match=f"process {busy} runs on"):
        stop([Outer(busy)])
    os.kill(busy, signal.SIGCONT)


def test_a_tree_that_becomes_more_at_each_look_is_known_by_that_and_not_by_the_time(
    time_s: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = itertools.count(1 << 30)  # pids that no process has: each has forked the next one, and ended

    def more(roots: Iterable[Outer]) -> list[Outer]:
        return [*roots, Outer(next(gone))]

    monkeypatch.setattr(process_tree, "tree", more)
    with pytest.raises(Unstoppable, match="they become more"):
        stop([])
    assert time_s[0] == 0


@pytest.mark.parametrize(
    ("state", "wchan", "still"),
    [("D", "kernel_clone", True), ("D", "0", True), ("D", "dup_mmap", False), ("R", "0", False), ("T", "do_signal_stop", True)],
)
def test_who_is_in_the_middle_of_a_fork_does_not_stand_still(tmp_path: Path, state: str, wchan: str, still: bool) -> None:
    """What is in the middle cannot be held there, so this is a folder as the kernel's: its child comes after SIGSTOP was sent."""
    (tmp_path / "stat").write_text(f"7 (a (strange) name) {state} 1 7 7")
    (tmp_path / "wchan").write_text(wchan)
    assert stands_still(tmp_path) is still


def test_one_that_somebody_continues_behind_our_word_is_stopped_again(busy: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The driver continues whom a wake is for, and is late itself on a machine without a processor for it."""
    looks = itertools.count()

    def continued_first(process: Outer) -> bool:
        if next(looks) == 0:
            os.kill(busy, signal.SIGCONT)
        return is_still(process)

    monkeypatch.setattr(process_tree, "is_still", continued_first)
    stopping = process_tree.Stopping([Outer(busy)])
    assert stopping.within(WAIT_S)
    assert is_still(Outer(busy))
