"""What an app says to a system that dies at any moment is done once, in order, and each of its calls gets its own answer."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rig.standby.wire.app_channels import ConnectEnd, GetNetworkKeepAlive
from rig.standby.wire.caller import Caller
from rig.standby.wire.descriptors import Descriptors
from rig.standby.wire.from_app import FromApp, ReadBegin
from rig.standby.wire.hresult import HostError, ProcessGone
from rig.standby.wire.inbox import ANSWERS, Inbox, Turn, no_note
from rig.standby.wire.line import HEADER, Line, What, datagram, pair, send_datagram
from rig.standby.wire.peer import DONE_PER_ACKNOWLEDGEMENT, Peer
from rig.standby.wire.to_app import ToApp

PATIENCE_S = 10.0
pytestmark = pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")


class Killed(SystemExit):
    """Leaves an asyncio loop at once, as SIGKILL leaves a process."""


class Store:
    """What lasts. `before` and `after` hear of each transaction's place, and may raise Killed."""

    def __init__(self) -> None:
        self.effects: list[str] = []
        self.answers: dict[int, bytes] = {}
        self.last = 0
        self.staged: list[str] = []
        self.moment: Callable[[str], None] = lambda where: None

    def note(self, number: int, answer: bytes, last: int) -> None:
        self.moment("before the transaction")
        self.effects += self.staged
        self.staged.clear()
        self.answers[number], self.last = answer, last
        self.moment("after the transaction")


class System:
    """One life of a system after another, over one line whose ends somebody else holds."""

    def __init__(self, store: Store, sock: socket.socket) -> None:
        self.store = store
        self.lives = 0
        self._sock = sock
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._live_on)
        self._loop: asyncio.AbstractEventLoop | None = None

    def __enter__(self) -> System:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _live_on(self) -> None:
        while not self._over.is_set():
            self.lives += 1
            self._loop = loop = asyncio.new_event_loop()
            loop.set_exception_handler(lambda loop, context: None)  # of tasks that the death cut short
            ours = self._sock.dup()
            try:
                loop.call_soon(self._begin, ours)
                loop.run_forever()
            except Killed:
                pass
            loop.close()
            ours.close()
            gc.collect()  # coroutines that the death has cut short: they complain now, not in another test

    def _begin(self, ours: socket.socket) -> None:
        self.store.staged.clear()
        inbox = Inbox(self.store.note, self.store.last, self.store.answers)
        peer: Peer[FromApp] = Peer(
            Line(ours, FromApp), self._handle, on_gone=lambda why: None, on_fault=lambda where, error: None, inbox=inbox
        )
        peer.resume()

    def _handle(self, message: Any, descriptors: Descriptors) -> Any:
        self.store.moment("at the message")
        if isinstance(message, ReadBegin):
            self.store.staged.append(message.channel or "")
            return None
        if isinstance(message, ConnectEnd):
            fd = descriptors.take()
            assert fd is not None
            self.store.staged.append(os.pread(fd, 100, 0).decode())
            os.close(fd)
            return None
        return self._slow(message.channel) if "slow" in message.channel else self._quick(message.channel)

    def _quick(self, channel: str) -> int:
        self.store.staged.append(channel)
        return int(channel.split()[-1])

    async def _slow(self, channel: str) -> int:
        for _ in range(3):
            await asyncio.sleep(0)
        return self._quick(channel)


class App:
    """Its input thread. A context manager."""

    def __init__(self, sock: socket.socket) -> None:
        self.caller = Caller(Line(sock, ToApp))
        self._thread = threading.Thread(target=self._listen)

    def _listen(self) -> None:
        while (received := self.caller.line.receive()) is not None:
            assert self.caller.take(received)

    def __enter__(self) -> App:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.caller.line.sock.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self.caller.line.close()


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = pair()
    yield ours, theirs
    ours.close()
    theirs.close()


def says(app: App, who: str, count: int, answers: dict[str, int]) -> None:
    """A thread of an app: notices, quick and slow calls in turn."""
    for at in range(count):
        app.caller.notify(ReadBegin(f"{who} notice {at}"))
        call = f"{who} {'slow' if at % 2 else 'quick'} {at}"
        answers[call] = app.caller.call(GetNetworkKeepAlive(call), timeout_s=PATIENCE_S)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 25), max_size=8))
def test_a_system_that_is_killed_at_any_moment_does_each_message_once(deaths: list[int]) -> None:
    """`deaths`: how many moments each life of the system has before it is killed."""
    ours, theirs = pair()
    store, left = Store(), iter(deaths)
    fuse = [next(left, None)]

    def moment(where: str) -> None:
        if fuse[0] is not None:
            fuse[0] -= 1
            if fuse[0] < 0:
                fuse[0] = next(left, None)
                raise Killed(where)

    store.moment = moment
    answers: dict[str, int] = {}
    with App(theirs) as app, System(store, ours):
        threads = [threading.Thread(target=says, args=(app, who, 6, answers)) for who in ("one", "two", "three")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    ours.close()
    assert sorted(store.effects) == sorted(
        [*answers, *(f"{who} notice {at}" for who in ("one", "two", "three") for at in range(6))]
    )
    assert all(answer == int(call.split()[-1]) for call, answer in answers.items())
    for who in ("one", "two", "three"):
        mine = [effect.split()[-1] for effect in store.effects if effect.startswith(who)]
        assert mine == [str(at) for at in range(6) for _ in range(2)], "in the order in which a thread said it"


@pytest.mark.parametrize("where", ["at the message", "before the transaction", "after the transaction"])
def test_a_descriptor_comes_again_with_its_message(ends: tuple[socket.socket, socket.socket], where: str) -> None:
    """The sender has closed its own meanwhile."""
    store, deaths = Store(), [where]

    def moment(here: str) -> None:
        if here in deaths:
            deaths.remove(here)
            raise Killed(here)

    store.moment = moment
    file = os.memfd_create("kept")
    os.write(file, b"what was meant")
    with App(ends[1]) as app, System(store, ends[0]) as system:
        future = app.caller.submit(ConnectEnd("c", 1), [file])
        os.close(file)
        assert future.result(PATIENCE_S) is None
        assert system.lives == 2
    assert store.effects == ["what was meant"]


def test_calls_end_when_the_other_side_is_gone_or_answers_nonsense(ends: tuple[socket.socket, socket.socket]) -> None:
    system = Line[FromApp](ends[0], FromApp)
    with App(ends[1]) as app:
        nonsense, left = (app.caller.submit(GetNetworkKeepAlive("c")) for _ in range(2))
        system.send_result(1, "three")
        with pytest.raises(TypeError, match="the answer to GetNetworkKeepAlive is none"):
            nonsense.result(PATIENCE_S)
        app.caller.fail_all(ProcessGone("the system"))
        with pytest.raises(ProcessGone):
            left.result(PATIENCE_S)
        system.send_result(2, 3)  # nobody waits for it any more


def test_what_is_acknowledged_is_not_kept(ends: tuple[socket.socket, socket.socket]) -> None:
    with App(ends[1]) as app, System(Store(), ends[0]):
        for at in range(10 * DONE_PER_ACKNOWLEDGEMENT):
            app.caller.notify(ReadBegin(str(at)))
        assert app.caller.call(GetNetworkKeepAlive("quick 1")) == 1
        assert len(app.caller._outbox) <= DONE_PER_ACKNOWLEDGEMENT


def test_what_cannot_be_sent_takes_no_number(ends: tuple[socket.socket, socket.socket]) -> None:
    with App(ends[1]) as app, System(Store(), ends[0]):
        with pytest.raises(HostError, match="at most"):
            app.caller.notify(ReadBegin("x" * 200_000))
        assert app.caller.call(GetNetworkKeepAlive("quick 1")) == 1


def test_a_message_that_is_none_holds_up_nothing_behind_it(ends: tuple[socket.socket, socket.socket]) -> None:
    ends[1].settimeout(PATIENCE_S)
    theirs = Line[ToApp](ends[1], ToApp)
    with System(Store(), ends[0]):
        theirs.sock.send(HEADER.pack(What.CALL, 1) + b"\xc1")
        theirs.sock.send(HEADER.pack(What.NOTICE, 2) + b"\xc1")
        send_datagram(theirs.sock, datagram(What.CALL, 3, GetNetworkKeepAlive("quick 4")))
        came = [theirs.receive() for _ in range(3)]
    assert [(received.what, received.number) for received in came if received] == [
        (What.RESUME, 0),
        (What.FAULT, 1),
        (What.RESULT, 3),
    ]


def test_an_inbox_keeps_so_many_answers_and_goes_on_where_it_was() -> None:
    noted: list[tuple[int, int]] = []
    inbox = Inbox(lambda number, answer, last: noted.append((number, last)))
    assert [inbox.take(number) for number in (1, 2, 4, 3)] == [Turn.NEW, Turn.NEW, Turn.AHEAD, Turn.NEW]
    assert inbox.take(2) is Turn.UNDER_WAY
    inbox.done(2, b"two")
    assert inbox.take(2) is Turn.AGAIN
    inbox.done(1, b"one")
    inbox.done(3, b"three")
    assert noted == [(2, 0), (1, 2), (3, 3)]
    again = Inbox(no_note, 0, {2: b"two"})
    assert [again.take(number) for number in (3, 1, 2, 3)] == [Turn.AHEAD, Turn.NEW, Turn.AGAIN, Turn.NEW]
    assert again.answer_to(2) == b"two"
    for number in range(4, 4 + ANSWERS):
        assert inbox.take(number) is Turn.NEW
        inbox.done(number, b"x")
    assert [inbox.answer_to(number) for number in (3, 4)] == [b"", b"x"]


def test_what_waits_to_be_noted_is_not_acknowledged() -> None:
    """A sender forgets what is acknowledged, and could not say it again to the next receiver."""
    noted: list[int] = []
    inbox = Inbox(lambda number, answer, last: noted.append(last), postpone=lambda number, answer, last: None)
    for number in (1, 2):
        assert inbox.take(number) is Turn.NEW
        inbox.done(number, b"", may_wait=number == 1)
        assert (inbox.last, inbox.noted, noted) == ((1, 0, []) if number == 1 else (2, 2, [2]))
