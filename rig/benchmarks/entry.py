"""Standby entry with four connections: from the request to the moment the device speaks for the host."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rig.bench import Bench

APPS = ("one", "two")
CHANNELS_PER_APP = 2


def run(bench: Bench, rounds: int, progress: Callable[[int], None]) -> list[float]:
    """Enter and leave `rounds` times; the times of SLEEP_ENTER after POWER(entering_standby), ms."""
    for name in APPS:
        app = bench.host.start_app(name)
        for number in range(CHANNELS_PER_APP):
            arguments: dict[str, Any] = {"channel": f"channel-{number}", "host": bench.server.address, "port": bench.server.port}
            app.call("open_channel", minutes=1439, **arguments)
    times_ms = []
    for number in range(rounds):
        after = bench.timeline.mark()
        asleep = bench.host.enter_standby()
        begun = bench.timeline.wait("POWER", state="entering_standby", after=after)
        times_ms.append((asleep.t_ns - begun.t_ns) / 1e6)
        bench.host.exit_standby()
        progress(number + 1)
    return times_ms
