"""A device that has room for fewer tokens than the rig knows: firmware from before the room was made larger."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rig.device.numbers import GROUP_OFFLOAD, OffloadRc
from rig.device.offload import OffloadClient
from rig.device.offload_types import Capabilities, TcpSlot
from rig.device.payload import UNSAID_TOKENS_BYTES
from rig.errors import DeviceError

from .conftest import Parts
from .test_stop_payload import give, records, sleep_through, wake


@pytest.fixture(params=[None, 64], ids=["says nothing", "says 64"])
def small_device(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """From before the driver starts."""
    said: int | None = request.param
    room = said or UNSAID_TOKENS_BYTES
    capabilities, wire = OffloadClient.capabilities, TcpSlot.wire

    def says(client: OffloadClient) -> Capabilities:
        return replace(capabilities(client), token_bytes=said)

    def taken(slot: TcpSlot) -> dict[str, Any]:
        """Too many are refused."""
        row = wire(slot)
        if len(row.get("ka_tokens", b"")) > room:
            raise DeviceError(GROUP_OFFLOAD, OffloadRc.BAD_ARG, OffloadRc.BAD_ARG.name, "add_tcp_slot")
        return row

    monkeypatch.setattr(OffloadClient, "capabilities", says)
    monkeypatch.setattr(TcpSlot, "wire", taken)
    return room


def test_it_gets_as_many_as_it_takes_for_a_sleep_and_the_rest_later(small_device: int, parts: Parts) -> None:
    assert small_device < len(records(0).tokens)
    give(parts, records(0))
    for _ in range(2):
        sleep_through(parts, 2)
        wake(parts)
    assert parts.server.received.startswith(b"".join(records(0).payload(number) for number in range(4)))
