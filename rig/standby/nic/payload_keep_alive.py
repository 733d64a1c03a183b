"""A connection's payload keep-alive over many sleeps: what the next one begins with, and what the last one made of it."""

from __future__ import annotations

import time
from dataclasses import dataclass

from rig.device.payload import PayloadKeepAlive, PayloadState
from rig.device.tcp_slot import NO_PAYLOAD_MS, SlotInfo


@dataclass(frozen=True)
class NotedPayload:
    """A payload keep-alive and how far it is, for the journal."""

    set_by_app: PayloadKeepAlive
    next: PayloadKeepAlive
    sent: int
    answered: int
    last_sent_ns: int | None
    stopped: bool = False
    lost: bool = False


class PayloadOverSleeps:
    """`set_by_app` is what the app gave; the device gets what earlier sleeps have left of it."""

    def __init__(self, set_by_app: PayloadKeepAlive) -> None:
        self.set_by_app = set_by_app
        self.next = set_by_app
        self._sent = self._answered = 0
        self._last_sent_ns: int | None = None
        self._stopped = False
        self.lost = False
        """Nobody knows how many were sent."""

    @classmethod
    def restored(cls, noted: NotedPayload) -> PayloadOverSleeps:
        """As it was when it was noted."""
        payload = cls(noted.set_by_app)
        payload.next = noted.next
        payload._sent, payload._answered, payload._last_sent_ns = noted.sent, noted.answered, noted.last_sent_ns
        payload._stopped, payload.lost = noted.stopped, noted.lost
        return payload

    @property
    def noted(self) -> NotedPayload:
        """For the journal."""
        counts = self._sent, self._answered, self._last_sent_ns
        return NotedPayload(self.set_by_app, self.next, *counts, self._stopped, self.lost)

    def offered(self) -> PayloadKeepAlive | None:
        """What the device gets at standby entry; None when it would have no token for the first, or is to send none: probes must
        do."""
        return None if self._stopped or self.next.tokens_left == 0 else self.next

    def stop(self) -> None:
        """No device sends any of it from now on."""
        self._stopped = True

    @property
    def state(self) -> PayloadState:
        counter = self.next.counter
        return PayloadState(self._sent, self._answered, counter.start if counter else None, self.next.tokens_left)

    def idle_ms(self, last_data_sent_ms: int) -> int:
        """Real milliseconds since the peer's application was last sent anything, by the host or by the device."""
        if self._last_sent_ns is None:
            return last_data_sent_ms
        return min(last_data_sent_ms, (time.monotonic_ns() - self._last_sent_ns) // 1_000_000)

    def sent_bytes(self, slot: SlotInfo) -> bytes:
        """Every byte that the device sent in the sleep that ends."""
        return b"".join(self.next.payload(number) for number in range(slot.payloads_sent))

    def consumed_bytes(self, slot: SlotInfo) -> int:
        return slot.payloads_answered * len(self.next.reply)

    def go_on(self, slot: SlotInfo) -> None:
        """After a sleep: counter and tokens move on."""
        self._sent += slot.payloads_sent
        self._answered += slot.payloads_answered
        self.next = self.next.after(slot.payloads_sent)
        if slot.payload_age_ms != NO_PAYLOAD_MS:
            self._last_sent_ns = time.monotonic_ns() - slot.payload_age_ms * 1_000_000
