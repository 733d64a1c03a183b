"""Frames on the timeline: how a test began and what led to its end, and what was left out between."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import pytest

from rig.mac import mac_bytes
from rig.net import frame_log
from rig.net.capture import Capture, CapturedFrame
from rig.net.frame_log import frame_records

HOST = "02:00:00:00:01:10"
ARP = bytes(6) + bytes.fromhex("020000000110") + b"\x08\x06" + bytes(6) + b"\0\1" + bytes(38)


class Kept:
    """A capture's frames, one a nanosecond on each port, of which the `forgotten` first are gone."""

    def __init__(self, counts: dict[str, int], forgotten: int = 0) -> None:
        self._counts, self._forgotten = counts, forgotten

    def frames(self, port: str) -> list[CapturedFrame]:
        return [CapturedFrame(number, ARP) for number in range(self._forgotten, self._counts[port])]

    def mark(self, port: str) -> int:
        return self._counts[port]


def records(kept: Kept, ports: Sequence[str]) -> list[tuple[str, int, int]]:
    """(port, t_ns, left_out)."""
    found = frame_records(cast("Capture", kept), ports, HOST, "pn")
    return [(record["port"], record["t_ns"], record.get("left_out", 0)) for record in found]


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame_log, "FIRST_FRAMES", 2)
    monkeypatch.setattr(frame_log, "LAST_FRAMES", 3)


def test_what_fits_is_there_in_order_of_time() -> None:
    assert records(Kept({"ps": 2, "ph": 3}), ["ps", "ph"]) == [
        ("ps", 0, 0),
        ("ph", 0, 0),
        ("ps", 1, 0),
        ("ph", 1, 0),
        ("ph", 2, 0),
    ]


def test_of_many_the_first_and_the_last_are_there_and_how_many_are_not() -> None:
    found = records(Kept({"ps": 1000}), ["ps"])
    assert found == [("ps", 0, 0), ("ps", 1, 0), ("ps", 997, 995), ("ps", 998, 0), ("ps", 999, 0)]


@pytest.mark.parametrize("forgotten", [96, 90])
def test_what_the_capture_could_not_keep_is_counted_too(forgotten: int) -> None:
    found = records(Kept({"ps": 100}, forgotten), ["ps"])
    assert [at for _, at, _ in found][-3:] == [97, 98, 99]
    assert len(found) + sum(left_out for _, _, left_out in found) == 100


def test_a_frame_says_whether_it_has_the_hosts_address_and_is_at_the_device() -> None:
    (record,) = frame_records(cast("Capture", Kept({"enp3s0": 1})), ["enp3s0"], HOST, "enp3s0")
    assert record == {"t_ns": 0, "port": "enp3s0", "len": len(ARP), "info": "ARP request", "as_host": True, "device": True}


def test_a_mac_address_is_six_octets() -> None:
    assert mac_bytes("02:00:00:00:01:FE") == b"\x02\0\0\0\x01\xfe"
    for text in ("", "02:00:00:00:01", "02:00:00:00:01:10:11", "0200:00:00:01:10", "02-00-00-00-01-10", "zz:00:00:00:01:10"):
        with pytest.raises(ValueError):
            mac_bytes(text)
