"""Payload keep-alives: bytes of an application's own protocol that the device sends in place of TCP probes.

The model is that of nl80211's WoWLAN TCP connection: a template, a counter in it, and tokens that the host gives and the
device puts in one by one. The client's mask of a WebSocket frame is such a token (RFC 6455 section 5.3: it must be
unpredictable, so no device may make it up). Two makers below cover WebSocket pings and MQTT; anything else of up to 32
bytes is described by the fields.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from rig.device.packed_address import given

PAYLOAD_BYTES = 32
"""Longest payload and longest answer."""
TOKENS_BYTES = 768
"""Most bytes of tokens that the device holds for one sleep."""
UNSAID_TOKENS_BYTES = 256
"""The same of firmware that does not say how many."""
MASK_BYTES = 4
"""RFC 6455 section 5.3."""
WS_PING, WS_PONG, WS_FIN, WS_MASKED = 0x9, 0xA, 0x80, 0x80


@dataclass(frozen=True)
class Span:
    """A place in a payload."""

    offset: int
    len: int

    @property
    def end(self) -> int:
        return self.offset + self.len

    def overlaps(self, other: Span) -> bool:
        return self.offset < other.end and other.offset < self.end


@dataclass(frozen=True)
class Counter:
    """A little-endian number of 1 to 4 bytes, one more with each payload; it wraps."""

    start: int
    """What the next payload carries."""
    offset: int
    len: int

    @property
    def span(self) -> Span:
        return Span(self.offset, self.len)

    def bytes_of(self, number: int) -> bytes:
        """What the `number`-th payload from now carries, from 0."""
        return self.value(number).to_bytes(self.len, "little")

    def value(self, number: int) -> int:
        return (self.start + number) % (1 << 8 * self.len)


@dataclass(frozen=True, kw_only=True)
class PayloadKeepAlive:
    """What to send, and the answer that need not wake the host. Raises ValueError for what the device would refuse."""

    data: bytes
    """The template, 1 to 32 bytes."""
    counter: Counter | None = None
    token: Span | None = None
    """Overwritten with the next bytes of `tokens`. None left: the device wakes the host with NO_MORE_TOKENS."""
    tokens: bytes = field(default=b"", repr=False)
    """Whole tokens, one after another: secrets, never shown. A host may hold more than the device takes for a sleep."""
    mask: Span | None = None
    """XORed with the token, which is 4 bytes then, after counter and token are in."""
    reply: bytes = b""
    """The expected answer; empty: none is expected."""
    reply_mask: bytes | None = None
    """One bit for each byte of `reply`, LSB first: which are compared; None is all."""
    reply_counter: int | None = None
    """Offset at which the answer repeats the counter; None: it does not."""
    sealed: bool = False
    """Tokens are records of TLS that were sealed ahead: each is sent once, in their order, by whoever sends it, or the connection
    is of no more use."""

    def __post_init__(self) -> None:
        self._check_lengths()
        self._check_spans()
        self._check_reply()

    @classmethod
    def websocket_ping(cls, tokens: bytes, *, start: int = 0, counter_bytes: int = 4) -> PayloadKeepAlive:
        """A client's ping (RFC 6455 section 5.5.2) with a counter as its application data, answered by the pong that repeats
        it. `tokens`: 4 unpredictable bytes for each, see `fresh_masks`. `counter_bytes` 0 to 4; 0 is an empty ping."""
        data_at = 2 + MASK_BYTES
        return cls(
            data=bytes([WS_FIN | WS_PING, WS_MASKED | counter_bytes]) + bytes(MASK_BYTES + counter_bytes),
            counter=Counter(start, data_at, counter_bytes) if counter_bytes else None,
            token=Span(2, MASK_BYTES),
            tokens=tokens,
            mask=Span(data_at, counter_bytes) if counter_bytes else None,
            reply=bytes([WS_FIN | WS_PONG, counter_bytes]) + bytes(counter_bytes),
            reply_counter=2 if counter_bytes else None,
        )

    @classmethod
    def websocket_pong(cls, tokens: bytes, *, start: int = 0, counter_bytes: int = 4) -> PayloadKeepAlive:
        """A client's pong that nobody asked for, and nobody answers (RFC 6455 section 5.5.3); else as `websocket_ping`."""
        ping = cls.websocket_ping(tokens, start=start, counter_bytes=counter_bytes)
        return replace(ping, data=bytes([WS_FIN | WS_PONG]) + ping.data[1:], reply=b"", reply_counter=None)

    @classmethod
    def sealed_records(cls, records: Sequence[bytes]) -> PayloadKeepAlive:
        """Records of TLS, all of one length, as they go out: the whole payload is the token (RFC 8446 section 5.2)."""
        length = len(records[0])
        return cls(data=bytes(length), token=Span(0, length), tokens=b"".join(records), sealed=True)

    @classmethod
    def mqtt_ping(cls) -> PayloadKeepAlive:
        """PINGREQ, answered by PINGRESP (MQTT 3.1.1 and 5.0, sections 3.12 and 3.13)."""
        return cls(data=b"\xc0\x00", reply=b"\xd0\x00")

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> PayloadKeepAlive:
        """From `dataclasses.asdict`. Raises ValueError as the constructor does."""
        makers = {"counter": Counter, "token": Span, "mask": Span}
        return cls(**{**row, **{name: maker(**row[name]) if row[name] else None for name, maker in makers.items()}})

    @property
    def tokens_left(self) -> int | None:
        """How many more payloads have a token; None: none needs one."""
        return None if self.token is None else len(self.tokens) // self.token.len

    def payload(self, number: int) -> bytes:
        """The bytes of the `number`-th payload from now, from 0. Raises IndexError without a token for it."""
        out = bytearray(self.data)
        token = b""
        if self.counter is not None:
            out[self.counter.offset : self.counter.span.end] = self.counter.bytes_of(number)
        if self.token is not None:
            token = self.tokens[number * self.token.len : (number + 1) * self.token.len]
            if len(token) < self.token.len:
                raise IndexError(f"{self.tokens_left} tokens, payload {number} has none")
            out[self.token.offset : self.token.end] = token
        if self.mask is not None:
            for at in range(self.mask.len):
                out[self.mask.offset + at] ^= token[at % MASK_BYTES]
        return bytes(out)

    def after(self, sent: int) -> PayloadKeepAlive:
        """The keep-alive as it goes on when `sent` payloads have left: counter and tokens moved on."""
        counter = self.counter and replace(self.counter, start=self.counter.value(sent))
        tokens = self.tokens[sent * self.token.len :] if self.token is not None else b""
        return replace(self, counter=counter, tokens=tokens)

    def within(self, token_bytes: int) -> PayloadKeepAlive:
        """The same with no more than its first tokens, whole ones, as a device of so many bytes takes them."""
        if self.token is None:
            return self
        return replace(self, tokens=self.tokens[: token_bytes // self.token.len * self.token.len])

    def wire(self) -> dict[str, Any]:
        """The keys of add_tcp_slot_req; of the tokens as many as the device takes."""
        row: dict[str, Any] = {"ka_data": self.data, "ka_reply": self.reply or None, "ka_reply_mask": self.reply_mask}
        row["ka_reply_counter"] = self.reply_counter
        row["ka_mask"] = self.mask and [self.mask.offset, self.mask.len]
        if self.counter is not None:
            row["ka_counter"] = [self.counter.start, self.counter.offset, self.counter.len]
        if self.token is not None:
            row["ka_token"] = [self.token.offset, self.token.len]
            row["ka_tokens"] = self.within(TOKENS_BYTES).tokens
        return given(row)

    def _check_lengths(self) -> None:
        for name, value, least in (("data", self.data, 1), ("reply", self.reply, 0)):
            if not least <= len(value) <= PAYLOAD_BYTES:
                raise ValueError(f"{name} of {len(value)} bytes: {least} to {PAYLOAD_BYTES} can be offloaded")
        if self.counter is not None and not (1 <= self.counter.len <= 4 and 0 <= self.counter.start < 2**32):
            raise ValueError(f"a counter of {self.counter.len} bytes from {self.counter.start}: 1 to 4 bytes, from 0 to 2^32 - 1")

    def _check_spans(self) -> None:
        spans = {"counter": self.counter and self.counter.span, "token": self.token, "mask": self.mask}
        for name, span in spans.items():
            if span and not (span.offset >= 0 and span.len >= 1 and span.end <= len(self.data)):
                raise ValueError(f"{name} at {span.offset}, {span.len} bytes: not inside the {len(self.data)} bytes of data")
        if self.token and any(span and span.overlaps(self.token) for span in (spans["counter"], self.mask)):
            raise ValueError("the token's place overlaps another field")
        if self.mask and (self.token is None or self.token.len != MASK_BYTES):
            raise ValueError(f"a masked range needs a token of {MASK_BYTES} bytes")
        if self.tokens and (self.token is None or len(self.tokens) % self.token.len):
            raise ValueError(f"{len(self.tokens)} bytes of tokens: not a multiple of the token's length")

    def _check_reply(self) -> None:
        if self.reply_mask is not None and len(self.reply_mask) != (len(self.reply) + 7) // 8:
            raise ValueError(f"reply_mask of {len(self.reply_mask)} bytes: one bit for each of {len(self.reply)} bytes")
        if self.reply_counter is None:
            return
        if self.counter is None:
            raise ValueError("the answer repeats a counter, and there is none")
        if not 0 <= self.reply_counter <= len(self.reply) - self.counter.len:
            raise ValueError(f"the counter at {self.reply_counter} of the answer: it has {len(self.reply)} bytes")


@dataclass(frozen=True)
class PayloadState:
    """Where a payload keep-alive stands between two sleeps."""

    sent: int = 0
    """Payloads since the keep-alive was set, repetitions not counted."""
    answered: int = 0
    next_counter: int | None = None
    """None: it has no counter."""
    tokens_left: int | None = None
    """None: it needs none."""
    taken: bool = True
    """False: the device takes none of this kind. Plain probes go out in its place, and the keep-alive task runs."""


def fresh_masks(count: int) -> bytes:
    """Masks for `count` WebSocket pings, from the system's source of randomness."""
    return secrets.token_bytes(MASK_BYTES * count)
