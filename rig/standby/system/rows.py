"""The rows that outlive the system's process, and which of them have changed: a message costs what it changes, not what there is.

A row says by itself that it has changed, so that nobody has to think of it:

    a `SavedTable`     its rows are frozen values, and all the state there is of them: another value is put in
    a `SavedObject`    whatever is assigned to one of its attributes, or to one of its `SavedPart`s, is a change

What changes inside an attribute (a list grows) is said with `changed()`. Each test of the system on a fake driver compares all
rows with what is written down, at each transaction: what was forgotten fails there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, KeysView, Mapping, MutableMapping
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec

from rig.standby.system.store import Name

S = TypeVar("S", bound=msgspec.Struct)
Save = Callable[[], msgspec.Struct]

_encode = msgspec.msgpack.Encoder().encode


class Rows:
    """All there are. What is added has changed, too."""

    def __init__(self) -> None:
        self._all: dict[Name, Save] = {}
        self._changed: dict[Name, None] = {}

    def add(self, name: Name, save: Save) -> None:
        """`save` says what the row is, at any time."""
        self._all[name] = save
        self._changed[name] = None

    def remove(self, name: Name) -> None:
        del self._all[name]
        self._changed[name] = None

    def changed(self, name: Name) -> None:
        self._changed[name] = None

    @property
    def names(self) -> KeysView[Name]:
        return self._all.keys()

    def encoded(self, name: Name) -> bytes | None:
        """As it is now; None: there is none of that name any more."""
        save = self._all.get(name)
        return _encode(save()) if save is not None else None

    def take(self) -> dict[Name, bytes | None]:
        """What may have changed since this was asked last."""
        changes = {name: self.encoded(name) for name in self._changed}
        self._changed = {}
        return changes

    def put_back(self, names: Iterable[Name]) -> None:
        """What was taken could not be written down."""
        self._changed |= dict.fromkeys(names)

    def unsaid(self, known: Mapping[Name, bytes]) -> list[Name]:
        """Rows that are not as they are known, and did not say so; looks at all there are."""
        return [name for name in self._all if name not in self._changed and self.encoded(name) != known.get(name)]


class SavedObject:
    """State of which a row is made, from `is_saved_in` on until `is_forgotten`."""

    _rows: Rows | None = None
    _name: Name = ("", "")

    @property
    def row_name(self) -> Name:
        """Never another one."""
        raise NotImplementedError

    def save(self) -> msgspec.Struct:
        raise NotImplementedError

    def is_saved_in(self, rows: Rows) -> None:
        self._name = self.row_name
        self._rows = rows
        rows.add(self._name, self.save)

    def is_forgotten(self) -> None:
        if self._rows is not None:
            self._rows.remove(self._name)
            self._rows = None

    def changed(self) -> None:
        if self._rows is not None:
            self._rows.changed(self._name)

    if not TYPE_CHECKING:  # a checker would allow any attribute then

        def __setattr__(self, name: str, value: Any) -> None:
            object.__setattr__(self, name, value)
            if isinstance(value, SavedPart):
                value.is_part_of(self)
            self.changed()


class SavedPart:
    """State that is in its whole's row: it becomes part of the object that has it as an attribute."""

    _whole: SavedObject | None = None

    def is_part_of(self, whole: SavedObject) -> None:
        self._whole = whole

    if not TYPE_CHECKING:

        def __setattr__(self, name: str, value: Any) -> None:
            object.__setattr__(self, name, value)
            if self._whole is not None:
                self._whole.changed()


class SavedTable(MutableMapping[str, S], Generic[S]):
    """The rows of a kind, by key; each is a frozen struct."""

    def __init__(self, rows: Rows, kind: str) -> None:
        self._rows = rows
        self._kind = kind
        self._all: dict[str, S] = {}

    def __getitem__(self, key: str) -> S:
        return self._all[key]

    def __setitem__(self, key: str, row: S) -> None:
        is_new = key not in self._all
        self._all[key] = row
        if is_new:
            self._rows.add((self._kind, key), partial(self._all.__getitem__, key))
        else:
            self._rows.changed((self._kind, key))

    def __delitem__(self, key: str) -> None:
        del self._all[key]
        self._rows.remove((self._kind, key))

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)
