"""Sleep and wake, over and over, on one connection: wake latency, integrity, and what the peer's kernel thought of it.

A round: the host sleeps; the server pushes a numbered message; the task runs with it; the host falls asleep again by
itself. Latency counts from the waking frame's kernel time stamp at the server's port of the switch to RUN_ENTER, the
first line of the task's Run.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from rig.bench import Bench
from rig.benchmarks.apps import CHAT_APP
from rig.net import counters
from rig.net.retransmission import KERNELS_OWN_MS
from rig.standby.app_handle import AppHandle
from rig.timeline import Record, Timeline

CHANNEL = "inbox"
ORDER = ("APP_RESUME", "READ_COMPLETE_ENTER", "READ_COMPLETE_EXIT", "RUN_ENTER")
ROUND_TIMEOUT_S = 10.0
ASIDE_S = 0.005
"""Until the first look for the end of a wake, and between two: a look would take a processor in the middle of it."""


@dataclass(frozen=True)
class Cycles:
    """What the rounds showed. `faults`: kernel counters of the peer that a clean handoff leaves alone, those that moved."""

    wake_latency_ms: list[float]
    delivered_once_in_order: bool
    faults: dict[str, int]
    out_of_order: int
    """Rounds in which the app was not resumed, the read not complete before Run began (CCT-030)."""


def run(
    bench: Bench, rounds: int, progress: Callable[[int], None], prepare: Callable[[AppHandle], object] = lambda _: None
) -> Cycles:
    """Run the rounds on a fresh bench. `prepare` has the app before the first. Raises TimelineTimeout when one does not end."""
    timeline, server = bench.timeline, bench.server
    bench.network.set_least_retransmission(KERNELS_OWN_MS)  # a wake that takes longer is a fault here
    app = bench.host.start_app("chat", CHAT_APP)
    app.call("open_channel", channel=CHANNEL, host=server.address, port=server.port, minutes=1439)
    connection = server.connection()
    prepare(app)
    bench.host.enter_standby()
    before = counters.read(bench.network.server)
    latencies_ms, out_of_order = [], 0
    for number in range(rounds):
        after, frames = timeline.mark(), bench.capture.mark(bench.network.topology.server.port)
        message = b"%08d;" % number
        connection.push(message)
        run_enter = wait_aside(timeline, after, kind="push")
        timeline.wait("SLEEP_ENTER", after=run_enter.seq, timeout_s=ROUND_TIMEOUT_S)
        out_of_order += not in_order(timeline.records(after))
        latencies_ms.append((run_enter.t_ns - _on_the_wire_ns(bench, message, frames)) / 1e6)
        progress(number + 1)
    after_counters = counters.read(bench.network.server)
    bench.host.exit_standby()
    received = b"".join(app.call("messages", channel=CHANNEL, timeout_s=30))
    wanted = b"".join(b"%08d;" % number for number in range(rounds))
    return Cycles(latencies_ms, received == wanted, counters.handoff_faults(before, after_counters), out_of_order)


def wait_aside(timeline: Timeline, after: int, **detail: Any) -> Record:
    """The RUN_ENTER of a wake that is under way, without taking a processor from it. Raises TimelineTimeout."""
    time.sleep(ASIDE_S)
    return timeline.wait("RUN_ENTER", after=after, timeout_s=ROUND_TIMEOUT_S, poll_s=ASIDE_S, **detail)


def in_order(records: Iterable[Record]) -> bool:
    """Whether the first of each came in the order that CCT-030 wants."""
    first = {record.event: record.seq for record in reversed(list(records))}
    seqs = [first.get(event, -1) for event in ORDER]
    return -1 not in seqs and seqs == sorted(seqs)


def _on_the_wire_ns(bench: Bench, message: bytes, after: int) -> int:
    port = bench.network.topology.server.port
    return bench.capture.wait_for(port, lambda frame: message in frame, after=after).t_ns
