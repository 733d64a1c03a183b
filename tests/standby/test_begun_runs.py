"""An app that has a standing order begins its push task when a read is completed; a process of its own, with the test in the
place of the system."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterator

import msgspec
import pytest

from rig.standby.app.given_orders import GivenOrders
from rig.standby.wire import app_tasks
from rig.standby.wire.from_app import ReadBegin, ReadCompleted
from rig.standby.wire.to_app import RunTask, StandingOrder
from rig.standby.wire.triggers import ChannelPush
from tests.standby.app_process import AppProcess, server

PUSH = ChannelPush("c")
FIRST, LAST = 10, 12
ORDER = StandingOrder("c", RunTask(FIRST, "task id", "task", "fine", PUSH), LAST)


@pytest.fixture
def peer(app: AppProcess) -> Iterator[socket.socket]:
    """Of the app's channel."""
    with server() as listener:
        app.ask("connect", port=listener.getsockname()[1], bound=True)
        with listener.accept()[0] as peer:
            yield peer


def hears(app: AppProcess, *orders: StandingOrder, number: int = 1) -> None:
    """Nothing that was told is unheard any more when this returns: a run of that number, behind it, is done."""
    for order in orders:
        app.tell(order)
    app.tell(RunTask(number, "another", "another", "fine", PUSH))
    assert app.expect(app_tasks.TaskDone).instance == number


def read_one(app: AppProcess, peer: socket.socket) -> int:
    """The run that begins with it; 0 for none."""
    app.ask("post_read", end="")
    peer.send(b"news")
    app.expect(ReadBegin)
    return app.expect(ReadCompleted).run


def test_it_runs_with_each_number_once_and_asks_when_they_are_used_up(app: AppProcess, peer: socket.socket) -> None:
    hears(app, ORDER)
    for number in range(FIRST, LAST + 1):
        assert read_one(app, peer) == number
        assert app.expect(app_tasks.TaskDone) == app_tasks.TaskDone(number, None)
    assert read_one(app, peer) == 0
    exits = [record.seq for record in app.timeline.find("READ_COMPLETE_EXIT")]
    enters = [record.seq for record in app.timeline.find("RUN_ENTER")[1:]]
    assert all(exit_seq < enter_seq for exit_seq, enter_seq in zip(exits[:-1], enters, strict=True)), "CCT-030"


def test_the_same_order_told_again_brings_no_number_back(app: AppProcess, peer: socket.socket) -> None:
    hears(app, ORDER)
    assert read_one(app, peer) == FIRST
    assert app.expect(app_tasks.TaskDone).instance == FIRST
    hears(app, ORDER, number=2)
    assert read_one(app, peer) == FIRST + 1


def test_what_was_told_before_it_goes_on_counts_though_it_is_unheard(app: AppProcess, peer: socket.socket) -> None:
    hears(app, ORDER)
    app.ask("post_read", end="")
    os.kill(app.process.pid, signal.SIGSTOP)
    os.waitid(os.P_PID, app.process.pid, os.WSTOPPED | os.WNOWAIT)
    app.tell(StandingOrder("c"))
    peer.send(b"news")
    os.kill(app.process.pid, signal.SIGCONT)
    assert app.expect(ReadCompleted).run == 0


def test_it_runs_on_the_thread_that_has_completed_the_read(app: AppProcess, peer: socket.socket) -> None:
    hears(app, ORDER)
    assert read_one(app, peer) == FIRST
    assert app.expect(app_tasks.TaskDone).instance == FIRST
    assert app.ask("same_thread")


@pytest.fixture
def orders() -> Iterator[tuple[GivenOrders, socket.socket, list[ReadCompleted], list[int]]]:
    """Of an app without a process, the system's end of its line, what it said, and the runs that it began."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    said, begun = list[ReadCompleted](), list[int]()
    with ours, theirs:
        yield GivenOrders(ours.fileno(), said.append, lambda run: begun.append(run.instance)), theirs, said, begun  # type: ignore[arg-type]


@pytest.mark.parametrize("why", ["", "something is unheard", "the task did not wait for it", "of no channel"])
def test_who_may_and_who_asks(orders: tuple[GivenOrders, socket.socket, list[ReadCompleted], list[int]], why: str) -> None:
    standing, system, said, begun = orders
    standing.given(ORDER)
    if why == "something is unheard":
        system.send(b"x")
    read = ReadCompleted(None if why == "of no channel" else "c", 1, over=False, push=why != "the task did not wait for it")
    standing.completed(read)
    number = 0 if why else FIRST
    assert said == [msgspec.structs.replace(read, run=number)]
    assert begun == [number] * bool(number)


def test_no_run_begins_while_the_system_is_heard(
    orders: tuple[GivenOrders, socket.socket, list[ReadCompleted], list[int]],
) -> None:
    """What is heard may be that it has none any more, or the cancellation of the run."""
    standing, _, said, _ = orders
    standing.given(ORDER)
    completes = threading.Thread(target=standing.completed, args=(ReadCompleted("c", 1, over=False),))
    with standing.hearing():
        completes.start()
        completes.join(0.05)
        assert not said
        standing.given(StandingOrder("c"))
    completes.join()
    assert [read.run for read in said] == [0]


@pytest.mark.parametrize("how", ["taken back", "of another channel"])
def test_without_one_it_asks(app: AppProcess, peer: socket.socket, how: str) -> None:
    if how == "taken back":
        hears(app, ORDER, StandingOrder("c"))
    else:
        hears(app, StandingOrder("d", ORDER.run, LAST))
    assert read_one(app, peer) == 0
