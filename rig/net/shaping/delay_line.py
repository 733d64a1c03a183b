"""One direction of a shaped cable, without sockets or a clock: frames go in, and come out when they are due."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator

from rig.net.shaping.shape import Passed, Shape


class DelayLine:
    """Frames keep their order, whatever the jitter. Times are ns of any clock that never goes back."""

    def __init__(self, seed: int) -> None:
        """`seed`: of the chance by which frames are lost and of their jitter; the n-th frame is lost in each run, or in none."""
        self.shape = Shape()
        self._chance = random.Random(seed)
        self._waiting: deque[tuple[int, bytes]] = deque()
        self._last_ns = 0
        self._frames = self._bytes = self._lost = 0

    def put(self, frame: bytes, now_ns: int) -> None:
        """A rate counts when a frame leaves, as with netem: what is lost takes no time on the cable."""
        shape = self.shape
        if shape.loss_percent and self._chance.random() * 100 < shape.loss_percent:
            self.lose()
            return
        if len(self._waiting) >= shape.limit_frames:
            self.lose()
            return
        delay_ms = shape.delay_ms
        if shape.jitter_ms:
            delay_ms += self._chance.uniform(-shape.jitter_ms, shape.jitter_ms)
        due_ns = max(now_ns + round(delay_ms * 1e6), self._last_ns)
        if shape.rate_kbit:
            due_ns += len(frame) * 8_000_000 // shape.rate_kbit
        self._last_ns = due_ns
        self._waiting.append((due_ns, frame))

    @property
    def next_ns(self) -> int | None:
        """When the next is due; None: nothing waits."""
        return self._waiting[0][0] if self._waiting else None

    def due(self, now_ns: int) -> Iterator[bytes]:
        """Those that come out by now, in order. Whoever takes one says `passed_on`, or `lose`."""
        while self._waiting and self._waiting[0][0] <= now_ns:
            yield self._waiting.popleft()[1]

    def flush(self) -> Iterator[bytes]:
        """All that wait, at once: the cable is a plain one from now on."""
        while self._waiting:
            yield self._waiting.popleft()[1]
        self._last_ns = 0

    def passed_on(self, frame: bytes) -> None:
        self._frames += 1
        self._bytes += len(frame)

    def lose(self) -> None:
        self._lost += 1

    @property
    def passed(self) -> Passed:
        return Passed(self._frames, self._bytes, self._lost)
