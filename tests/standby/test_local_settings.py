"""What an app keeps by name: for all of its processes, whole at every moment."""

from __future__ import annotations

import multiprocessing
from pathlib import Path
from typing import Any

import pytest

from rig.standby.api.local_settings import NAME_CHARACTERS, VALUE_BYTES, LocalSettings
from rig.standby.wire.hresult import HostError, HResult

EACH = 50


def _write(folder: str, who: str) -> None:
    settings = LocalSettings(Path(folder))
    for number in range(EACH):
        settings[f"{who} {number}"] = number


def test_what_is_kept_is_there_for_every_object_of_it(tmp_path: Path) -> None:
    values: dict[str, Any] = {"a": 1, "b": "two", "c": b"\x00\xff", "d": 1.5, "e": True, "f": None, "Пошта": "mail"}
    LocalSettings(tmp_path).update(values)
    again = LocalSettings(tmp_path)
    assert dict(again) == values
    del again["a"]
    assert "a" not in LocalSettings(tmp_path)
    with pytest.raises(KeyError):
        del again["a"]
    with pytest.raises(KeyError):
        again["never there"]


def test_two_processes_that_write_at_once_lose_nothing_of_each_other(tmp_path: Path) -> None:
    forks = multiprocessing.get_context("fork")
    writers = [forks.Process(target=_write, args=(str(tmp_path), who)) for who in ("first", "second", "third")]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        dict(LocalSettings(tmp_path))  # never half of it
    assert len(LocalSettings(tmp_path)) == 3 * EACH


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("", 1),
        ("x" * (NAME_CHARACTERS + 1), 1),
        ("long", "x" * VALUE_BYTES),
        ("list", [1]),
        ("object", object()),
        ("number", 2**70),
        ("surrogate", "\ud800"),
    ],
)
def test_what_is_no_value_is_refused_and_changes_nothing(tmp_path: Path, name: str, value: Any) -> None:
    settings = LocalSettings(tmp_path)
    settings["there"] = 1
    with pytest.raises(HostError) as raised:
        settings[name] = value
    assert raised.value.hresult is HResult.INVALID_ARG
    assert dict(settings) == {"there": 1}


def test_who_dies_while_it_writes_leaves_what_was_there(tmp_path: Path) -> None:
    """Half a file beside it, and its turn."""
    settings = LocalSettings(tmp_path)
    settings["there"] = 1
    (tmp_path / "settings.new").write_bytes(b"\x81")
    assert dict(settings) == {"there": 1}
    settings["more"] = 2
    assert dict(settings) == {"there": 1, "more": 2}
