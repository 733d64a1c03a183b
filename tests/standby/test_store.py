"""What outlives the system's process."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from rig.config import StandbyConfig
from rig.standby.system.store import Done, Name, Store
from rig.standby.wire.app_tasks import RequestAccess
from rig.standby.wire.inbox import ANSWERS
from rig.standby.wire.statuses import ControlChannelTriggerStatus as Status
from tests.standby.fake_host import FakeHost
from tests.standby.virtual_time import virtual


def test_the_store_gives_back_what_was_saved_last(tmp_path: Path) -> None:
    store = Store(tmp_path / "system.db")
    store.save({("app", "1"): b"a", ("app", "2"): b"b"}, [Done(1, 1, b"one", 1)])
    store.save({("app", "1"): b"A", ("app", "2"): None}, [Done(1, 3, b"three", 1)], gone=[2])
    again = Store(tmp_path / "system.db")
    assert again.things() == {("app", "1"): b"A"}
    assert (again.inbox(1).last, again.inbox(1).answers) == (1, {1: b"one", 3: b"three"})
    assert again.inbox(2).last == 0


def test_old_answers_are_forgotten_and_notices_have_none(tmp_path: Path) -> None:
    store = Store(tmp_path / "system.db")
    for number in range(1, 2 * ANSWERS + 1):
        store.save({}, [Done(7, number, b"x" if number % 2 else b"", number)])
    assert set(store.inbox(7).answers) == set(range(ANSWERS + 1, 2 * ANSWERS, 2))
    assert store.inbox(7).last == 2 * ANSWERS
    store.save({}, gone=[7])
    assert not store.inbox(7).answers


@virtual
async def test_a_disk_that_is_full_for_a_while_is_told_and_stops_nobody(tmp_path: Path) -> None:
    class FullAtTimes(Store):
        full = False

        def save(self, changes: Mapping[Name, bytes | None], done: Sequence[Done] = (), gone: Collection[int] = ()) -> None:
            if self.full:
                raise sqlite3.OperationalError("database or disk is full")
            super().save(changes, done, gone)

    store = FullAtTimes(tmp_path / "system.db")
    host = FakeHost(StandbyConfig(), store)
    await host.system.start()
    app = await host.app()
    store.full = True
    assert await app.open("inbox") is Status.HARDWARE_SLOT_ALLOCATED
    app.peers["inbox"].send(b"news")
    await host.settle()
    assert len(app.tasks) == 1
    faults = host.timeline.find("SERVICE_FAULT", where="the system's store")
    assert "disk is full" in faults[0].error
    store.full = False
    await app.call(RequestAccess())
    assert ("channel", "1 inbox") in Store(tmp_path / "system.db").things()
    assert store.inbox(1).last == 13
    await host.close()


class Watched(Store):
    """`noted`: of each transaction with messages, their numbers."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.noted: list[list[int]] = []

    def save(self, changes: Mapping[Name, bytes | None], done: Sequence[Done] = (), gone: Collection[int] = ()) -> None:
        super().save(changes, done, gone)
        if done:
            self.noted.append([message.number for message in done])


@virtual
async def test_the_beginning_of_a_read_is_written_down_with_its_end(tmp_path: Path) -> None:
    """One transaction less on the way of a wake."""
    store = Watched(tmp_path / "system.db")
    host = FakeHost(StandbyConfig(), store)
    await host.system.start()
    app = await host.app()
    await app.open("inbox")
    store.noted.clear()
    app.peers["inbox"].send(b"news")
    await host.settle()
    assert len(app.tasks) == 1
    assert list(map(len, store.noted)) == [2, 1], "the read; the task that it fired"
    await host.close()


@virtual
async def test_a_read_that_takes_long_is_written_down_before_it_ends(tmp_path: Path) -> None:
    store = Watched(tmp_path / "system.db")
    host = FakeHost(StandbyConfig(), store)
    await host.system.start()
    app = await host.app()
    await app.open("inbox")
    store.noted.clear()
    app.read_s = 1.0
    app.peers["inbox"].send(b"news")
    await asyncio.sleep(0.5)
    assert list(map(len, store.noted)) == [1]
    await asyncio.sleep(1)
    assert list(map(len, store.noted)) == [1, 1, 1]
    await host.close()
