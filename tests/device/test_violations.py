"""A device of another make that answers what the contract does not allow: the error says so, with the message."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from rig.device.codes import NO_CODE, error_in
from rig.device.numbers import GROUP_OFFLOAD
from rig.device.offload import OffloadClient
from rig.device.offload_types import Event, SlotRef
from rig.device.requests import decoded
from rig.errors import BenchError


class Says:
    """Answers every request with the same map."""

    def __init__(self, reply: dict[str, Any]) -> None:
        self._reply = reply

    def request(
        self, op: int, group: int, command: int, body: Mapping[str, Any], *, timeout_s: float = 0, retries: int = 0
    ) -> dict[str, Any]:
        return self._reply


CALLS: dict[str, Callable[[OffloadClient], object]] = {
    "ATTACH": lambda client: client.attach(1),
    "CAPABILITIES": lambda client: client.capabilities(),
    "TIME_SYNC": lambda client: client.time_sync(),
    "GET_LOG": lambda client: client.log(),
    "STATUS": lambda client: client.status(),
    "REMOVE_TCP_SLOT": lambda client: client.remove_tcp_slot(SlotRef(0, 1)),
    "GET_TCP_SLOT": lambda client: client.get_tcp_slot(SlotRef(0, 1)),
    "LIST_TCP_SLOTS": lambda client: client.slots(),
    "LIST_PATTERNS": lambda client: client.patterns(),
    "LIST_OFFLOADS": lambda client: client.offloads(),
    "COMMIT": lambda client: client.commit(1),
    "DRAIN": lambda client: client.drain(0),
    "RELEASE": lambda client: client.release(),
}
WRONG_TYPES: dict[str, Any] = {"epoch": None, "slots": [[1]], "frames": [[1]], "state": 7}


@pytest.mark.parametrize("command", CALLS)
@pytest.mark.parametrize(
    "reply", [{}, {"epoch": None, "slots": [[1]], "frames": [[1]], "state": 7}], ids=["empty", "wrong types"]
)
def test_the_message_is_in_the_error(command: str, reply: dict[str, Any]) -> None:
    with pytest.raises(BenchError, match=r"RIG-B11 the reply to \w+ violates offload\.cddl") as raised:
        CALLS[command](OffloadClient(Says(reply)))
    assert repr(reply) in str(raised.value)


@pytest.mark.parametrize("value", [10**5000, float("inf"), float("nan")], ids=["huge", "infinite", "no number"])
def test_a_number_that_is_none_of_the_contracts_is_said_too(value: Any) -> None:
    """One of thousands of digits cannot even be written."""
    with pytest.raises(BenchError, match=r"RIG-B11 the reply to TIME_SYNC violates offload\.cddl"):
        OffloadClient(Says({"t2_us": value, "t3_us": "", "t1_ns": value})).time_sync()


@pytest.mark.parametrize("rc", [pytest.param(10**5000, id="huge"), -1, [1], "x", None, 2.5, True])
def test_a_code_that_is_none_is_a_refusal_all_the_same(rc: Any) -> None:
    refused = error_in({"err": {"group": rc, "rc": rc}}, GROUP_OFFLOAD, "it")
    assert refused is not None
    assert (refused.group, refused.rc) == (GROUP_OFFLOAD, NO_CODE)
    assert len(str(refused)) < 200


@pytest.mark.parametrize(
    "tagged", [b"\xc4\x82\x1b" + bytes([15] * 8) + b"\1", b"\xc5\x82\x1a\x3b\x9a\xca\0\1", b"\xd8\x64\x1b" + bytes([15] * 8)]
)
def test_a_tag_with_nonsense_in_it_is_a_lost_reply(tagged: bytes) -> None:
    """It ended the link, as a bug of the rig's own."""
    body = b"\xa1\x61x" + tagged
    assert decoded(body, len(body)) is None


@pytest.mark.parametrize(
    "row", [[], [1, 9, *[0] * 12, b""], [1, 1, *[0] * 12, "text"], [1, 1, *[None] * 12, b""], 5, None, [float("inf")] * 14]
)
def test_an_event_that_is_none_is_said(row: Any) -> None:
    with pytest.raises(BenchError, match="RIG-B11 an event violates"):
        Event.of(row)
