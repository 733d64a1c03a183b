"""Values that an app keeps by name, for all of its processes and the hosts of its tasks (RAW-002).

One file in the app's folder, replaced as a whole: who reads it while another writes reads what was there before or after. Writers
take turns.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from rig.standby.wire.hresult import HostError, HResult

Value: TypeAlias = bool | int | float | str | bytes | None
"""What WinRT's settings hold, as Python has it."""
Values: TypeAlias = dict[str, Value]
FILE, NEW, LOCK = "settings.msgpack", "settings.new", "settings.lock"
NAME_CHARACTERS, VALUE_BYTES = 255, 8192
"""WinRT's limits of a setting."""


class LocalSettings(MutableMapping[str, Value]):
    """Each access is one of the file's; two objects of one app are the same settings. Raises OSError."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __getitem__(self, name: str) -> Value:
        return self._read()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())

    def __setitem__(self, name: str, value: Value) -> None:
        """Raises HostError INVALID_ARG for what is no value of a setting."""
        _check(name, value)
        with self._turn():
            self._write({**self._read(), name: value})

    def __delitem__(self, name: str) -> None:
        with self._turn():
            values = self._read()
            del values[name]
            self._write(values)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """An app that dies in it gives it up."""
        with (self._folder / LOCK).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _read(self) -> Values:
        try:
            return msgspec.msgpack.decode((self._folder / FILE).read_bytes(), type=dict[str, Any])
        except FileNotFoundError:
            return {}

    def _write(self, values: Values) -> None:
        """Only in one's turn."""
        new = self._folder / NEW
        new.write_bytes(msgspec.msgpack.encode(values))
        new.replace(self._folder / FILE)


def _check(name: str, value: Value) -> None:
    if not 1 <= len(name) <= NAME_CHARACTERS:
        raise HostError(HResult.INVALID_ARG, f"a setting's name of {len(name)} characters, 1 to {NAME_CHARACTERS} allowed")
    try:
        fits = isinstance(value, Value) and len(msgspec.msgpack.encode(value)) <= VALUE_BYTES
    except (OverflowError, ValueError):  # a number, or a text, that has no place in any file
        fits = False
    if not fits:
        kept = f"a number, a text or bytes, {VALUE_BYTES} bytes at most"
        raise HostError(HResult.INVALID_ARG, f"setting {name} of type {type(value).__name__}: what is kept is {kept}")
