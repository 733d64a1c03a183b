"""What outlives the system's process."""

from __future__ import annotations

from pathlib import Path

from rig.standby.system.store import Done, Store
from rig.standby.wire.inbox import ANSWERS


def test_the_store_gives_back_what_was_saved_last(tmp_path: Path) -> None:
    store = Store(tmp_path / "system.db")
    store.save({("app", "1"): b"a", ("app", "2"): b"b"}, Done(1, 1, b"one", 1))
    store.save({("app", "1"): b"A"}, Done(1, 3, b"three", 1), gone=[2])
    again = Store(tmp_path / "system.db")
    assert again.things() == {("app", "1"): b"A"}
    assert (again.inbox(1).last, again.inbox(1).answers) == (1, {1: b"one", 3: b"three"})
    assert again.inbox(2).last == 0


def test_old_answers_are_forgotten(tmp_path: Path) -> None:
    store = Store(tmp_path / "system.db")
    for number in range(1, ANSWERS + 11):
        store.save({}, Done(7, number, b"x", number))
    assert set(store.inbox(7).answers) == set(range(11, ANSWERS + 11))
    store.save({}, gone=[7])
    assert not store.inbox(7).answers
