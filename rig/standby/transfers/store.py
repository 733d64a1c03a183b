"""What outlives the process of transfers: one SQLite file beside the system's, which a machine that starts again finds, too.

WAL, and no fsync: the kernel keeps what a killed process has written. How many bytes have come is not in it: that is what the
file itself is long, so that neither is ever ahead of the other.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable
from pathlib import Path

import msgspec

from rig.decoders import decoded
from rig.standby.wire.transfer_enums import BackgroundTransferStatus
from rig.standby.wire.transfer_types import ResponseInformation, TransferFault, TransferId, TransferProgress, TransferSpec

SCHEMA = """
CREATE TABLE IF NOT EXISTS operation (id TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
"""
NUMBERS_AT_A_TIME = 1000
"""Of changes: most of them are progress, which is not written down."""


class SavedOperation(msgspec.Struct):
    package: str
    spec: TransferSpec
    status: BackgroundTransferStatus = BackgroundTransferStatus.IDLE
    started: bool = False
    paused: bool = False
    """By its app."""
    progress: TransferProgress = TransferProgress()
    response: ResponseInformation | None = None
    fault: TransferFault | None = None
    attempts: int = 0
    """Requests that were begun."""
    is_out: bool = False
    """A request of it is under way, or was when its process died."""
    timeouts: int = 0
    """Those in a row that had no answer in time, or no more of it (BTR-017)."""
    validator: str = ""
    """Of what has come."""
    whole_bytes: int | None = None
    """So long is the file of which that is a part; None: unknown."""
    whole: bool = False
    """All of it is there and on the disk: it lacks only its name."""
    cleared: bool = False
    """Of one that has ended: nothing that had come of it is beside its target any more, or what is there is of somebody else."""
    calls: tuple[int, ...] = ()
    """Numbers of the last ones that have changed it."""
    turn: int = 0
    """Those with a lower one were started before."""
    number: int = 0
    """Of its last change."""


class Store:
    """Raises sqlite3.Error (the disk is full); nothing of the change is kept then."""

    def __init__(self, path: Path | str) -> None:
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=OFF")
        self._database.executescript(SCHEMA)
        rows = self._database.execute("SELECT value FROM counter WHERE name = 'number'").fetchall()
        self._last: int = rows[0][0] if rows else 0
        self._reserved = self._last

    def operations(self) -> list[SavedOperation]:
        rows = self._database.execute("SELECT value FROM operation")
        return [decoded(SavedOperation, value) for (value,) in rows]

    def save(self, changed: Iterable[SavedOperation], gone: Collection[TransferId] = ()) -> None:
        rows = [(one.spec.id, msgspec.msgpack.encode(one)) for one in changed]
        if not rows and not gone:
            return
        with self._database:
            self._database.execute("BEGIN")
            self._database.executemany("INSERT OR REPLACE INTO operation VALUES (?, ?)", rows)
            self._database.executemany("DELETE FROM operation WHERE id = ?", [(one,) for one in gone])

    def next_number(self) -> int:
        """Of a change: above all that anybody was ever told, by any process. Raises sqlite3.Error."""
        if self._last >= self._reserved:
            reserved = self._last + NUMBERS_AT_A_TIME
            self._database.execute("INSERT OR REPLACE INTO counter VALUES ('number', ?)", (reserved,))
            self._reserved = reserved
        self._last += 1
        return self._last

    def close(self) -> None:
        self._database.close()
