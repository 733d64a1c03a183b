"""What a payload keep-alive may be, as the host checks it before it asks the device; edge case 22."""

from __future__ import annotations

from typing import Any

import pytest

from rig.device.payload import TOKENS_BYTES, Counter, PayloadKeepAlive, Span, fresh_masks

pytestmark = pytest.mark.edge(22)

FAR = 2**32 - 1
GOOD: dict[str, Any] = {
    "data": bytes(16), "counter": Counter(0, 0, 4), "token": Span(4, 4), "tokens": bytes(8), "mask": Span(8, 8)
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"data": b""}, "data of 0 bytes"),
        ({"data": bytes(33)}, "data of 33 bytes"),
        ({"reply": bytes(33)}, "reply of 33 bytes"),
        ({"counter": Counter(0, 0, 0)}, "counter of 0 bytes"),
        ({"counter": Counter(0, 0, 5)}, "counter of 5 bytes"),
        ({"counter": Counter(-1, 0, 1)}, "from -1"),
        ({"counter": Counter(2**32, 0, 4)}, "from 4294967296"),
        ({"counter": Counter(0, FAR, 1)}, "counter at 4294967295"),
        ({"counter": Counter(0, 2, 4)}, "overlaps"),
        ({"token": Span(FAR, 4)}, "token at 4294967295"),
        ({"token": Span(-1, 4)}, "token at -1"),
        ({"token": Span(14, 4)}, "token at 14"),
        ({"token": Span(0, 0)}, "token at 0"),
        ({"mask": Span(8, 9)}, "mask at 8"),
        ({"mask": Span(7, 2)}, "overlaps"),
        ({"tokens": bytes(7)}, "7 bytes of tokens"),
        ({"token": None, "mask": None}, "8 bytes of tokens"),
        ({"token": None, "tokens": b""}, "needs a token"),
        ({"token": Span(4, 2)}, "needs a token of 4"),
        ({"reply": bytes(9), "reply_mask": b"x"}, "reply_mask of 1 bytes"),
        ({"reply": bytes(4), "reply_counter": 1}, "counter at 1"),
        ({"reply": bytes(4), "reply_counter": -1}, "counter at -1"),
        ({"reply": bytes(4), "counter": None, "reply_counter": 0}, "none"),
    ],
)  # fmt: skip
def test_what_the_device_would_refuse_is_said_in_words(changes: dict[str, Any], said: str) -> None:
    assert PayloadKeepAlive(**GOOD).tokens_left == 2
    with pytest.raises(ValueError, match=said):
        PayloadKeepAlive(**{**GOOD, **changes})


def test_of_many_tokens_the_device_gets_what_it_can_hold() -> None:
    """Whole ones, the next first."""
    row = PayloadKeepAlive(data=bytes(7), token=Span(0, 7), tokens=bytes(7 * 200)).wire()
    assert len(row["ka_tokens"]) == TOKENS_BYTES // 7 * 7
    tokens = fresh_masks(300)
    ping = PayloadKeepAlive.websocket_ping(tokens)
    assert ping.wire()["ka_tokens"] == tokens[:TOKENS_BYTES]
    assert (ping.after(240).wire()["ka_tokens"], ping.after(300).tokens_left) == (tokens[960:], 0)


def test_an_unsolicited_pong_is_a_ping_that_nobody_answers() -> None:
    pong = PayloadKeepAlive.websocket_pong(b"\1\2\3\4" + bytes(4), start=5)
    assert pong.payload(0) == b"\x8a\x84\1\2\3\4" + bytes([5 ^ 1, 2, 3, 4])
    assert pong.after(1).payload(0) == b"\x8a\x84" + bytes(4) + b"\6\0\0\0"
    assert pong.reply == b""
    assert "ka_reply" not in pong.wire()


def test_a_sealed_record_is_sent_as_it_is_and_says_that_it_is_one() -> None:
    records = [bytes([number]) * 32 for number in range(3)]
    sealed = PayloadKeepAlive.sealed_records(records)
    assert [sealed.payload(number) for number in range(3)] == records
    assert (sealed.sealed, sealed.after(1).sealed, sealed.after(1).payload(0)) == (True, True, records[1])
    with pytest.raises(IndexError):
        sealed.payload(3)


def test_tokens_are_shown_nowhere() -> None:
    ping = PayloadKeepAlive.websocket_ping(b"\x5e\xc4\xe7\x00" * 4)
    assert "5e" not in repr(ping).lower()
    with pytest.raises(IndexError) as raised:
        ping.payload(4)
    assert "5e" not in str(raised.value).lower()


def test_a_websocket_ping_and_its_pong() -> None:
    """RFC 6455 sections 5.2 and 5.5.2, written out."""
    ping = PayloadKeepAlive.websocket_ping(bytes.fromhex("37fa213d"), start=0x0201, counter_bytes=2)
    assert ping.payload(0) == bytes([0x89, 0x82, 0x37, 0xFA, 0x21, 0x3D, 0x01 ^ 0x37, 0x02 ^ 0xFA])
    assert (ping.reply, ping.reply_counter) == (bytes([0x8A, 0x02, 0, 0]), 2)
    assert PayloadKeepAlive.websocket_ping(bytes(4), counter_bytes=0).payload(0) == bytes([0x89, 0x80, 0, 0, 0, 0])
