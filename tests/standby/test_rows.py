"""What outlives the system says by itself that it has changed."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from rig.standby.system.rows import Rows, SavedObject, SavedPart, SavedTable
from rig.standby.system.store import Name


class Saved(msgspec.Struct, frozen=True):
    number: int
    of_part: int
    words: tuple[str, ...]


@dataclass(eq=False)
class Part(SavedPart):
    number: int = 0


@dataclass(eq=False)
class Thing(SavedObject):
    number: int = 0
    part: Part = field(default_factory=Part)
    words: list[str] = field(default_factory=list)

    @property
    def row_name(self) -> Name:
        return "thing", "1"

    def save(self) -> Saved:
        return Saved(self.number, self.part.number, tuple(self.words))


NAME = "thing", "1"


def known(rows: Rows) -> dict[Name, bytes]:
    return {name: value for name, value in rows.take().items() if value is not None}


def test_what_is_assigned_to_a_thing_or_to_a_part_of_it_is_a_change() -> None:
    rows, thing = Rows(), Thing()
    thing.is_saved_in(rows)
    assert set(rows.take()) == {NAME}
    assert not rows.take()
    thing.number = 1
    assert set(rows.take()) == {NAME}
    thing.part.number = 2
    assert set(rows.take()) == {NAME}
    thing.part = Part(3)
    assert set(rows.take()) == {NAME}
    thing.part.number = 4
    assert rows.take() == {NAME: msgspec.msgpack.encode(Saved(1, 4, ()))}


def test_a_thing_that_is_forgotten_has_no_row_any_more_and_says_nothing() -> None:
    rows, thing = Rows(), Thing()
    thing.is_saved_in(rows)
    rows.take()
    thing.is_forgotten()
    thing.is_forgotten()
    assert rows.take() == {NAME: None}
    thing.number = 1
    assert not rows.take()


def test_what_changes_inside_and_is_not_said_is_found_by_comparing_all() -> None:
    rows, thing = Rows(), Thing()
    thing.is_saved_in(rows)
    written = known(rows)
    assert not rows.unsaid(written)
    thing.words.append("inside")
    assert rows.unsaid(written) == [NAME]
    thing.changed()
    assert not rows.unsaid(written)


def test_rows_of_a_table_are_what_was_put_in() -> None:
    rows = Rows()
    table: SavedTable[Saved] = SavedTable(rows, "kind")
    table["a"] = table["b"] = Saved(1, 0, ())
    assert set(rows.take()) == {("kind", "a"), ("kind", "b")}
    table["a"] = changed = Saved(2, 0, ())
    del table["b"]
    assert rows.take() == {("kind", "a"): msgspec.msgpack.encode(changed), ("kind", "b"): None}
    assert dict(table) == {"a": changed}


def test_what_could_not_be_written_down_is_taken_again() -> None:
    rows, thing = Rows(), Thing()
    thing.is_saved_in(rows)
    changes = rows.take()
    rows.put_back(changes)
    assert rows.take() == changes
