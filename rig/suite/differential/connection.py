"""A connection that was handed over: the variables of RFC 9293 3.3.1, RFC 7323 and RFC 5961 that judging needs."""

from __future__ import annotations

from dataclasses import dataclass, field

from rig.device.numbers import SlotFlag
from rig.device.tcp_slot import ALL_SLOT_FLAGS
from rig.suite.differential.sequence import HALF, MOD

DAY_US = 86_400 * 1_000_000
TS_VALID_US = {1000: 24 * DAY_US, 1_000_000: HALF}
"""By ticks a second: so long TS.Recent can be compared. RFC 7323 5.5: 24 days; of a clock of microseconds, half its round."""


@dataclass
class Connection:
    """As TcpSlot names them (rig/device/tcp_slot.py): windows in bytes, times in µs of the device's clock."""

    snd_una: int = 1000
    snd_nxt: int = 1000
    snd_wl1: int = 5000
    snd_wnd: int = 65535
    max_snd_wnd: int = 65535
    rcv_nxt: int = 5000
    rcv_wnd: int = 8192
    rcv_wup: int = 5000
    """Last.ACK.sent (RFC 7323 4.3): where the window of rcv_wnd bytes was promised."""
    snd_wscale: int = 0
    rcv_wscale: int = 0
    ts_on: bool = False
    ts_hz: int = 1000
    tsval: int = 0
    ts_recent: int = 0
    ts_recent_age_ms: int = 0
    flags: SlotFlag = field(default=ALL_SLOT_FLAGS)
    from_us: int = 0
    """When it was handed over; `tsval` was true then."""
    ts_recent_us: int = 0
    """When TS.Recent was taken."""
    broken: bool = False
    challenge_acks: int = 0
    dup_data: int = 0
    paws_drops: int = 0
    peer_ka_answered: int = 0

    def copy(self) -> Connection:
        """`dataclasses.replace` without its checks: there is one for each of a million segments."""
        other = object.__new__(Connection)
        other.__dict__.update(self.__dict__)
        return other

    def handed_over(self, now_us: int) -> None:
        self.from_us, self.ts_recent_us = now_us, now_us - self.ts_recent_age_ms * 1000

    @property
    def window(self) -> int:
        """RCV.WND: from RCV.NXT to the right edge that was promised; it never moves (RFC 9293 3.8.6)."""
        return max(0, self.rcv_wnd - (self.rcv_nxt - self.rcv_wup) % MOD)

    @property
    def window_field(self) -> int:
        """Rounded up: rounding down would take back what was promised (RFC 7323 2.3, EDGE-040)."""
        return min(0xFFFF, -(-self.window >> self.rcv_wscale))

    def tsval_at(self, now_us: int) -> int:
        return (self.tsval + (now_us - self.from_us) * self.ts_hz // 1_000_000) % MOD

    def ts_recent_is_valid(self, now_us: int) -> bool:
        return now_us - self.ts_recent_us <= TS_VALID_US[self.ts_hz]
