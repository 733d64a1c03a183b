"""Standby entry with some connections: from the request to the moment the device speaks for the host, and how long of it
nobody does (edge case 91): from before the gate closes, with every connection frozen and handed over behind it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from rig.bench import Bench
from rig.benchmarks.apps import CHAT_APP

APPS = ("one", "two")


class Entries(NamedTuple):
    """One of each for every round, ms."""

    entry_ms: list[float]
    """SLEEP_ENTER after POWER(entering_standby)."""
    ownerless_ms: list[float]
    """SLEEP_ENTER after GATE_CLOSED."""


def run(bench: Bench, connections: int, rounds: int, progress: Callable[[int], None]) -> Entries:
    """Enter and leave `rounds` times, with half of the connections in each of two apps."""
    for name in APPS:
        app = bench.host.start_app(name, CHAT_APP)
        for number in range(connections // len(APPS)):
            arguments: dict[str, Any] = {"channel": f"channel-{number}", "host": bench.server.address, "port": bench.server.port}
            app.call("open_channel", minutes=1439, **arguments)
    times = Entries([], [])
    for number in range(rounds):
        after = bench.timeline.mark()
        asleep = bench.host.enter_standby()
        begun = bench.timeline.wait("POWER", state="entering_standby", after=after)
        closed = bench.timeline.find("GATE_CLOSED", after=after)[-1]
        times.entry_ms.append((asleep.t_ns - begun.t_ns) / 1e6)
        times.ownerless_ms.append((asleep.t_ns - closed.t_ns) / 1e6)
        bench.host.exit_standby()
        progress(number + 1)
    return times
