"""Sends frames that are ready as bytes: some 5 µs each, with the time of every one."""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING

from rig.errors import UsageError

if TYPE_CHECKING:
    from rig.net.namespace import Namespace

MAX_BURST_S = 60.0
"""A burst keeps its thread busy; longer ones are a mistake in the test."""

SPIN_S = 0.0002
"""A sleep may come back this much late, so the rest before a frame's moment is spent looking at the clock."""


class Injector:
    """A raw socket of one interface. On a machine's own "eth0" a frame is as if that machine had sent it."""

    def __init__(self, sock: socket.socket) -> None:
        """Takes the socket over: `close()` closes it."""
        self._sock = sock

    @classmethod
    def on(cls, namespace: Namespace, ifname: str = "eth0") -> Injector:
        return cls(namespace.packet_socket(ifname, receive=False))

    def send(self, frame: bytes) -> int:
        """Send one Ethernet frame. Returns the time just before it, CLOCK_MONOTONIC ns."""
        t_ns = time.monotonic_ns()
        self._sock.send(frame)
        return t_ns

    def burst(self, frames: Sequence[bytes], interval_us: float = 0.0) -> list[int]:
        """Send frames, one every `interval_us` counted from the first. Returns the time before each, monotonic ns.

        A frame that is late is sent at once and shifts none behind it. Raises UsageError RIG-C02 above MAX_BURST_S.
        """
        if len(frames) * interval_us / 1e6 > MAX_BURST_S:
            raise UsageError("RIG-C02", f"a burst of {len(frames)} frames every {interval_us} µs lasts over {MAX_BURST_S} s")
        start_s = time.monotonic()
        times_ns = []
        for number, frame in enumerate(frames):
            _wait_until(start_s + number * interval_us / 1e6)
            times_ns.append(self.send(frame))
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
