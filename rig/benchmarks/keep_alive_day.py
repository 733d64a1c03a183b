"""Hours of connected standby in which nothing comes: what keeping WebSocket channels alive costs in wakes, by the task that the
platform has for it, and by the device (an extension of the rig's), plain and over TLS.

The channels connect at other times than each other, as apps do: their keep-alives fall all over the interval. At the end each
still carries a message, which over TLS says that no record was lost, doubled or out of its order.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from websockets.frames import Opcode

from rig.bench import Bench
from rig.benchmarks.day import HOURS_A_DAY, MINUTES_AN_HOUR, awake_ms
from rig.clock import WAIT_S, Clock
from rig.config import BenchConfig, StandbyConfig
from rig.peers.websocket import WebSocketConnection
from rig.standby.app_handle import AppHandle
from rig.timeline import Record

MINUTE_US = 90_000
"""A day in 130 s. A keep-alive of the task's keeps a busy machine awake for some 25 ms: on a faster clock those of other channels
would fall into the same wake, and there would be fewer."""
CHANNELS = 16
INTERVAL_MIN = 15
RETRY_MIN = 10.0
"""Between unanswered keep-alives: 900 ms of real time, in which a busy machine's server answers, too."""
APP = "rig.benchmarks.web_socket_app:WebSocketsApp"


@dataclass(frozen=True)
class Way:
    name: str
    secure: bool
    offloaded: bool


WAYS = (
    Way("plain, by the task", secure=False, offloaded=False),
    Way("plain, by the device", secure=False, offloaded=True),
    Way("tls, by the task", secure=True, offloaded=False),
    Way("tls, by the device", secure=True, offloaded=True),
)


@dataclass(frozen=True)
class KeptAlive:
    """What the hours showed."""

    way: str
    hours: float
    wakes: int
    """All of them, by the device and by the host's own timers."""
    wakes_by_reason: dict[str, int]
    tasks: int
    frames: int
    """Pings and pongs of the client's that the servers took."""
    fewest_frames: int
    """On one channel."""
    awake_ms: float
    """Real time."""
    broken: int
    """Channels that do not carry a message at the end."""

    @property
    def wakes_a_day(self) -> float:
        return round(self.wakes * HOURS_A_DAY / self.hours, 1)

    @property
    def right(self) -> bool:
        """Every channel alive, and a frame for each interval but one at each end."""
        return self.broken == 0 and self.fewest_frames >= self.hours * MINUTES_AN_HOUR / INTERVAL_MIN - 2


def config(device: str) -> BenchConfig:
    standby = StandbyConfig(
        hw_slots_total=CHANNELS,
        hw_slots_per_app=CHANNELS,
        network_ka_initial_min=INTERVAL_MIN,
        network_ka_retry_min=RETRY_MIN,
    )
    return BenchConfig(device=device, clock=Clock(MINUTE_US), standby=standby)


def run(bench: Bench, way: Way, hours: float, progress: Callable[[int], None]) -> KeptAlive:
    """On a fresh bench of `config`. Raises what the host and the timeline raise."""
    context = bench.authority.server_context(bench.server.address) if way.secure else None
    with bench.peers.websocket_server(tls=context) as server:
        app = bench.host.start_app("sockets", APP)
        names = [f"socket-{number}" for number in range(CHANNELS)]
        for name in names:
            assert app.call("open", channel=name, uri=server.url(), minutes=INTERVAL_MIN, offload=way.offloaded)
            time.sleep(bench.config.clock.minutes_s(INTERVAL_MIN / CHANNELS))  # the schedule itself: nothing is waited for
        before = [_frames(connection) for connection in server.connections]
        bench.host.enter_standby()
        entered = bench.timeline.mark()
        _live(bench, hours, progress)
        records = bench.timeline.records(entered)
        frames = [_frames(connection) - old for connection, old in zip(server.connections, before, strict=True)]
        bench.host.exit_standby()
        broken = sum(not _carries(app, name, connection) for name, connection in zip(names, server.connections, strict=True))
        app.close_by_user()  # before its servers go
    return _kept_alive(way, hours, records, frames, broken)


def _live(bench: Bench, hours: float, progress: Callable[[int], None]) -> None:
    for hour in range(1, round(hours) + 1):
        time.sleep(bench.config.clock.minutes_s(MINUTES_AN_HOUR * hours / round(hours)))  # the schedule itself
        progress(hour)


def _frames(connection: WebSocketConnection) -> int:
    return len(connection.received(Opcode.PING, Opcode.PONG))


def _carries(app: AppHandle, name: str, connection: WebSocketConnection) -> bool:
    """A message up, behind whatever was sealed before it; nothing has come down."""
    if name in app.call("over"):
        return False
    app.call("say", channel=name, data=name.encode())
    try:
        return connection.wait_frame(Opcode.BINARY, timeout_s=WAIT_S).payload == name.encode()
    except AssertionError:
        return False


def _kept_alive(way: Way, hours: float, records: list[Record], frames: list[int], broken: int) -> KeptAlive:
    return KeptAlive(
        way=way.name,
        hours=hours,
        wakes=sum(record.event == "SLEEP_EXIT" for record in records),
        wakes_by_reason=dict(Counter(str(record.cause) for record in records if record.event == "SLEEP_EXIT")),
        tasks=sum(record.event == "RUN_ENTER" for record in records),
        frames=sum(frames),
        fewest_frames=min(frames),
        awake_ms=awake_ms(records),
        broken=broken,
    )
