"""What outlives the system's process: one SQLite file in the bench's artefacts.

WAL, and no fsync: the kernel keeps what a killed process has written, and a machine that loses power loses the bench with it.
A row is one thing of the system (a channel, an app ...) in msgpack; what a message has changed and the message's number are
one transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from rig.decoders import decoded
from rig.standby.wire.inbox import ANSWERS

Name: TypeAlias = tuple[str, str]
"""(kind, key)"""


def saved_of(things: Mapping[Name, bytes], kind: str, cls: type[Any]) -> list[Any]:
    """All things of a kind."""
    return [decoded(cls, value) for (thing, _), value in things.items() if thing == kind]


SCHEMA = """
CREATE TABLE IF NOT EXISTS thing (kind TEXT, key TEXT, value BLOB NOT NULL, PRIMARY KEY (kind, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS inbox (sender INTEGER PRIMARY KEY, last INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS answer (
    sender INTEGER, number INTEGER, answer BLOB NOT NULL, PRIMARY KEY (sender, number)
) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class Done:
    """A message of a sender, as `Inbox` notes it."""

    sender: int
    number: int
    answer: bytes
    last: int


@dataclass
class SavedInbox:
    last: int = 0
    answers: dict[int, bytes] = field(default_factory=dict)


class Store:
    """Raises sqlite3.Error (the disk is full); nothing of the change is kept then."""

    def __init__(self, path: Path | str) -> None:
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=OFF")
        self._database.executescript(SCHEMA)
        self._known = self.things()
        senders = self._database.execute("SELECT sender FROM inbox UNION SELECT sender FROM answer")
        self._senders = {sender for (sender,) in senders}
        """Who has said something: of a process that starts the database is not asked."""

    def things(self) -> dict[Name, bytes]:
        rows = self._database.execute("SELECT kind, key, value FROM thing ORDER BY kind, key")
        return {(kind, key): value for kind, key, value in rows}

    def inbox(self, sender: int) -> SavedInbox:
        saved = SavedInbox()
        if sender not in self._senders:
            return saved
        for (saved.last,) in self._database.execute("SELECT last FROM inbox WHERE sender = ?", (sender,)):
            pass
        rows = self._database.execute("SELECT number, answer FROM answer WHERE sender = ? ORDER BY number", (sender,))
        saved.answers = dict(rows.fetchall())
        return saved

    def save(self, changes: Mapping[Name, bytes | None], done: Sequence[Done] = (), gone: Collection[int] = ()) -> None:
        """Things that may have changed, None of those that are gone; the messages that made them so, and the senders that will
        never say anything again."""
        changed = {name: value for name, value in changes.items() if value is not None and self._known.get(name) != value}
        removed = [name for name, value in changes.items() if value is None and name in self._known]
        if not (changed or removed or gone or done):
            return
        with self._database:
            self._database.execute("BEGIN")
            self._database.executemany(
                "INSERT OR REPLACE INTO thing VALUES (?, ?, ?)", [(*name, value) for name, value in changed.items()]
            )
            self._database.executemany("DELETE FROM thing WHERE kind = ? AND key = ?", removed)
            for message in done:
                self._note(message)
            for sender, last in {message.sender: message.last for message in done}.items():
                self._database.execute("INSERT OR REPLACE INTO inbox VALUES (?, ?)", (sender, last))
            for silent in gone:
                self._database.execute("DELETE FROM inbox WHERE sender = ?", (silent,))
                self._database.execute("DELETE FROM answer WHERE sender = ?", (silent,))
        self._senders.update(message.sender for message in done)
        self._senders.difference_update(gone)
        self._known.update(changed)
        for name in removed:
            del self._known[name]

    @property
    def known(self) -> Mapping[Name, bytes]:
        """All things, as they are written down."""
        return self._known

    def _note(self, done: Done) -> None:
        """Of what had no answer the number is enough, as soon as all before it are done."""
        if done.answer or done.number > done.last:
            self._database.execute("INSERT OR REPLACE INTO answer VALUES (?, ?, ?)", (done.sender, done.number, done.answer))
        if done.number % ANSWERS == 0:
            self._database.execute("DELETE FROM answer WHERE sender = ? AND number <= ?", (done.sender, done.last - ANSWERS))

    @property
    def machine_start(self) -> int:
        """Of the machine that wrote it last; 0: nobody did."""
        (number,) = self._database.execute("PRAGMA user_version").fetchone()
        return int(number)

    def begin_machine(self, start: int, things: Mapping[Name, bytes]) -> None:
        """These things are left of those before, and nobody of then will say anything any more."""
        with self._database:
            self._database.execute("BEGIN")
            for table in ("thing", "inbox", "answer"):
                self._database.execute(f"DELETE FROM {table}")
            self._database.executemany("INSERT INTO thing VALUES (?, ?, ?)", [(*name, value) for name, value in things.items()])
            self._database.execute(f"PRAGMA user_version = {start:d}")
        self._known = dict(things)
        self._senders.clear()

    def close(self) -> None:
        self._database.close()
