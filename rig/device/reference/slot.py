"""One offloaded TCP connection: its numbers, what it sends, and when it is due to."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from rig.device.numbers import SlotFlag, SlotState
from rig.device.reference.numbers import ANSWERS_A_SECOND, CHALLENGES_A_SECOND
from rig.device.reference.segment import Frame
from rig.device.reference.sequence import ack_is_valid, before
from rig.device.reference.to_send import ToSend

NEVER_SENT_MS = 2**32 - 1
SECOND_US = 1_000_000
LIVE = (SlotState.ACTIVE, SlotState.PROBING)


class Rate:
    """At most so many a second."""

    def __init__(self, most: int) -> None:
        self._most, self._used, self._from_us = most, 0, -SECOND_US

    def take(self, now_us: int) -> bool:
        if now_us - self._from_us >= SECOND_US:
            self._from_us, self._used = now_us, 0
        self._used += 1
        return self._used <= self._most


class Slot:
    """`cfg`: an add_tcp_slot_req that was checked."""

    def __init__(self, number: int, gen: int, cfg: Mapping[str, Any], state: SlotState, now_us: int) -> None:
        self.number, self.gen, self.state = number, gen, state
        self.resumes_to = state
        self.close_reason = 0
        self.owner: int = cfg["owner"]
        self.flags = SlotFlag(cfg["flags"])
        self.local, self.remote = cfg["local"], cfg["remote"]
        self.local_port, self.remote_port = cfg["local_port"], cfg["remote_port"]
        self.local_mac, self.next_hop_mac = cfg["local_mac"], cfg["next_hop_mac"]
        self.ttl, self.tos, self.df, self.ip_id = cfg["ttl"], cfg["tos"] & 0xFC, cfg["df"], cfg["ip_id"]
        self.snd_una, self.snd_nxt, self.snd_wl1 = cfg["snd_una"], cfg["snd_nxt"], cfg["snd_wl1"]
        self.snd_wnd, self.max_snd_wnd, self.snd_wscale = cfg["snd_wnd"], cfg["max_snd_wnd"], cfg["snd_wscale"]
        self.rcv_nxt, self.rcv_wnd, self.rcv_wup, self.rcv_wscale = (
            cfg["rcv_nxt"], cfg["rcv_wnd"], cfg["rcv_wup"], cfg["rcv_wscale"])  # fmt: skip
        self.ts_on, self.ts_hz, self.tsval, self.t0_us = cfg["ts_on"], cfg["ts_hz"], cfg["tsval"], cfg["t0_us"]
        self.ts_recent, self.ts_recent_us = cfg["ts_recent"], now_us - cfg["ts_recent_age_ms"] * 1000
        self.tsval_last: int = cfg["tsval"]
        self.ka_idle_ms, self.ka_intvl_ms, self.ka_cnt = cfg["ka_idle_ms"], cfg["ka_intvl_ms"], cfg["ka_cnt"]
        self.last_rx_us = now_us
        self.from_us, self.wait_ms = now_us, max(0, cfg["ka_idle_ms"] - cfg["idle_elapsed_ms"])
        self.unanswered = 0
        self.sent = self.acked = self.lost = 0
        self.peer_probes_answered = self.challenged = self.repeated = self.paws = 0
        self.challenges, self.answers = Rate(CHALLENGES_A_SECOND), Rate(ANSWERS_A_SECOND)

    @property
    def window(self) -> int:
        """What is left of the one that was advertised last."""
        return int(max(0, self.rcv_wnd - (self.rcv_nxt - self.rcv_wup) % 2**32))

    @property
    def knows_its_frames(self) -> bool:
        return self.state not in (SlotState.IDLE, SlotState.PAUSED)

    def is_between(self, frame: Frame, *, ports: bool = True) -> bool:
        mine = frame.dst == self.local and frame.src == self.remote
        return mine and (not ports or (frame.dport, frame.sport) == (self.local_port, self.remote_port))

    def acknowledges_rightly(self, frame: Frame) -> bool:
        return ack_is_valid(frame, self.snd_una, self.snd_nxt, self.max_snd_wnd)

    # -- sending -------------------------------------------------------------------------------------------------------

    def segment(self, seq: int, now_us: int) -> bytes:
        """An ACK with that sequence number; the right edge of the window stays where the host put it."""
        self.rcv_wnd, self.rcv_wup = self.window, self.rcv_nxt
        stamp = None
        if self.ts_on:
            self.tsval_last = (self.tsval + max(0, now_us - self.t0_us) * self.ts_hz // SECOND_US) % 2**32
            stamp = (self.tsval_last, self.ts_recent)
        unit = 1 << self.rcv_wscale
        window = min(0xFFFF, (self.rcv_wnd + unit - 1) >> self.rcv_wscale)
        self.ip_id = (self.ip_id + 1) % 2**16
        return ToSend(
            self.local_mac, self.next_hop_mac, _text(self.local), _text(self.remote), self.ttl, self.tos, self.df,
            (self.ip_id - 1) % 2**16, self.local_port, self.remote_port, seq, self.rcv_nxt, window, stamp,
        ).frame()  # fmt: skip

    # -- hearing -------------------------------------------------------------------------------------------------------

    def take_ack(self, frame: Frame, now_us: int) -> None:
        """What a stack remembers of an acceptable segment without data."""
        if self.ts_on and frame.timestamp is not None and not before(self.rcv_wup, frame.seq):
            self.ts_recent, self.ts_recent_us = frame.timestamp[0], now_us
        if before(self.snd_una, frame.ack):
            self.snd_una = frame.ack
        if not before(frame.seq, self.snd_wl1) and not before(frame.ack, self.snd_una):
            self.snd_wl1, self.snd_wnd = frame.seq, frame.window << self.snd_wscale
            self.max_snd_wnd = max(self.max_snd_wnd, self.snd_wnd)
        self.acked += self.unanswered > 0

    def heard(self, frame: Frame, now_us: int) -> None:
        """The idle time begins anew."""
        if not self.acknowledges_rightly(frame):
            return
        self.last_rx_us, self.unanswered = now_us, 0
        if self.state is SlotState.PROBING:
            self.state = SlotState.ACTIVE
        self.arm(now_us, self.ka_idle_ms)

    def arm(self, from_us: int, wait_ms: int) -> None:
        self.from_us, self.wait_ms = from_us, wait_ms

    def due_us(self, minute_us: int) -> int:
        return int(self.from_us + self.wait_ms * minute_us // 60_000)

    # -- telling -------------------------------------------------------------------------------------------------------

    def row(self, now_us: int, minute_us: int) -> list[Any]:
        """A slot_state of offload.cddl."""
        due_ms = max(0, self.due_us(minute_us) - now_us) // 1000 if self.state in LIVE else 0
        return [
            self.number, self.gen, int(self.state), self.close_reason, self.snd_una, self.snd_nxt, self.rcv_nxt, self.snd_wnd,
            self.tsval_last, self.ts_recent, _u32((now_us - self.last_rx_us) // 1000), _u32(due_ms), self.sent, self.acked,
            self.lost, self.peer_probes_answered, self.challenged, self.repeated, self.paws, 0, 0, 0, 0, NEVER_SENT_MS,
            self.owner, 0, self.next_hop_mac, 0,
        ]  # fmt: skip


def _u32(number: int) -> int:
    return min(max(0, number), 2**32 - 1)


def _text(address: bytes) -> str:
    return str(ipaddress.ip_address(address))
