"""Connections and segments by chance, mostly where one number more or less decides: at RCV.NXT, the window's right edge,
SND.UNA, SND.NXT, TS.Recent, half the number space away, and where numbers wrap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import TypeVar

from rig.device.numbers import SlotFlag, WakeReason
from rig.device.tcp_slot import ALL_SLOT_FLAGS
from rig.suite.differential.connection import DAY_US, Connection
from rig.suite.differential.judge import judge
from rig.suite.differential.outcome import Outcome
from rig.suite.differential.segment import ACK, CWR, ECE, FIN, PSH, RST, SYN, URG, Segment, timestamp_option
from rig.suite.differential.sequence import HALF, MOD
from rig.suite.differential.trial import Expected, Sleep, Step, Trial

T = TypeVar("T")

MOST_BYTES = 1400
"""Of a segment: with the longest options it fits into a frame of Ethernet."""
WINDOWS = (0, 0, 1, 2, 100, 536, 1399, 1400, 1401, 8192, 8192, 65_535, 1 << 20, 0xFFFF << 14)
AGES_MS = (0, 0, 0, 1, 24 * 86_400_000 - 60_000, 24 * 86_400_000 + 60_000, 30 * 86_400_000)
AGES_OF_MICROSECONDS_MS = (0, 0, 0, 1, 2_147_483 - 60_000, 2_147_483 + 60_000)
COMMON_FLAGS = (ACK,) * 8 + (ACK | PSH,) * 4 + (ACK | FIN, ACK | FIN | PSH, ACK | URG, RST, RST | ACK, SYN, SYN | ACK)
OTHER_OPTIONS = (
    b"\x01\x01\x01\x01",
    b"\x04\x02\x01\x01",
    b"\x02\x04\x05\xb4",
    b"\x01\x01\x05\x0a" + bytes(8),
    b"\xfd\x04ab",
    b"\x00\x08\x00\x01",
)
"""Nothing, SACK permitted, MSS, a block of SACK, one of RFC 4727, and an end of the list with nonsense behind it."""
MALFORMED_OPTIONS = (
    b"\x08\x00\x00\x00", b"\x02\x08\x00\x00", b"\x08\x09" + bytes(10), b"\x01\x01\x01\x08", b"\x05\x01\x00\x00",
    b"\x08\x0b" + bytes(10), b"\x01\x01\x01\xfd", b"\x22\x29\x00\x00",
)  # fmt: skip
"""Length 0, past the end, a timestamp of 9 and of 11, no room for a length, length 1."""
STEPS = 24
WAKES_TAKEN = 4
"""One of so many segments that wake: the trial, or the sleep of all connections, ends with it."""
NO_STEP, NOTHING = Step(0, Segment(0, 0, 0)), Outcome("nothing came yet")
SHORTEST_WAIT_US, LONGEST_WAIT_US = 150_000, 1_000_000
"""No limit of so many answers a second is reached."""


class Traffic:
    """`virtual`: time passes between segments, days at times; else none does. `strict`: nothing that the texts leave to the
    device."""

    def __init__(self, rng: Random, *, virtual: bool = True, strict: bool = False, wakes_taken: int = WAKES_TAKEN) -> None:
        self._wakes_taken = wakes_taken
        self._random = rng.random
        self._virtual = virtual
        self._strict = strict

    def trial(self, most_steps: int = STEPS) -> Trial:
        """Each segment is made for the connection as those before have left it. A wake, or a reset, ends the trial."""
        handed_over = self.connection()
        at, made = self._begun(handed_over), list[Step]()
        while len(made) < most_steps and not at.after.broken and at.outcome.wake is WakeReason.NONE:
            at = self._next(at)
            made.append(at.step)
        return Trial(handed_over, tuple(made))

    def sleep(self, connections: int, most_steps: int) -> Sleep:
        """Segments of several connections, in any order; each has `most_steps` at most."""
        handed_over = tuple(self.connection() for _ in range(connections))
        at, made = [self._begun(connection) for connection in handed_over], list[tuple[int, Segment]]()
        left = [most_steps] * connections
        while live := [number for number, one in enumerate(at) if left[number] and not one.after.broken]:
            number = self._pick(live)
            at[number] = self._next(at[number])
            left[number] -= 1
            made.append((number, at[number].step.segment))
            if at[number].outcome.wake is not WakeReason.NONE:
                break
        return Sleep(handed_over, tuple(made))

    def _begun(self, handed_over: Connection) -> Expected:
        connection = handed_over.copy()
        connection.handed_over(0)
        return Expected(NO_STEP, 0, connection, NOTHING, connection)

    def _next(self, last: Expected) -> Expected:
        while True:
            step, after = Step(self._wait_us(), self.segment(last.after)), last.after.copy()
            outcome = judge(after, step.segment, last.at_us + step.wait_us)
            wakes = outcome.wake is not WakeReason.NONE
            if not (wakes and not self._one_in(self._wakes_taken)) and not (self._strict and outcome.free):
                return Expected(step, last.at_us + step.wait_us, last.after, outcome, after)

    def _wait_us(self) -> int:
        if not self._virtual:
            return 0
        if self._one_in(60):
            return self._pick((23 * DAY_US, 24 * DAY_US, 24 * DAY_US + 1, HALF, HALF + 1))
        return self._between(SHORTEST_WAIT_US, LONGEST_WAIT_US)

    def _one_in(self, n: int) -> bool:
        return self._random() * n < 1

    def _below(self, n: int) -> int:
        """`randrange` and, below, `choice` in a third of their time: they are most of what a segment takes."""
        return int(self._random() * n)

    def _between(self, least: int, most: int) -> int:
        return least + self._below(most - least + 1)

    def _pick(self, things: Sequence[T]) -> T:
        return things[int(self._random() * len(things))]

    def _number(self) -> int:
        """A 32-bit number, often one close to where they wrap, to half way, or both ends of nothing."""
        return self._pick((self._below(MOD), self._below(MOD), 0, 1, (-self._below(3000)) % MOD, HALF - self._below(3000)))

    # -- connections ---------------------------------------------------------------------------------------------------------

    def connection(self) -> Connection:
        window, rcv_nxt, snd_una = self._pick(WINDOWS), self._number(), self._number()
        least = max(0, window.bit_length() - 16)  # a field of 16 bits
        scale = self._between(least, 14) if least or self._one_in(3) else 0
        unacknowledged = self._pick((0, 0, 0, 1, 5)) << scale
        window = min(window, (0xFFFF << scale) - unacknowledged)
        largest = self._pick((0, 10, 65_535, 65_535, 1 << 20))
        connection = Connection(
            snd_una=snd_una, snd_nxt=(snd_una + self._pick((0, 0, 0, 1, 100, 70_000))) % MOD,
            snd_wl1=(rcv_nxt - self._pick((0, 0, 1, 500))) % MOD, snd_wnd=self._pick((0, largest, largest)), max_snd_wnd=largest,
            rcv_nxt=rcv_nxt, rcv_wnd=(window >> scale << scale) + unacknowledged, rcv_wup=(rcv_nxt - unacknowledged) % MOD,
            snd_wscale=self._pick((0, 0, 2, 7, 14)), rcv_wscale=scale,
        )  # fmt: skip
        if not self._one_in(5):
            connection.flags = ALL_SLOT_FLAGS
        else:
            connection.flags = SlotFlag(self._below(32))
        return self._with_timestamps(connection) if self._random() < 0.6 else connection

    def _with_timestamps(self, connection: Connection) -> Connection:
        ts_hz = self._pick((1000, 1000, 1_000_000))
        ages_ms = AGES_MS if ts_hz == 1000 else AGES_OF_MICROSECONDS_MS
        return replace(
            connection,
            ts_on=True,
            ts_hz=ts_hz,
            tsval=self._number(),
            ts_recent=self._number(),
            ts_recent_age_ms=self._pick(ages_ms),
        )

    # -- segments ------------------------------------------------------------------------------------------------------------

    def segment(self, connection: Connection) -> Segment:
        length = self._length(connection)
        malformed = self._one_in(25)
        return Segment(
            seq=self._seq(connection, length), ack=self._ack(connection), flags=self._flags(),
            window=self._pick((0, 1, 1000, 1000, 65_535, self._below(65_536))), urgent=self._pick((0, 0, 0, 1, 65_535)),
            options=self._options(connection, malformed), length=length, reserved=self._pick((0, 0, 0, self._below(16))),
            data_offset=self._below(5) if malformed and self._one_in(3) else None,
        )  # fmt: skip

    def _length(self, connection: Connection) -> int:
        window = min(connection.window, MOST_BYTES)
        choices = (0, 0, 0, 0, 1, 1, 2, 5, window, window - 1, window + 1, self._below(MOST_BYTES))
        return min(MOST_BYTES, max(0, self._pick(choices)))

    def _seq(self, connection: Connection, length: int) -> int:
        """Its first byte, or the one behind its last, at or around a place that matters."""
        nxt = connection.rcv_nxt
        places = (nxt,) * 5 + (nxt + connection.window,) * 3 + (nxt + connection.window // 2, connection.rcv_wup, nxt + HALF)
        place = self._pick(places) if not self._one_in(20) else self._below(MOD)
        place += self._pick((0, 0, 0, 0, -1, -1, 1, self._between(-70, 70)))
        return (place - (length if self._one_in(3) else 0)) % MOD

    def _ack(self, connection: Connection) -> int:
        una, nxt = connection.snd_una, connection.snd_nxt
        if self._random() < 0.7:
            return self._pick((una, nxt))
        oldest = una - connection.max_snd_wnd
        places = (una - 1, una + 1, nxt + 1, nxt - 1, oldest, oldest - 1, una + HALF, nxt + HALF, 0, self._below(MOD))
        return self._pick(places) % MOD

    def _flags(self) -> int:
        more = self._pick((0,) * 8 + (ECE, CWR, ECE | CWR))
        return more | (self._pick(COMMON_FLAGS) if self._random() < 0.75 else self._below(64))

    def _options(self, connection: Connection, malformed: bool) -> bytes:
        stamped = self._random() < (0.92 if connection.ts_on else 0.2)
        options = timestamp_option(self._tsval(connection), self._below(MOD)) if stamped else b""
        if malformed:
            return self._pick((options, b"")) + self._pick(MALFORMED_OPTIONS)
        other = self._pick(OTHER_OPTIONS) if self._one_in(6) else b""
        return other + options if other[:1] != b"\0" and self._one_in(2) else options + other

    def _tsval(self, connection: Connection) -> int:
        news = (0, 0, 1, 1, 2, 1000, -1, -1, -1000, HALF, HALF - 1, HALF + 1, self._below(MOD))
        return (connection.ts_recent + self._pick(news)) % MOD
