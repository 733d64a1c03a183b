"""Very many sockets with the broker of one system: what the activation of one costs, the system's memory, and a new system that
takes them all up.

An activation counts from the peer's byte to RUN_ENTER. One after another, of sockets drawn at random, on a host that is awake;
the task takes the socket, reads it and gives it back, so that all are with the broker again before the next one.
"""

from __future__ import annotations

import os
import random
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from rig import open_files
from rig.bench import Bench
from rig.benchmarks.tasks import resident_mib
from rig.net.namespace import Namespace
from rig.standby.app_handle import AppHandle

APP = "rig.benchmarks.socket_app:SocketApp"
TASKS = {True: "out-of-process", False: "in-process"}
BATCH = 250
"""Connections that wait to be accepted by the peer, at most; its backlog holds more."""
BACKLOG = 1024
GIVE_TIMEOUT_S = 60.0
TIMEOUT_S = 10.0
RESTART_TIMEOUT_S = 60.0
WARM_S = 0.05
"""Between two activations: the process for the next one is forked when the last one is in nobody's way any more."""


@dataclass(frozen=True)
class SocketFigures:
    sockets: int
    alone_ms: dict[bool, list[float]]
    """As below, with one socket of each kind and no other: what the same machine takes for any activation."""
    out_of_process_ms: list[float]
    """From the peer's byte to RUN_ENTER, for each round."""
    in_process_ms: list[float]
    system_mib: float
    """Resident with all of them, what it shares with the process that it was forked from included."""
    restart_ms: float
    """From the system's SIGKILL to the RUN_ENTER for a byte that came while there was none."""


class Peers:
    """The other ends: nothing but sockets. Context manager."""

    def __init__(self, namespace: Namespace, address: str) -> None:
        self._listener = namespace.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
        self._listener.bind((address, 0))
        self._listener.listen(BACKLOG)
        self.address = address
        self.port: int = self._listener.getsockname()[1]
        self.ends: list[socket.socket] = []

    def accept(self, count: int) -> None:
        """Connections that are there."""
        for _ in range(count):
            sock, _address = self._listener.accept()
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.ends.append(sock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for sock in (self._listener, *self.ends):
            sock.close()


def measure(bench: Bench, count: int, rounds: int, progress: Callable[[str, int, int], None]) -> SocketFigures:
    """Two sockets at first, then all; half of them for a task of each kind. Raises TimelineTimeout when a task does not run,
    UsageError for more sockets than a process may have."""
    open_files.check_room(count, f"{count:,} sockets")
    open_files.allow_all()
    with Peers(bench.network.namespaces["server"], bench.server.address) as peers:
        app = bench.host.start_app("sockets", APP)
        ends: dict[bool, list[socket.socket]] = {}
        for out_of_process, task in TASKS.items():
            app.call("register", name=task, out_of_process=out_of_process)
            ends[out_of_process] = _given(app, task, 1, peers)
        draw = random.Random(count)

        def activations(out_of_process: bool) -> list[float]:
            def step(done: int) -> None:
                progress(f"activations {TASKS[out_of_process]}, {len(peers.ends):,} sockets", done, rounds)

            return _activations(bench, TASKS[out_of_process], lambda: draw.choice(ends[out_of_process]), rounds, step)

        alone = {out_of_process: activations(out_of_process) for out_of_process in TASKS}
        while (left := count - len(peers.ends)) > 0:
            out_of_process = len(ends[True]) <= len(ends[False])
            ends[out_of_process] += _given(app, TASKS[out_of_process], min(BATCH, left), peers)
            progress("sockets given", len(peers.ends), count)
        mib = resident_mib(bench.host.pid)
        out, inside = activations(True), activations(False)
        restart_ms = _restart_ms(bench, draw.choice(ends[True]))
    return SocketFigures(count, alone, out, inside, mib, restart_ms)


def _given(app: AppHandle, task: str, count: int, peers: Peers) -> list[socket.socket]:
    """The peer's ends of so many more."""
    first = len(peers.ends)
    app.call("give", task=task, first=first, count=count, host=peers.address, port=peers.port, timeout_s=GIVE_TIMEOUT_S)
    peers.accept(count)
    return peers.ends[first:]


def _activations(
    bench: Bench, task: str, draw: Callable[[], socket.socket], rounds: int, progress: Callable[[int], None]
) -> list[float]:
    times_ms = []
    for number in range(rounds):
        after = bench.timeline.mark()
        sent_ns = time.monotonic_ns()
        draw().send(b"x")
        ran = bench.timeline.wait("RUN_ENTER", task=task, after=after, timeout_s=TIMEOUT_S)
        bench.timeline.wait("TASK_END", task=task, after=ran.seq, timeout_s=TIMEOUT_S)
        times_ms.append((ran.t_ns - sent_ns) / 1e6)
        time.sleep(WARM_S)  # no effect is waited for: the next activation finds what the last one found
        progress(number + 1)
    return times_ms


def _restart_ms(bench: Bench, end: socket.socket) -> float:
    after = bench.timeline.mark()
    killed_ns = time.monotonic_ns()
    os.kill(bench.host.pid, signal.SIGKILL)
    end.send(b"x")
    ran = bench.timeline.wait("RUN_ENTER", task=TASKS[True], after=after, timeout_s=RESTART_TIMEOUT_S)
    return (ran.t_ns - killed_ns) / 1e6
