"""Wake latency by transport: bytes on a plain stream, a TLS record, a WebSocket message, and one over TLS.

Each has an app, a server and a slot of its own, and all sleep and wake together on one bench, a round of each in turn: what the
machine does to one it does to all. A round is as those of cycles.py: from the kernel's time stamp of the waking frame at the
server's port of the switch to the first line of the task's Run.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from rig.bench import Bench
from rig.benchmarks.cycles import ROUND_TIMEOUT_S, wait_aside
from rig.inject.frames import tcp_fields
from rig.mac import mac_bytes
from rig.net.retransmission import KERNELS_OWN_MS
from rig.peers import PushServer
from rig.standby.app_handle import AppHandle

if TYPE_CHECKING:
    from rig.peers.websocket import WebSocketServer

APP = "rig.benchmarks.push_app:PushApp"


Servers: TypeAlias = "PushServer | WebSocketServer"


@dataclass(frozen=True)
class Kind:
    name: str
    """The figure's, without its unit."""
    websocket: bool
    tls: bool


PLAIN = Kind("wake_plain", websocket=False, tls=False)
KINDS = (
    PLAIN,
    Kind("wake_tls", websocket=False, tls=True),
    Kind("wake_websocket", websocket=True, tls=False),
    Kind("wake_websocket_tls", websocket=True, tls=True),
)


@dataclass(frozen=True)
class Latencies:
    """`ms`: by the kind's name, a time for each round."""

    ms: dict[str, list[float]]
    delivered_once_in_order: bool


def run(bench: Bench, rounds: int, progress: Callable[[int], None]) -> Latencies:
    """On a fresh bench. Raises TimelineTimeout when a round does not end."""
    bench.network.set_least_retransmission(KERNELS_OWN_MS)
    with ExitStack() as stack:
        channels = {kind: _opened(bench, kind, stack) for kind in KINDS}
        bench.host.enter_standby()
        ms: dict[str, list[float]] = {kind.name: [] for kind in KINDS}
        for number in range(rounds):
            for kind, (server, _app) in channels.items():
                ms[kind.name].append(_wake(bench, kind.name, server, _message(number)))
            progress(number + 1)
        bench.host.exit_standby()
        wanted = b"".join(map(_message, range(rounds)))
        received = [app.call("received", timeout_s=30) for _server, app in channels.values()]
    return Latencies(ms, received == [wanted] * len(KINDS))


def _opened(bench: Bench, kind: Kind, stack: ExitStack) -> tuple[Servers, AppHandle]:
    """The server, which has one connection, and the app."""
    name = bench.network.topology.server.name
    context = bench.authority.server_context(bench.server.address) if kind.tls else None
    server = bench.peers.websocket_server(name, tls=context) if kind.websocket else bench.peers.push_server(name, tls=context)
    stack.enter_context(server)
    app = bench.host.start_app(kind.name, APP)
    where: dict[str, Any] = {"channel": kind.name, "host": server.address, "port": server.port}
    assert app.call("open", **where, websocket=kind.websocket, tls=kind.tls), f"{kind.name} has no hardware slot"
    return server, app


def _message(number: int) -> bytes:
    return b"%08d;" % number


def _wake(bench: Bench, channel: str, server: Servers, message: bytes) -> float:
    after, frames = bench.timeline.mark(), bench.capture.mark(bench.network.topology.server.port)
    server.push(message)
    ran = wait_aside(bench.timeline, after, channel=channel)
    bench.timeline.wait("SLEEP_ENTER", after=ran.seq, timeout_s=ROUND_TIMEOUT_S)
    return (ran.t_ns - _on_the_wire_ns(bench, frames)) / 1e6


def _on_the_wire_ns(bench: Bench, after: int) -> int:
    """Of the first frame of the server's that carries data, whatever it is sealed in."""
    plan = bench.network.topology
    mac = mac_bytes(plan.server.mac)

    def carries_data(frame: bytes) -> bool:
        try:
            return frame[6:12] == mac and bool(tcp_fields(frame)[3])
        except ValueError:  # no TCP
            return False

    return bench.capture.wait_for(plan.server.port, carries_data, after=after).t_ns
