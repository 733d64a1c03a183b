"""A peer on an asyncio loop: order, bounds, its end, and the descriptors on every path."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from rig.errors import BenchError
from rig.standby.wire import line, peer, send_queue
from rig.standby.wire.app_channels import GetNetworkKeepAlive
from rig.standby.wire.app_sockets import TakeSocket
from rig.standby.wire.descriptors import Descriptors, WithDescriptors, duplicates
from rig.standby.wire.faults import Internal, error_of
from rig.standby.wire.from_app import FromApp, ReadBegin
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.line import HEADER, Line, Received, What
from rig.standby.wire.peer import Peer
from rig.standby.wire.to_app import TransportFailed

PATIENCE_S = 5.0


class Ends:
    """A peer of this loop, and the other side's end of its line, which a thread or the loop may use."""

    def __init__(self, handler: Callable[[Any, Descriptors], Any]) -> None:
        ours, theirs = line.pair()
        theirs.settimeout(PATIENCE_S)
        self.theirs: Line[FromApp] = Line(theirs, FromApp | TransportFailed)
        self.gone: list[str] = []
        self.faults: list[tuple[str, BaseException]] = []
        self.peer: Peer[FromApp] = Peer(
            Line(ours, FromApp),
            handler,
            on_gone=self.gone.append,
            on_fault=lambda where, error: self.faults.append((where, error)),
        )

    def ask(self, number: int, channel: str = "c", fds: list[int] | None = None) -> None:
        self.theirs.send_call(number, GetNetworkKeepAlive(channel), fds or [])

    async def answer(self) -> Received[FromApp]:
        received = await asyncio.to_thread(self.theirs.receive)
        assert received is not None
        return received

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                await asyncio.sleep(0)


def on_a_loop(test: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        await test()

    asyncio.run(run())


def is_open(read_end: int) -> bool:
    """Whether anybody still has the write end of this pipe."""
    os.set_blocking(read_end, False)
    try:
        return os.read(read_end, 1) != b""
    except BlockingIOError:
        return True


def test_handlers_begin_in_the_order_of_the_messages_and_answer_when_they_are_done() -> None:
    async def test() -> None:
        begun: list[str] = []
        gate = asyncio.Event()

        def handle(message: Any, descriptors: Descriptors) -> Any:
            begun.append(message.channel)
            return waiting() if message.channel == "slow" else 1

        async def waiting() -> int:
            await gate.wait()
            return 2

        ends = Ends(handle)
        for number, channel in enumerate(["slow", "a", "b"], 1):
            ends.ask(number, channel)
        assert [(await ends.answer()).number for _ in range(2)] == [2, 3]
        gate.set()
        assert (await ends.answer()).number == 1
        assert begun == ["slow", "a", "b"]
        ends.peer.close()

    on_a_loop(test)


def test_a_descriptor_that_is_closed_is_an_error_and_no_call_without_an_answer() -> None:
    async def test() -> None:
        ends = Ends(lambda message, descriptors: None)
        with closing(socket.socket()) as sock:
            sock.close()
            async with asyncio.timeout(PATIENCE_S):
                with pytest.raises(OSError, match="Bad file descriptor"):
                    await ends.peer.call(GetNetworkKeepAlive("c"), [sock.fileno()])
        ends.peer.close()

    on_a_loop(test)


def descriptors_of(sock: socket.socket) -> list[int]:
    """This process's, whatever else it opens and closes meanwhile."""
    found = []
    for fd in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            if str(fd.readlink()) == f"socket:[{os.fstat(sock.fileno()).st_ino}]":
                found.append(int(fd.name))
    return found


@pytest.mark.parametrize("closed", [-1, 9999])
def test_duplicates_of_which_one_is_closed_are_none_at_all(closed: int) -> None:
    with closing(socket.socket()) as sock:
        with pytest.raises(OSError, match=r"closed|Bad file"):
            duplicates([sock.fileno(), sock.fileno(), closed])
        assert descriptors_of(sock) == [sock.fileno()]


def test_a_fetch_whose_descriptor_was_closed_meanwhile_is_a_fault_and_is_answered() -> None:
    async def test() -> None:
        with closing(socket.socket()) as sock:
            pass
        ends = Ends(lambda message, descriptors: WithDescriptors("socket", [sock.fileno()]))
        ends.theirs.send_call(1, TakeSocket("news"))
        answer = await ends.answer()
        assert (answer.what, answer.number) == (What.FAULT, 1)
        assert "Bad file descriptor" in str(ends.faults[0][1])
        ends.peer.close()

    on_a_loop(test)


@pytest.mark.parametrize("waits", [False, True])
@pytest.mark.parametrize(
    ("error", "written_down"),
    [(HostError(HResult.NO_SLOT, "none"), False), (BenchError("RIG-B03", "silent", "wait"), False), (KeyError("c"), True)],
    ids=lambda value: type(value).__name__,
)
def test_what_a_handler_raises_is_the_answer(error: Exception, written_down: bool, waits: bool) -> None:
    async def later() -> None:
        raise error

    def handle(message: Any, descriptors: Descriptors) -> Any:
        if waits:
            return later()
        raise error

    async def test() -> None:
        ends = Ends(handle)
        ends.ask(1)
        received = await ends.answer()
        assert (received.what, received.number) == (What.FAULT, 1)
        assert bool(ends.faults) == written_down
        if not written_down:
            assert str(error_of(received.body)) == str(error)
        ends.peer.close()

    on_a_loop(test)


def test_an_answer_that_cannot_be_sent_is_a_fault() -> None:
    async def test() -> None:
        ends = Ends(lambda message, descriptors: object())
        ends.ask(1)
        assert (await ends.answer()).what is What.FAULT
        assert not ends.gone
        ends.peer.close()

    on_a_loop(test)


def test_a_handler_whose_wait_is_cancelled_by_another_answers_all_the_same() -> None:
    async def test() -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        async def wait() -> None:
            await future

        ends = Ends(lambda message, descriptors: wait())
        ends.ask(1)
        await asyncio.sleep(0)
        future.cancel()
        assert isinstance((await ends.answer()).body, Internal)
        assert ends.faults
        ends.peer.close()

    on_a_loop(test)


@pytest.mark.parametrize("begun", [False, True])
def test_a_handler_that_waits_is_cancelled_when_its_peer_goes_and_its_descriptors_are_closed(begun: bool) -> None:
    async def test() -> None:
        steps: list[str] = []

        async def wait() -> None:
            steps.append("begun")
            try:
                await asyncio.Event().wait()
            finally:
                steps.append("ended")

        ends = Ends(lambda message, descriptors: wait())
        read_end, write_end = os.pipe()
        ends.ask(1, fds=[write_end])
        os.close(write_end)
        if begun:
            await ends.until(lambda: steps)
            ends.theirs.close()
            await ends.until(lambda: ends.gone)
        else:
            ends.peer._take_one()  # in one turn of the loop with the end, so that the task never begins
            ends.peer.close()
        await ends.until(lambda: not is_open(read_end))
        assert steps == (["begun", "ended"] if begun else [])
        assert ends.faults == []
        os.close(read_end)

    on_a_loop(test)


@pytest.mark.parametrize(
    "handle",
    [lambda message, descriptors: None, lambda message, descriptors: 1 / 0, lambda message, descriptors: asyncio.sleep(0)],
    ids=["answers", "raises", "waits"],
)
def test_descriptors_are_closed_when_the_handler_has_ended(handle: Callable[[Any, Descriptors], Any]) -> None:
    async def test() -> None:
        ends = Ends(handle)
        read_end, write_end = os.pipe()
        ends.ask(1, fds=[write_end, write_end])
        os.close(write_end)
        await ends.answer()
        assert not is_open(read_end)
        os.close(read_end)
        ends.peer.close()

    on_a_loop(test)


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        HEADER.pack(What.RESULT, 9) + b"\xc0",
        HEADER.pack(What.FAULT, 9) + b"\xc0",
        HEADER.pack(What.RESUME, 9),
        HEADER.pack(What.RESUMED, 9),
        HEADER.pack(77, 9),
        HEADER.pack(What.CALL, 9) + b"\xc1",
    ],
    ids=["empty", "a result", "a fault", "a resumption", "its end", "of no kind", "malformed"],
)
def test_descriptors_that_come_with_what_is_no_message_are_closed(datagram: bytes) -> None:
    async def test() -> None:
        ends = Ends(lambda message, descriptors: None)
        read_end, write_end = os.pipe()
        line.send_datagram(ends.theirs.sock, datagram, [write_end])
        os.close(write_end)
        await ends.until(lambda: not is_open(read_end))
        os.close(read_end)
        ends.peer.close()

    on_a_loop(test)


def test_a_peer_that_reads_nothing_is_given_up_and_nothing_waited_for_it() -> None:
    async def test() -> None:
        ends = Ends(lambda message, descriptors: None)
        sent = 0
        while not ends.gone:
            ends.peer.notify(TransportFailed("x" * 1000))
            sent += 1
            assert sent < 10_000
        assert ends.gone == ["it does not read"]
        assert sent > send_queue.UNREAD_MESSAGES
        ends.peer.notify(TransportFailed("c"))
        await asyncio.sleep(0)
        assert ends.gone == ["it does not read"]

    on_a_loop(test)


def test_what_a_peer_did_not_read_comes_later_in_order() -> None:
    async def test() -> None:
        ends = Ends(lambda message, descriptors: None)
        wanted = [f"{number:01000}" for number in range(250)]
        for channel in wanted:
            ends.peer.notify(TransportFailed(channel))
        assert [(await ends.answer()).body.channel for _ in wanted] == wanted
        ends.peer.close()

    on_a_loop(test)


def test_a_queued_descriptor_is_what_it_was_when_it_was_sent() -> None:
    """The caller was cancelled, has closed it, and its number is another file's."""

    async def test() -> None:
        ends = Ends(lambda message, descriptors: None)
        fill(ends)
        read_end, write_end = os.pipe()
        os.write(write_end, b"the one that was meant")
        call = asyncio.ensure_future(ends.peer.call(GetNetworkKeepAlive("c"), [read_end]))
        await asyncio.sleep(0)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        os.close(read_end)
        other, other_write_end = os.pipe()
        assert other == read_end, "the number is taken again"
        received = await ends.answer()
        while received.what is not What.CALL:
            received = await ends.answer()
        fd = received.descriptors.take()
        assert fd is not None
        assert os.read(fd, 100) == b"the one that was meant"
        for end in (fd, write_end, other, other_write_end):
            os.close(end)
        ends.peer.close()

    on_a_loop(test)


def fill(ends: Ends) -> None:
    """The line to the other side, until something is queued."""
    while not ends.peer._out._unsent:
        ends.peer.notify(TransportFailed("x" * 1000))


def test_queued_descriptors_are_closed_with_the_peer() -> None:
    async def test() -> None:
        ends = Ends(lambda message, descriptors: None)
        fill(ends)
        read_end, write_end = os.pipe()
        call = asyncio.ensure_future(ends.peer.call(GetNetworkKeepAlive("c"), [write_end]))
        await asyncio.sleep(0)
        os.close(write_end)
        assert is_open(read_end)
        ends.peer.close()
        with pytest.raises(ConnectionResetError):
            await call
        assert not is_open(read_end)
        os.close(read_end)

    on_a_loop(test)


def test_calls_end_when_the_peer_goes_and_an_answer_after_that_is_nobodys() -> None:
    async def test() -> None:
        ends = Ends(lambda message, descriptors: None)
        call = asyncio.ensure_future(ends.peer.call(GetNetworkKeepAlive("c")))
        await ends.answer()
        ends.theirs.sock.shutdown(socket.SHUT_WR)
        with pytest.raises(ConnectionResetError):
            await call
        with pytest.raises(ConnectionResetError):
            await ends.peer.call(GetNetworkKeepAlive("c"))
        assert ends.gone == ["it hung up"]

    on_a_loop(test)


def test_an_answer_to_a_call_of_the_peer_that_has_gone_is_dropped() -> None:
    async def test() -> None:
        gate = asyncio.Event()
        ends = Ends(lambda message, descriptors: gate.wait())
        ends.ask(1)
        await ends.until(lambda: ends.peer._tasks)
        ends.theirs.close()
        await ends.until(lambda: ends.gone)
        gate.set()
        await ends.until(lambda: not ends.peer._tasks)
        assert ends.faults == []

    on_a_loop(test)


def test_a_peer_with_too_much_under_way_is_not_read_until_some_is_done() -> None:
    async def test() -> None:
        gate = asyncio.Event()
        begun: list[int] = []

        def handle(message: Any, descriptors: Descriptors) -> Any:
            begun.append(1)
            return gate.wait()

        ends = Ends(handle)
        for number in range(peer.UNDER_WAY + 10):
            ends.ask(number + 1)
            await asyncio.sleep(0)
        await ends.until(lambda: len(begun) == peer.UNDER_WAY)
        for _ in range(50):
            await asyncio.sleep(0)
        assert len(begun) == peer.UNDER_WAY
        gate.set()
        assert {(await ends.answer()).number for _ in range(peer.UNDER_WAY + 10)} == set(range(1, peer.UNDER_WAY + 11))
        ends.peer.close()

    on_a_loop(test)


def test_one_that_talks_without_pause_leaves_others_their_turn() -> None:
    async def test() -> None:
        heard: list[str] = []
        loud = Ends(lambda message, descriptors: heard.append("loud"))
        quiet = Ends(lambda message, descriptors: heard.append("quiet"))
        for _ in range(60):
            loud.theirs.send_notice(ReadBegin(None))
        quiet.theirs.send_notice(ReadBegin(None))
        await quiet.until(lambda: "quiet" in heard)
        assert heard.count("loud") <= 2 * peer.MESSAGES_PER_TURN
        loud.peer.close()
        quiet.peer.close()

    on_a_loop(test)


def test_what_a_side_that_ends_had_under_way_is_no_fault_and_gets_no_answer() -> None:
    """As asyncio.run does at the end: it cancels every task while the line is still open. An answer would tell a bug of the rig
    to an app whose system only stops. The control: what waits for something that another cancels is told so."""

    async def test() -> None:
        begun: list[asyncio.Task[Any]] = []
        waited_for: list[asyncio.Future[None]] = []

        async def waits() -> None:
            task = asyncio.current_task()
            assert task is not None
            begun.append(task)
            waited_for.append(asyncio.get_running_loop().create_future())
            await waited_for[-1]

        ends = Ends(lambda message, descriptors: waits())
        ends.ask(1)
        ends.ask(2)
        await ends.until(lambda: len(begun) == 2)
        begun[0].cancel()
        await ends.until(begun[0].done)
        assert ends.faults == []
        waited_for[1].cancel()
        answer = await ends.answer()
        assert (answer.number, len(ends.faults)) == (2, 1)
        ends.peer.close()

    on_a_loop(test)
