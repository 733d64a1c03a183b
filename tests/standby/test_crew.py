"""The threads of an app's process: somebody always listens, and work of a lane is done in order, by whoever heard of it."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.standby.app.crew import THREADS, Crew
from rig.standby.app.faults import AppFaults
from rig.timeline import Timeline

PATIENCE_S = 10.0
MANY = 200


@pytest.fixture
def timeline(tmp_path: Path) -> Iterator[Timeline]:
    timeline = Timeline(tmp_path / "timeline.jsonl")
    yield timeline
    timeline.close()


@pytest.fixture
def crew(timeline: Timeline) -> Crew:
    crew = Crew(AppFaults("small", 1, timeline))
    crew.start()
    return crew


class Bell:
    """A descriptor that a crew listens to: each ring is heard once."""

    def __init__(self) -> None:
        self.fd = os.eventfd(0, os.EFD_SEMAPHORE | os.EFD_NONBLOCK)

    def ring(self, times: int = 1) -> None:
        os.eventfd_write(self.fd, times)

    def answer(self) -> None:
        os.eventfd_read(self.fd)


def test_who_hears_of_work_does_it(crew: Crew) -> None:
    bell, done = Bell(), threading.Event()
    threads: list[int] = []

    def work() -> None:
        threads.append(threading.get_ident())
        done.set()

    def heard() -> None:
        bell.answer()
        threads.append(threading.get_ident())
        crew.add("lane", work)

    crew.watch(bell.fd, heard)
    bell.ring()
    assert done.wait(PATIENCE_S)
    assert threads[0] == threads[1]


def test_work_of_a_lane_is_done_one_after_another_in_the_order_in_which_it_was_heard(crew: Crew) -> None:
    bell, done = Bell(), threading.Event()
    order: list[int] = []
    under_way = threading.Lock()
    numbers = iter(range(MANY))

    def work(number: int) -> None:
        with_nobody_else = under_way.acquire(blocking=False)
        order.append(number if with_nobody_else else -1)
        under_way.release()
        if number == MANY - 1:
            done.set()

    def heard() -> None:
        bell.answer()
        number = next(numbers)
        crew.add("lane", lambda: work(number))

    crew.watch(bell.fd, heard)
    bell.ring(MANY)
    assert done.wait(PATIENCE_S)
    assert order == list(range(MANY))


def test_somebody_listens_however_many_wait(crew: Crew) -> None:
    """A handler may wait for an answer of the system, and a task for another task: whatever they wait for is heard."""
    bell, go_on, done = Bell(), threading.Event(), threading.Semaphore(0)
    lanes = iter(range(2 * THREADS))

    def wait() -> None:
        go_on.wait(PATIENCE_S)
        done.release()

    def heard() -> None:
        bell.answer()
        lane = next(lanes)
        crew.add(lane, go_on.set if lane == 2 * THREADS - 1 else wait)

    crew.watch(bell.fd, heard)
    bell.ring(2 * THREADS)
    assert all(done.acquire(timeout=PATIENCE_S) for _ in range(2 * THREADS - 1))


def test_work_that_another_thread_adds_is_done(crew: Crew) -> None:
    done = threading.Event()
    crew.add("lane", done.set)
    assert done.wait(PATIENCE_S)


def test_work_that_adds_work_is_not_waited_for(crew: Crew) -> None:
    """Of its own lane behind it, of another one beside it."""
    beside, done = threading.Event(), threading.Event()
    order: list[str] = []

    def behind() -> None:
        order.append("behind")
        done.set()

    def work() -> None:
        crew.add("lane", behind)
        crew.add("another", beside.set)
        assert beside.wait(PATIENCE_S)
        order.append("work")

    crew.add("lane", work)
    assert done.wait(PATIENCE_S)
    assert order == ["work", "behind"]


@pytest.mark.parametrize("error", [ValueError, SystemExit, KeyboardInterrupt])
def test_what_work_raises_is_a_fault_of_the_app_and_the_next_is_done(
    crew: Crew, timeline: Timeline, error: type[BaseException]
) -> None:
    def fail() -> None:
        raise error

    done = threading.Event()
    crew.add("lane", fail)
    crew.add("lane", done.set)
    assert done.wait(PATIENCE_S)
    assert timeline.find("APP_FAULT")[0].error.startswith(error.__name__)


def test_what_is_watched_once_is_heard_once_and_may_be_watched_again(crew: Crew) -> None:
    bell, heard = Bell(), threading.Semaphore(0)
    bell.ring()
    for _ in range(2):
        crew.watch_once(bell.fd, heard.release)  # it stays readable
        assert heard.acquire(timeout=PATIENCE_S)
        assert not heard.acquire(timeout=0.05)
        crew.unwatch(bell.fd)


def test_a_descriptor_that_is_watched_is_not_watched_for_two(crew: Crew) -> None:
    bell = Bell()
    crew.watch_once(bell.fd, bell.answer)
    with pytest.raises(ValueError, match="listened to already"):
        crew.watch_once(bell.fd, bell.answer)


def test_what_is_next_is_done_by_the_same_thread_and_what_waits_behind_by_another(crew: Crew) -> None:
    bell, behind_done, done = Bell(), threading.Event(), threading.Event()
    threads: dict[str, int] = {}

    def first() -> None:
        threads["first"] = threading.get_ident()
        crew.add("lane", behind)
        crew.add_next("next", following)

    def behind() -> None:
        threads["behind"] = threading.get_ident()
        behind_done.set()

    def following() -> None:
        threads["next"] = threading.get_ident()
        if behind_done.wait(PATIENCE_S):  # else it would wait for this
            done.set()

    def heard() -> None:
        bell.answer()
        crew.add("lane", first)

    crew.watch(bell.fd, heard)
    bell.ring()
    assert done.wait(PATIENCE_S)
    assert threads["first"] == threads["next"] != threads["behind"]


def test_what_is_next_waits_for_its_turn_in_its_lane(crew: Crew) -> None:
    bell, let_go, done = Bell(), threading.Event(), threading.Event()
    order: list[str] = []

    def holds() -> None:
        let_go.wait(PATIENCE_S)
        order.append("holds")

    def following() -> None:
        order.append("next")
        done.set()

    def first() -> None:
        crew.add_next("busy", following)
        let_go.set()

    def heard() -> None:
        bell.answer()
        crew.add("busy", holds)
        crew.add("lane", first)

    crew.watch(bell.fd, heard)
    bell.ring()
    assert done.wait(PATIENCE_S)
    assert order == ["holds", "next"]


def test_what_is_next_of_a_thread_that_is_no_piece_of_work_is_done_all_the_same(crew: Crew) -> None:
    done = threading.Event()
    crew.add_next("lane", done.set)
    assert done.wait(PATIENCE_S)
