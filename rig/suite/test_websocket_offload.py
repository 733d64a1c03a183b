"""The rig's extension: the device sends a WebSocket channel's keep-alives while the host sleeps, and the keep-alive task wakes it
for none. Without it (test_websocket_keep_alive.py) each interval is a wake.
"""

from __future__ import annotations

import os
import signal
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from websockets.frames import Opcode

from rig.bench import Bench
from rig.clock import Clock
from rig.config import StandbyConfig
from rig.suite.websocket_scene import WebSocketScene

pytestmark = [
    pytest.mark.edge(22),
    pytest.mark.bench_config(clock=Clock(20_000), standby=StandbyConfig(network_ka_retry_min=500, network_ka_probes=3)),
]
"""As test_payload_keep_alive.py: a frame every 15 minutes of 20 ms."""

MINUTES = 15
FRAMES, CYCLES = 4, 3
CONTROL = (Opcode.PING, Opcode.PONG)
UNHURRIED = pytest.mark.bench_config(clock=Clock(60_000))
"""Where the task wakes the host each time: a slow device needs a part of 300 ms to fall asleep."""


@contextmanager
def scene_of(bench: Bench, secure: bool, newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> Iterator[WebSocketScene]:
    tls = bench.authority.server_context(bench.server.address, newest=newest) if secure else None
    with bench.peers.websocket_server(tls=tls) as server:
        yield WebSocketScene(bench, server)


@pytest.mark.parametrize("kind", ["stream", "message"])
@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
@pytest.mark.device_can(token_bytes=1)
def test_asleep_the_device_sends_them_and_nothing_wakes_the_host(bench: Bench, secure: bool, kind: str) -> None:
    """Over many sleeps, with messages both ways between them. The server takes every frame as a WebSocket's."""
    with scene_of(bench, secure) as sockets:
        connection = sockets.registered(kind=kind, minutes=MINUTES, offload_keep_alive=True)
        for cycle in range(CYCLES):
            before = len(connection.received(*CONTROL))
            asleep = sockets.sleep()
            frame = connection.wait_frame(*CONTROL, count=before + FRAMES)
            assert frame.opcode == (Opcode.PONG if secure else Opcode.PING)
            assert frame.masked
            assert not sockets.timeline.find("NIC_WAKE", after=asleep)
            assert not sockets.timeline.find("RUN_ENTER", after=asleep)
            sockets.message_and_run(connection, b"down %d" % cycle)
            sockets.host.exit_standby()
            sockets.ws.call("send", name="inbox", data=b"up %d" % cycle)
            assert connection.wait_frame(Opcode.TEXT, Opcode.BINARY, count=cycle + 1).payload == b"up %d" % cycle
        assert connection.error is None
        sockets.ws.call("close", name="inbox")
        connection.wait_closed()
        assert connection.close_code == 1000


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
def test_awake_the_task_sends_them_as_ever(bench: Bench, secure: bool) -> None:
    """The negative control: it is connected standby alone that is left to the device."""
    with scene_of(bench, secure) as sockets:
        connection = sockets.registered(minutes=MINUTES, offload_keep_alive=True)
        sockets.timeline.wait("KA_TX", count=2)
        assert connection.wait_frame(*CONTROL, count=2).opcode == Opcode.PING
        assert not sockets.timeline.find("RUN_ENTER", kind="push")


@UNHURRIED
@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
def test_without_the_extension_each_interval_wakes_the_host(bench: Bench, secure: bool) -> None:
    """The other negative control."""
    with scene_of(bench, secure) as sockets:
        sockets.registered(minutes=MINUTES)
        asleep = sockets.sleep()
        woke = sockets.timeline.wait("SLEEP_EXIT", cause="keep_alive_timer", count=2, after=asleep)
        sockets.timeline.wait("RUN_EXIT", kind="keepalive", after=woke.seq)


@UNHURRIED
def test_in_tls_that_cannot_be_sealed_ahead_the_task_goes_on(bench: Bench) -> None:
    with scene_of(bench, True, newest=ssl.TLSVersion.TLSv1_2) as sockets:
        connection = sockets.registered(minutes=MINUTES, offload_keep_alive=True)
        asleep = sockets.sleep()
        sockets.timeline.wait("RUN_EXIT", kind="keepalive", count=2, after=asleep)
        assert connection.wait_frame(*CONTROL, count=2).opcode == Opcode.PING


@pytest.mark.device_can(token_bytes=1)
def test_a_system_that_dies_and_comes_again_leaves_them_to_the_device(bench: Bench) -> None:
    with scene_of(bench, False) as sockets:
        connection = sockets.registered(minutes=MINUTES, offload_keep_alive=True)
        sockets.sleep()
        connection.wait_frame(Opcode.PING)
        after = sockets.timeline.mark()
        os.kill(sockets.host.pid, signal.SIGKILL)
        sockets.timeline.wait("SYSTEM_STARTED", after=after)
        asleep, before = sockets.timeline.mark(), len(connection.received(Opcode.PING))
        connection.wait_frame(Opcode.PING, count=before + FRAMES)
        assert not sockets.timeline.find("RUN_ENTER", kind="keepalive", after=asleep)
        sockets.message_and_run(connection, b"to the new system")
        assert connection.error is None
