"""bench.toml: what is accepted, and how a wrong one is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from rig.config import BenchConfig, load
from rig.errors import UsageError


def write(folder: Path, text: str) -> Path:
    path = folder / "bench.toml"
    path.write_text(text)
    return path


def test_an_empty_file_is_the_default(tmp_path: Path) -> None:
    assert load(write(tmp_path, "")) == BenchConfig()


def test_every_section_is_read(tmp_path: Path) -> None:
    config = load(write(tmp_path, '[bench]\ndevice = "qemu"\n[clock]\nminute_us = 1000\n[standby]\nhw_slots_total = 7\n'))
    assert (config.device, config.clock.minute_us, config.standby.hw_slots_total) == ("qemu", 1000, 7)


def test_paths_in_the_file_are_taken_from_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    config = load(write(tmp_path, '[bench]\ntopology = "mine.toml"\nrequirements = "lab/own.toml"\n'))
    assert (config.topology, config.requirements) == (str(tmp_path / "mine.toml"), str(tmp_path / "lab/own.toml"))
    assert load(write(tmp_path, '[bench]\ntopology = "/lab/mine.toml"\n')).topology == "/lab/mine.toml"
    assert load(write(tmp_path, '[bench]\ntopology = "routed"\n')).topology == "routed", "a name"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ('[bench]\ndevice = "quemu"\n', 2, 'bench.device = "quemu": expected one of native, qemu, reference, board'),
        ('[bench]\n\nbaudrate = "fast"\n', 3, 'bench.baudrate = "fast": expected a whole number, e.g. 115200'),
        ("[standby]\nhw_slots = 4\n", 2, "standby.hw_slots is not known: expected only aoac"),
        ("[standby]\naoac = 1\n", 2, "standby.aoac = 1: expected true or false"),
        ("[standby]\nlease_min = 0\n", 2, "standby.lease_min = 0: expected 1 to 1440 minutes"),
        ("[standby]\nlease_min = 1441\n", 2, "standby.lease_min = 1441: expected 1 to 1440 minutes"),
        ("[standby]\nhw_slots_total = 1000\n", 2, "standby.hw_slots_total = 1000: expected 0 to 255"),
        ("[standby]\nnetwork_ka_floor_min = 0\n", 2, "standby.network_ka_floor_min = 0: expected 1 to 1440"),
        ("[bench]\nbaudrate = 0\n", 2, "bench.baudrate = 0: expected 50 to 12000000 bit/s"),
        ('[bench]\nreset_line = "cts"\n', 2, 'bench.reset_line = "cts": expected one of none, dtr, rts'),
        ('[standby]\nfamily = "tablet"\n', 2, 'standby.family = "tablet": expected one of desktop, phone'),
        ('[standby]\ntransfer_proxy = "192.0.2.20"\n', 2, 'standby.transfer_proxy = "192.0.2.20": expected a proxy and its port'),
        ("[standby]\nwall_clock_s = 0\n", 2, "standby.wall_clock_s = 0: expected a number above 0"),
        ("[standby]\nidle_task_s = 86401\n", 2, "standby.idle_task_s = 86401: expected above 0, at most 86400 s"),
        ("[standby]\ncancel_grace_s = 3601.0\n", 2, "standby.cancel_grace_s = 3601.0: expected above 0, at most 3600 s"),
        ("[standby]\nbackground_apps = 256\n", 2, "standby.background_apps = 256: expected 0 to 255"),
        ("[standby]\nlearn_next_hop = 1\n", 2, "standby.learn_next_hop = 1: expected true or false"),
        ("[clock]\nminute_us = 0\n", 2, "minute_us 0 is not within"),
        ("[clok]\n", 1, "clok is not known: expected only bench, clock, standby here; did you mean clock?"),
        ("[standby]\nnetwork_ka_retry_min = nan\n", 2, "network_ka_retry_min = nan: expected a number above 0"),
        ("[standby]\nnetwork_ka_retry_min = inf\n", 2, "network_ka_retry_min = inf: expected a number above 0"),
        ('[bench]\nrequirements = "\\u0000.toml"\n', 2, 'bench.requirements = "\\u0000.toml": expected a string'),
        ('[bench]\ndevice = "board"\n', 1, "bench.port"),  # a key that lacks: its table's line
        ("bench = 3\n", 1, "expected a table [bench]"),
    ],
)
def test_a_wrong_one_names_file_line_and_key(tmp_path: Path, text: str, line: int, words: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(UsageError) as refused:
        load(path)
    assert refused.value.code == "RIG-C01"
    assert f"{path}:{line}: " in refused.value.cause
    assert words in refused.value.cause
    assert refused.value.exit_code == 4


@pytest.mark.parametrize("text", ["x = " + "[" * 100_000, "MY = {" * 5_000, "x = 1" + "0" * 5_000], ids=["lists", "tables", "1"])
def test_a_file_made_to_exhaust_its_reader_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match=r"RIG-C01 .*bench\.toml: cannot be read: "):
        load(write(tmp_path, text))
