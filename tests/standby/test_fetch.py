"""A call whose answer brings a descriptor: nobody can keep that answer, so who asks again, of a new system too, is served."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Any

import pytest

from rig.standby.wire import line
from rig.standby.wire.app_sockets import TakenSocket, TakeSocket
from rig.standby.wire.caller import Caller
from rig.standby.wire.descriptors import Descriptors, WithDescriptors
from rig.standby.wire.from_app import FromApp
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.inbox import Inbox
from rig.standby.wire.line import Line, What
from rig.standby.wire.peer import Peer
from rig.standby.wire.socket_enums import SocketActivityConnectedStandbyAction, SocketActivityKind
from rig.standby.wire.to_app import ToApp

TAKEN = TakenSocket(SocketActivityKind.STREAM_SOCKET, "task", SocketActivityConnectedStandbyAction.WAKE, None, 0, 7)
PATIENCE_S = 5.0


class Serving:
    """The system's end. `noted`: what a new one would know of it."""

    def __init__(self, handler: Callable[[Any, Descriptors], Any], last: int = 0) -> None:
        ours, theirs = line.pair()
        theirs.settimeout(PATIENCE_S)
        self.theirs: Line[Any] = Line(theirs, ToApp)
        self.noted: list[tuple[int, bytes, int]] = []
        self.faults: list[BaseException] = []
        self.peer: Peer[FromApp] = Peer(
            Line(ours, FromApp),
            handler,
            on_gone=lambda why: None,
            on_fault=lambda where, error: self.faults.append(error),
            inbox=Inbox(lambda *note: self.noted.append(note), last),
        )

    async def ask(self, number: int) -> tuple[What, int]:
        """What the answer is, and how many descriptors came with it."""
        self.theirs.send_call(number, TakeSocket("news"))
        received = await asyncio.to_thread(self.theirs.receive)
        assert received is not None
        with received.descriptors:
            return received.what, len(received.descriptors)


def gives(fd: int, asked: list[str]) -> Callable[[Any, Descriptors], Any]:
    def handle(message: TakeSocket, descriptors: Descriptors) -> WithDescriptors:
        asked.append(message.id)
        return WithDescriptors(TAKEN, [fd])

    return handle


def test_it_is_noted_as_done_once_and_served_each_time_that_it_is_said() -> None:
    async def test() -> None:
        asked: list[str] = []
        reads, writes = os.pipe()
        serving = Serving(gives(writes, asked))
        for _ in range(3):
            assert await serving.ask(1) == (What.RESULT, 1)
        assert serving.noted == [(1, b"", 1)]
        assert len(asked) == 3
        again = Serving(gives(writes, asked), last=1)
        assert await again.ask(1) == (What.RESULT, 1)
        assert not again.noted
        os.close(writes)
        assert os.read(reads, 1) == b"", "no duplicate is left anywhere"
        os.close(reads)
        assert not serving.faults

    asyncio.run(test())


def test_a_refusal_is_kept_as_any_answer_is() -> None:
    async def test() -> None:
        refusals: list[int] = []

        def refuse(message: TakeSocket, descriptors: Descriptors) -> None:
            refusals.append(1)
            raise HostError(HResult.ELEMENT_NOT_FOUND, "none")

        serving = Serving(refuse)
        assert await serving.ask(1) == (What.FAULT, 0)
        assert await serving.ask(1) == (What.FAULT, 0)
        assert len(refusals) == 1

    asyncio.run(test())


def test_who_asks_gets_answer_and_descriptor_and_who_has_given_up_leaves_none_open() -> None:
    async def test() -> None:
        reads, writes = os.pipe()
        serving = Serving(gives(writes, []))
        caller = Caller(serving.theirs)

        def hear() -> None:
            received = serving.theirs.receive()
            assert received is not None
            with received.descriptors:
                assert caller.take(received)

        future = caller.submit(TakeSocket("news"))
        await asyncio.to_thread(hear)
        answer, descriptors = future.result()  # type: ignore[misc]
        assert answer == TAKEN  # type: ignore[has-type]
        assert len(descriptors) == 1  # type: ignore[has-type]
        descriptors.close()  # type: ignore[has-type]
        with pytest.raises(TimeoutError):
            await asyncio.to_thread(lambda: caller.fetch(TakeSocket("news"), timeout_s=0.0))
        await asyncio.to_thread(hear)
        os.close(writes)
        assert os.read(reads, 1) == b""
        os.close(reads)

    asyncio.run(test())


def test_who_has_given_up_keeps_nobody_else_from_hearing_that_the_other_side_is_gone() -> None:
    ours, theirs = line.pair()
    caller = Caller(Line(theirs, ToApp))
    with pytest.raises(TimeoutError):
        caller.fetch(TakeSocket("news"), timeout_s=0.0)
    waits = caller.submit(TakeSocket("others"))
    caller.fail_all(ConnectionResetError("gone"))
    with pytest.raises(ConnectionResetError):
        waits.result(0)
    ours.close()
    theirs.close()
