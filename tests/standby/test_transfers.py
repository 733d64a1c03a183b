"""Background transfers in the system: whose they are, what apps may do with them, and what they hear."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from rig.standby.system.transfers.transfer import SavedTransfer, Transfer
from rig.standby.system.transfers.watches import page
from rig.standby.wire.app_transfers import (
    WATCH_S,
    CancelTransfer,
    CreateTransfer,
    PauseTransfer,
    ResumeTransfer,
    SetTransferCostPolicy,
    SetTransferUri,
    StartTransfer,
    WatchTransfers,
)
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.line import MESSAGE_BYTES
from rig.standby.wire.message import Call
from rig.standby.wire.transfer_enums import BackgroundTransferCostPolicy as CostPolicy
from rig.standby.wire.transfer_enums import BackgroundTransferStatus as Status
from rig.standby.wire.transfer_types import ContentPart, ResponseInformation, TransferState
from rig.standby.wire.transfers import Create, Forget
from tests.standby.fake_app import FakeApp
from tests.standby.fake_host import fake_host
from tests.standby.loader import Watcher, create, download, forget, listed, start, status, upload
from tests.standby.virtual_time import virtual

UNKNOWN = "00000000-0000-4000-8000-000000000000"


async def refused(app: FakeApp, call: Call[None]) -> HResult:
    with pytest.raises(HostError) as refusal:
        await app.call(call)
    return refusal.value.hresult


@virtual
async def test_what_is_created_and_started_runs() -> None:
    async with fake_host() as host:
        app = await host.app()
        id_ = await create(app, download())
        assert await status(app, id_) is Status.IDLE
        await app.call(StartTransfer(id_))
        await host.settle()
        assert host.transfers.running == {id_}
        assert await status(app, id_) is Status.RUNNING
        assert await refused(app, StartTransfer(id_)) is HResult.ILLEGAL_METHOD_CALL


@virtual
async def test_an_app_sees_and_touches_those_of_its_own_package_alone() -> None:
    async with fake_host() as host:
        app, other = await host.app("mail"), await host.app("chat")
        spec = download()
        id_ = await start(app, spec)
        assert [state.spec.id for state in await listed(app)] == [id_]
        assert await listed(other) == []
        for call in (StartTransfer(id_), PauseTransfer(id_), ResumeTransfer(id_), CancelTransfer(id_), WatchTransfers((id_,))):
            assert await refused(other, call) is HResult.ELEMENT_NOT_FOUND  # type: ignore[arg-type]
        assert await refused(other, CreateTransfer(spec)) is HResult.INVALID_ARG
        await forget(other, id_)
        await host.settle()
        assert [state.spec.id for state in await listed(app)] == [id_]
        assert host.transfers.running == {id_}


@virtual
async def test_a_second_process_of_the_package_sees_them_too() -> None:
    async with fake_host() as host:
        app, again = await host.app(), await host.app()
        id_ = await start(app)
        assert [state.spec.id for state in await listed(again)] == [id_]


@virtual
async def test_pages_that_are_longer_than_a_message_hold_all() -> None:
    async with fake_host() as host:
        app = await host.app()
        heavy = (("X-Long", "x" * 8000),)
        ids = sorted([await start(app, headers=heavy) for _ in range(40)])
        assert [state.spec.id for state in await listed(app)] == ids
        watcher, seen = Watcher(app, *ids), set[str]()
        while len(seen) < len(ids):
            states = await watcher.next()
            assert states
            seen |= {state.spec.id for state in states}


@virtual
async def test_a_watch_is_answered_with_what_has_changed_as_soon_as_it_has() -> None:
    async with fake_host() as host:
        app = await host.app()
        one, two = await start(app), await start(app)
        await host.settle()
        watcher = Watcher(app, one, two)
        assert {state.spec.id for state in await watcher.next()} == {one, two}
        waiting = asyncio.ensure_future(watcher.next())
        await asyncio.sleep(1)
        assert not waiting.done()
        host.transfers.progress(two, 7)
        (state,) = await waiting
        assert (state.spec.id, state.progress.bytes_received) == (two, 7)
        host.transfers.progress(one, 1)
        host.transfers.progress(one, 2)
        (state,) = await watcher.next()
        assert state.progress.bytes_received == 2


@virtual
async def test_a_watch_of_which_nothing_changes_is_answered_with_nothing() -> None:
    async with fake_host() as host:
        app = await host.app()
        watcher = Watcher(app, await start(app))
        await host.settle()
        await watcher.next()
        began = host.now_s
        assert await watcher.next() == []
        assert WATCH_S <= host.now_s - began < WATCH_S + 1


@virtual
async def test_bytes_alone_are_told_ten_times_a_second_and_a_status_at_once() -> None:
    async with fake_host() as host:
        app = await host.app()
        ids = [await start(app) for _ in range(20)]
        await host.settle()
        watcher, answers = Watcher(app, *ids), 0
        await watcher.next()

        async def watch() -> None:
            nonlocal answers
            while True:
                await watcher.next()
                answers += 1

        watching = asyncio.ensure_future(watch())
        for number in range(500):
            host.transfers.progress(ids[number % len(ids)], number)
            await asyncio.sleep(0.002)
        assert 8 <= answers <= 12
        watching.cancel()
        watcher = Watcher(app, *ids)
        await watcher.next()
        began = host.now_s
        host.transfers.end(ids[0])
        assert [state.status for state in await watcher.next()] == [Status.COMPLETED]
        assert host.now_s - began < 0.01


@virtual
async def test_a_later_watch_ends_the_one_before() -> None:
    async with fake_host() as host:
        app = await host.app()
        one, two = await start(app), await start(app)
        await host.settle()
        told = await app.call(WatchTransfers((one,)))
        first = app.submit(WatchTransfers((one,), told.epoch, told.number))
        second = app.submit(WatchTransfers((one, two), told.epoch, told.number))
        assert (await first).states == []
        host.transfers.progress(two, 1)
        assert [state.spec.id for state in (await second).states] == [two]


@virtual
async def test_who_watches_does_not_keep_the_host_awake() -> None:
    async with fake_host(transfers_hold_awake=False) as host:
        app = await host.app()
        id_ = await start(app)
        await host.settle()
        told = await app.call(WatchTransfers((id_,)))
        app.submit(WatchTransfers((id_,), told.epoch, told.number))
        await host.settle()
        await host.fall_asleep()
        assert host.asleep
        assert not host.timeline.find("SLEEP_REFUSED")


@virtual
async def test_what_is_paused_when() -> None:
    """BTR-018."""
    async with fake_host() as host:
        app = await host.app()
        get, put, post = await create(app, download()), await start(app, upload(method="PUT")), await start(app, upload())
        form = await start(app, download(method="POST"))
        await host.settle()
        assert await refused(app, PauseTransfer(get)) is HResult.ILLEGAL_METHOD_CALL
        await app.call(StartTransfer(get))
        await host.settle()
        for id_ in (get, put):
            assert await refused(app, ResumeTransfer(id_)) is HResult.ILLEGAL_METHOD_CALL
            await app.call(PauseTransfer(id_))
            assert await status(app, id_) is Status.PAUSED_BY_APPLICATION
            assert await refused(app, PauseTransfer(id_)) is HResult.ILLEGAL_METHOD_CALL
            await app.call(ResumeTransfer(id_))
            assert await status(app, id_) is Status.RUNNING
        for id_ in (post, form):
            assert await refused(app, PauseTransfer(id_)) is HResult.ILLEGAL_METHOD_CALL
        await app.call(CancelTransfer(get))
        assert await refused(app, PauseTransfer(get)) is HResult.ILLEGAL_METHOD_CALL
        await app.call(CancelTransfer(get))
        assert host.transfers.running == {put, post, form}


@virtual
async def test_the_uri_is_changed_while_it_is_paused_by_the_app() -> None:
    async with fake_host() as host:
        app = await host.app()
        id_ = await start(app)
        await host.settle()
        assert await refused(app, SetTransferUri(id_, "http://192.0.2.2/")) is HResult.ILLEGAL_METHOD_CALL
        await app.call(PauseTransfer(id_))
        assert await refused(app, SetTransferUri(id_, "gopher://192.0.2.2/")) is HResult.INVALID_ARG
        await app.call(SetTransferUri(id_, "http://192.0.2.2/"))
        (state,) = await listed(app)
        assert state.spec.uri == "http://192.0.2.2/"


@virtual
async def test_a_cost_policy_that_changes_counts_from_then_on_and_is_told() -> None:
    async with fake_host() as host:
        app = await host.app()
        id_ = await start(app)
        await app.call(SetTransferCostPolicy(id_, CostPolicy.ALWAYS))
        (state,) = await listed(app)
        assert state.spec.cost_policy is CostPolicy.ALWAYS


@virtual
async def test_what_cannot_be_is_refused() -> None:
    """BTR-005, 029."""
    async with fake_host() as host:
        app = await host.app()
        good = download()
        wrong: tuple[dict[str, Any], ...] = (
            {"uri": "nowhere"},
            {"uri": "http:///file"},
            {"uri": "http://192.0.2.1:x/"},
            {"uri": "http://192.0.2.1/\r\nX: y"},
            {"uri": "file:///etc/passwd"},
            {"uri": "ftp://192.0.2.1/file", "direction": "upload"},
            {"path": None},
            {"path": "relative"},
            {"path": "/with\0zero"},
            {"parts": (ContentPart("a", text="b"),)},
            {"direction": "upload", "parts": (ContentPart("a", text="b"),)},
            {"direction": "upload", "path": None, "parts": tuple(ContentPart("a", text="b" * 16384) for _ in range(5))},
        )
        for changes in wrong:
            spec = msgspec.structs.replace(good, **changes)
            assert await refused(app, CreateTransfer(spec)) is HResult.INVALID_ARG, changes
        assert await listed(app) == []
        await app.call(CreateTransfer(msgspec.structs.replace(good, uri="ftp://user:word@192.0.2.1/file")))


@virtual
async def test_what_the_process_refuses_is_not_there() -> None:
    async with fake_host() as host:
        app = await host.app()
        host.transfers.refuses[Create] = HostError(HResult.UNAUTHORIZED_ACCESS, "no such folder")
        assert await refused(app, CreateTransfer(download())) is HResult.UNAUTHORIZED_ACCESS
        assert await listed(app) == []


@virtual
async def test_two_hundred_of_an_app_are_well_and_one_more_is_refused() -> None:
    """BTR-004."""
    async with fake_host() as host:
        app, other = await host.app("mail"), await host.app("chat")
        ids = [await start(app) for _ in range(200)]
        assert await refused(app, CreateTransfer(download())) is HResult.OUT_OF_MEMORY
        await host.settle()
        assert len(host.transfers.running) == 200
        await start(other)
        host.transfers.end(ids[0])
        await host.settle()
        assert await refused(app, CreateTransfer(download())) is HResult.OUT_OF_MEMORY, "nobody has heard of its end"
        await forget(app, ids[0])
        await start(app)
        assert not host.timeline.find("QUEUE_CORRUPT")


@virtual
async def test_one_that_is_about_to_be_forgotten_counts_no_more_unless_it_cannot_be() -> None:
    """BTR-004. An app that has heard of the end may have another one at once."""
    async with fake_host() as host:
        app = await host.app("mail")
        ids = [await start(app) for _ in range(200)]
        for ended in ids[:2]:
            host.transfers.end(ended)
        await host.settle()
        host.transfers.takes_s = 5
        forgetting = asyncio.create_task(forget(app, ids[0]))
        await asyncio.sleep(1)
        assert not forgetting.done()
        await start(app)
        await forgetting
        host.transfers.refuses[Forget] = HostError(HResult.FAIL, "its disk is full")
        with pytest.raises(HostError):
            await forget(app, ids[1])
        assert await refused(app, CreateTransfer(download())) is HResult.OUT_OF_MEMORY


@virtual
async def test_one_that_is_about_to_be_forgotten_is_not_there_for_its_app() -> None:
    """As `listed` has it: what the app may do with it does not hang on how quick the process of transfers is."""
    async with fake_host() as host:
        app = await host.app("mail")
        ended = await start(app)
        host.transfers.end(ended)
        await host.settle()
        assert await refused(app, PauseTransfer(ended)) is HResult.ILLEGAL_METHOD_CALL
        host.transfers.takes_s = 5
        forgetting = asyncio.create_task(forget(app, ended))
        await asyncio.sleep(1)
        assert not forgetting.done()
        assert await refused(app, PauseTransfer(ended)) is HResult.ELEMENT_NOT_FOUND
        assert await listed(app) == []
        await forgetting


@virtual
async def test_a_strict_host_calls_the_queue_corrupt() -> None:
    async with fake_host(strict_transfer_queue=True) as host:
        app = await host.app()
        for _ in range(200):
            await create(app, download())
        assert not host.timeline.find("QUEUE_CORRUPT")
        assert await refused(app, CreateTransfer(download())) is HResult.OUT_OF_MEMORY
        assert host.timeline.find("QUEUE_CORRUPT", app="mail", operations=200)


@pytest.mark.parametrize("whose", ["app", "system"])
def test_fifty_groups(whose: str) -> None:
    """BTR-023, B-25."""

    @virtual
    async def groups() -> None:
        async with fake_host(transfer_groups=whose) as host:
            app, other = await host.app("mail"), await host.app("chat")
            for number in range(50):
                await create(app, download(group=f"group {number}"))
            assert await refused(app, CreateTransfer(download(group="group 50"))) is HResult.OUT_OF_MEMORY
            await create(app, download(group="group 7"))
            await create(app, download())
            if whose == "app":
                await create(other, download(group="group 50"))
            else:
                assert await refused(other, CreateTransfer(download(group="group 7"))) is HResult.OUT_OF_MEMORY

    groups()


def test_operations_as_large_as_may_be_go_into_one_answer_each() -> None:
    """With what a server has said to them."""

    def large(number: int, size: int) -> Transfer:
        spec = download(headers=tuple((f"X-{name}", "y" * 1000) for name in range(size // 1000)))
        transfer = Transfer(SavedTransfer(f"{number}", "mail", 1, CostPolicy.DEFAULT))
        said = ResponseInformation("x" * 16_000, 200, {f"X-{name}": "y" * 1000 for name in range(16)}, True)
        transfer.is_now(TransferState(spec, response=said))
        return transfer

    left = [large(number, size) for number, size in enumerate([10_000, 60_000, 60_000, 10_000])]
    while left:
        taken = page(left)
        assert 0 < len(msgspec.msgpack.encode([transfer.state for transfer in taken])) < MESSAGE_BYTES - 4096
        left = left[len(taken) :]
