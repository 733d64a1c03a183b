"""A device of another make that answers what the contract does not allow: the error says so, with the message."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import cbor2
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


def shared(depth: int) -> bytes:
    """A list of a list and that list again, of the same, and so on: 2 ** depth numbers in a few bytes each."""
    inside = b"".join(b"\xd8\x1c\x82" for _ in range(depth)) + b"\xd8\x1c\x81\1"
    return inside + b"".join(b"\xd8\x1d\x18" + bytes([n]) for n in range(depth, 0, -1))


@pytest.mark.parametrize(
    "grown",
    [
        pytest.param(b"\xa1\x61x" + shared(60), id="a value in several places"),
        pytest.param(b"\xa1" + shared(60) + b"\1", id="a key of such"),
        pytest.param(b"\xa1\x61x\xc4\x82\x1a" + bytes([127] * 4) + b"\1", id="a decimal fraction"),
        pytest.param(b"\xa1\x61x\xda\0\0\0\4\x82\x1a" + bytes([127] * 4) + b"\1", id="its tag in four bytes"),
        pytest.param(b"\xa1\x61x\xd8\x1e\x81\x6b1e999999999", id="a ratio from a text"),
    ],
)
def test_a_few_bytes_do_not_become_more_than_fits_anywhere(grown: bytes) -> None:
    """Whoever decoded them, wrote them down or took them for a whole number never came back."""
    assert decoded(grown, len(grown)) is None


def test_bytes_that_look_like_such_tags_are_only_bytes() -> None:
    """As in a frame that was kept."""
    frame = shared(3) + b"\xc4\xc5\xdb"
    body = cbor2.dumps({"event": frame, "t": "\u0104\u011c", "n": 0xC4D81C})
    assert decoded(body, len(body)) == {"event": frame, "t": "\u0104\u011c", "n": 0xC4D81C}


@pytest.mark.parametrize(
    "row", [[], [1, 9, *[0] * 12, b""], [1, 1, *[0] * 12, "text"], [1, 1, *[None] * 12, b""], 5, None, [float("inf")] * 14]
)
def test_an_event_that_is_none_is_said(row: Any) -> None:
    with pytest.raises(BenchError, match="RIG-B11 an event violates"):
        Event.of(row)
