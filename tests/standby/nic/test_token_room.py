"""A device that has room for fewer tokens than the rig knows: firmware from before the room was made larger."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rig.clock import Deadline
from rig.device.numbers import GROUP_OFFLOAD, OffloadRc
from rig.device.offload import OffloadClient
from rig.device.offload_types import Capabilities, TcpSlot
from rig.device.payload import UNSAID_TOKENS_BYTES
from rig.errors import DeviceError

from .conftest import Parts
from .test_stop_payload import give, records, sleep_through, wake

SELDOM_MINUTES = 12
"""600 ms: a kernel answers a probe each half second at most (tcp_invalid_ratelimit)."""


def with_room(monkeypatch: pytest.MonkeyPatch, said: int | None) -> int:
    """From before the driver starts."""
    room = UNSAID_TOKENS_BYTES if said is None else said
    capabilities, wire = OffloadClient.capabilities, TcpSlot.wire

    def says(client: OffloadClient) -> Capabilities:
        return replace(capabilities(client), token_bytes=said)

    def taken(slot: TcpSlot) -> dict[str, Any]:
        """Too many are refused, and where there is room for none every payload."""
        row = wire(slot)
        if "ka_data" in row and not room:
            raise DeviceError(GROUP_OFFLOAD, OffloadRc.UNSUPPORTED, OffloadRc.UNSUPPORTED.name, "add_tcp_slot")
        if len(row.get("ka_tokens", b"")) > room:
            raise DeviceError(GROUP_OFFLOAD, OffloadRc.BAD_ARG, OffloadRc.BAD_ARG.name, "add_tcp_slot")
        return row

    monkeypatch.setattr(OffloadClient, "capabilities", says)
    monkeypatch.setattr(TcpSlot, "wire", taken)
    return room


@pytest.fixture(params=[None, 64], ids=["says nothing", "says 64"])
def small_device(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    return with_room(monkeypatch, request.param)


@pytest.fixture(params=[0, 31], ids=["none", "less than a record"])
def roomless_device(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    return with_room(monkeypatch, request.param)


def test_it_gets_as_many_as_it_takes_for_a_sleep_and_the_rest_later(small_device: int, parts: Parts) -> None:
    assert small_device < len(records(0).tokens)
    give(parts, records(0))
    for _ in range(2):
        sleep_through(parts, 2)
        wake(parts)
    assert parts.server.received.startswith(b"".join(records(0).payload(number) for number in range(4)))


def test_without_room_for_one_the_host_sleeps_with_probes(roomless_device: int, parts: Parts) -> None:
    parts.driver.registry.update("one", SELDOM_MINUTES, records(0), ())
    parts.fall_asleep()
    deadline = Deadline(10)
    while (slot := parts.client.slots()[0]).ka_acked < 2:
        assert not deadline.expired, f"{slot.ka_sent} probes were sent, {slot.ka_acked} answered"
        deadline.pause()
    wake(parts)
    state = parts.driver.payload_state("one")
    assert state is not None
    assert (state.sent, state.taken) == (0, False)
    parts.fall_asleep()
    parts.wake_by_data(b"pushed")
    assert parts.server.received == b""


def test_with_room_it_is_taken(small_device: int, parts: Parts) -> None:
    """The negative control."""
    give(parts, records(0))
    state = parts.driver.payload_state("one")
    assert state is not None
    assert state.taken
