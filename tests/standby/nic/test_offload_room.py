"""A device with less room for protocol offloads than the host has use for gets what fits, in a stated order; the rest is said."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from rig.device.codes import error_in
from rig.device.numbers import GROUP_OFFLOAD, OffloadRc, OffloadType
from rig.device.offload import OffloadClient
from rig.device.offload_types import ProtocolOffload
from rig.errors import DeviceError
from rig.standby.nic import protocol_offloads
from rig.standby.nic.protocol_offloads import ProtocolOffloads
from rig.standby.nic.refusals import is_for_good, unless_gone
from rig.timeline import Timeline

IPV4, LOCAL, GLOBAL, NEW = "192.0.2.1", "fe80::1", "2001:db8::1", "2001:db8::2"
GROUPS = ["224.0.0.251", "239.1.2.3"]
ARP, NS, ECHO, GROUP = OffloadType.ARP, OffloadType.NS, OffloadType.ECHO, OffloadType.GROUP
ALL = [(ARP, IPV4), (NS, GLOBAL), (NS, LOCAL), (ECHO, IPV4), (ECHO, GLOBAL), (ECHO, LOCAL), *((GROUP, one) for one in GROUPS)]


def refusal(answer: dict[str, Any]) -> DeviceError:
    error = error_in(answer, GROUP_OFFLOAD, "it")
    assert error is not None
    return error


FULL = {"err": {"group": GROUP_OFFLOAD, "rc": int(OffloadRc.LIST_FULL)}}


class Table:
    """A device's, with room for so many of all types, or of each."""

    def __init__(self, room: int, of_each: dict[OffloadType, int] | None = None) -> None:
        self.room = room
        self.of_each = of_each or {}
        self.answer: dict[str, Any] = FULL
        self.held: dict[int, ProtocolOffload] = {}

    def add_offload(self, offload: ProtocolOffload) -> None:
        alike = [one for one in self.held.values() if one.type is offload.type]
        if len(self.held) >= self.room or len(alike) >= self.of_each.get(offload.type, self.room):
            raise refusal(self.answer)
        assert offload.id not in self.held
        self.held[offload.id] = offload

    def remove_offload(self, number: int) -> None:
        del self.held[number]

    @property
    def has(self) -> list[tuple[OffloadType, str]]:
        return [(one.type, one.remote or one.ip) for one in self.held.values()]


class Host:
    """Its addresses and groups, and what it says on the timeline."""

    def __init__(self, timeline: Timeline, monkeypatch: pytest.MonkeyPatch) -> None:
        self.timeline = timeline
        self.ipv6 = [GLOBAL, LOCAL]
        for name, found in (
            ("ipv6_addresses", lambda _: self.ipv6),
            ("ipv4_groups", lambda _: GROUPS),
            ("ipv6_groups", lambda _: []),
        ):
            monkeypatch.setattr(protocol_offloads, name, found)

    def on(self, table: Table) -> ProtocolOffloads:
        return ProtocolOffloads(cast(OffloadClient, table), "nowhere0", b"\2\0\0\0\0\1", IPV4, self.timeline)

    def refused(self, after: int = 0) -> list[tuple[OffloadType, str]]:
        return [
            (GROUP, record.group) if record.event == "GROUP_REFUSED" else (OffloadType[record.type], record.address)
            for record in self.timeline.records(after)
        ]


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    timeline = Timeline(tmp_path / "timeline.jsonl")
    yield Host(timeline, monkeypatch)
    timeline.close()


@pytest.mark.parametrize("room", range(len(ALL) + 1))
def test_what_fits_is_given_and_the_rest_is_said(host: Host, room: int) -> None:
    table = Table(room)
    offloads = host.on(table)
    offloads.refresh()
    assert (table.has, host.refused()) == (ALL[:room], ALL[room:])
    offloads.refresh()
    assert (table.has, host.refused()) == (ALL[:room], ALL[room:]), "asked and said again though nothing had changed"


def test_what_comes_behind_in_the_order_gives_way_and_is_given_anew_where_it_fits(host: Host) -> None:
    table = Table(7)
    offloads = host.on(table)
    offloads.refresh()
    host.ipv6 = [GLOBAL, NEW, LOCAL]
    after = host.timeline.mark()
    offloads.refresh()
    assert table.has == [*ALL[:3], (NS, NEW), (ECHO, IPV4), (ECHO, GLOBAL), (ECHO, NEW)]
    assert host.refused(after) == [(ECHO, LOCAL), *ALL[6:]]
    host.ipv6 = [LOCAL]
    offloads.refresh()
    assert sorted(table.has) == sorted([(ARP, IPV4), (NS, LOCAL), (ECHO, IPV4), (ECHO, LOCAL), *ALL[6:]])


def test_a_table_of_one_type_that_is_full_takes_nothing_from_the_others(host: Host) -> None:
    table = Table(32, {NS: 1, ECHO: 1})
    offloads = host.on(table)
    offloads.refresh()
    assert table.has == [ALL[0], ALL[1], ALL[3], *ALL[6:]]
    assert host.refused() == [ALL[2], *ALL[4:6]]
    host.ipv6 = [GLOBAL, NEW, LOCAL]
    offloads.refresh()
    assert sorted(table.has) == sorted([ALL[0], ALL[1], ALL[3], *ALL[6:]])


STRANGERS = {"SMP itself": lambda rc: {"rc": rc}, "another group": lambda rc: {"err": {"group": 64, "rc": rc}}}


@pytest.mark.parametrize("answer", STRANGERS.values(), ids=STRANGERS)
def test_a_number_of_another_group_is_none_of_the_offload_groups(host: Host, answer: Callable[[int], dict[str, Any]]) -> None:
    """SMP itself says 4 for a request that took too long, 2 for want of memory, 6 for a state."""
    table = Table(2)
    table.answer = answer(OffloadRc.LIST_FULL)
    with pytest.raises(DeviceError):
        host.on(table).refresh()
    assert host.refused() == []

    def remove(_: int) -> None:
        raise refusal(answer(OffloadRc.NOT_FOUND))

    with pytest.raises(DeviceError):
        unless_gone(remove, 1)
    assert is_for_good(refusal(answer(OffloadRc.STALE_EPOCH)))
    assert not is_for_good(refusal({"err": {"group": GROUP_OFFLOAD, "rc": int(OffloadRc.STALE_EPOCH)}}))
