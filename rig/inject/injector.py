"""Sends frames that are ready as bytes, up to 100 Mbit/s of the shortest and beyond, with the time of every one."""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING

from rig.errors import UsageError
from rig.inject.batch import MAX_FRAMES, BatchSender

if TYPE_CHECKING:
    from rig.net.namespace import Namespace

MAX_BURST_S = 60.0
"""A burst keeps its thread busy; longer ones are a mistake in the test."""

SPIN_S = 0.0002
"""A sleep may come back this much late, so the rest before a frame's moment is spent looking at the clock."""

TICK_S = 0.0001
"""Frames that follow each other faster than this are sent a tick's at a time: 15 or more at 148,810 a second. Looking at the
clock between them would take a whole processor, which on a small machine the device needs."""


class Injector:
    """A raw socket of one interface. On a machine's own "eth0" a frame is as if that machine had sent it."""

    def __init__(self, sock: socket.socket) -> None:
        """Takes the socket over: `close()` closes it."""
        self._sock = sock
        self._sent: list[Sequence[bytes]] = []

    def has_sent(self, frame: bytes) -> bool:
        """Whether it was one of those that went out here."""
        return any(frame in some for some in self._sent)

    @classmethod
    def on(cls, namespace: Namespace, ifname: str = "eth0") -> Injector:
        return cls(namespace.packet_socket(ifname, receive=False))

    def send(self, frame: bytes) -> int:
        """Send one Ethernet frame. Returns the time just before it, CLOCK_MONOTONIC ns."""
        self._sent.append((frame,))
        t_ns = time.monotonic_ns()
        self._sock.send(frame)
        return t_ns

    def burst(self, frames: Sequence[bytes], interval_us: float = 0.0) -> list[int]:
        """Send frames, one every `interval_us` counted from the first. Returns the time before each, monotonic ns.

        A frame that is late is sent at once and shifts none behind it. Frames that are due together go out in one call, at most
        MAX_FRAMES, and have its time. With an interval below TICK_S those of a tick are sent together, at its end.
        Raises UsageError RIG-C02 above MAX_BURST_S.
        """
        if len(frames) * interval_us / 1e6 > MAX_BURST_S:
            raise UsageError("RIG-C02", f"a burst of {len(frames)} frames every {interval_us} µs lasts over {MAX_BURST_S} s")
        self._sent.append(frames)
        batch, interval_s = BatchSender(self._sock), interval_us / 1e6
        wait = _wait_until if interval_s >= TICK_S else _wait_a_tick
        start_s = time.monotonic()
        times_ns: list[int] = []
        while (at := len(times_ns)) < len(frames):
            if interval_s > 0:
                wait(start_s + at * interval_s)
            due = _due(time.monotonic() - start_s, interval_s, len(frames))
            end = min(max(due, at + 1), at + MAX_FRAMES)
            times_ns += [time.monotonic_ns()] * (end - at)
            batch.send(frames[at:end])
        return times_ns

    def close(self) -> None:
        self._sock.close()

    def __enter__(self) -> Injector:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def _wait_until(moment_s: float) -> None:
    """Pacing, not waiting for an effect: sleep most of the way, look at the clock for the rest."""
    while (left_s := moment_s - time.monotonic()) > 0:
        if left_s > SPIN_S:
            time.sleep(left_s - SPIN_S)


def _wait_a_tick(moment_s: float) -> None:
    """Until a tick after the moment of the first frame that is not sent yet, so that what is due then makes a batch."""
    left_s = moment_s + TICK_S - time.monotonic()
    if left_s > 0:
        time.sleep(left_s)


def _due(elapsed_s: float, interval_s: float, count: int) -> int:
    """Frames whose moment has come, of `count`."""
    return count if interval_s == 0 else min(count, int(elapsed_s / interval_s) + 1)
