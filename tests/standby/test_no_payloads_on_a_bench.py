"""A host whose device takes no payload keep-alives, as simple ones do: it sleeps, and what the device would have sent in its own
name the keep-alive task sends, for which it wakes."""

from __future__ import annotations

from pathlib import Path

import pytest
from websockets.frames import Opcode

from rig.bench import Bench
from rig.clock import Clock
from rig.config import BenchConfig, StandbyConfig
from rig.net import userns
from rig.suite.websocket_scene import WebSocketScene

CONFIG = BenchConfig(
    device="reference", clock=Clock(50_000), standby=StandbyConfig(network_ka_retry_min=200, network_ka_probes=3)
)
MINUTES, CYCLES = 15, 2


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
def test_the_host_sleeps_and_the_task_keeps_the_channel_alive(tmp_path: Path, secure: bool) -> None:
    if not userns.privileged():
        pytest.skip(userns.refusal().cause)
    with Bench(CONFIG, tmp_path) as bench:
        assert bench.device.capabilities().token_bytes == 0
        tls = bench.authority.server_context(bench.server.address) if secure else None
        with bench.peers.websocket_server(tls=tls) as server:
            sockets = WebSocketScene(bench, server)
            connection = sockets.registered(minutes=MINUTES, offload_keep_alive=True)
            for _ in range(CYCLES):
                asleep = sockets.sleep()
                sent = sockets.timeline.wait("KA_TX", after=asleep)
                assert sockets.timeline.find("SLEEP_EXIT", after=asleep)[0].cause == "keep_alive_timer"
                sockets.timeline.wait("SLEEP_ENTER", after=sent.seq)
                sockets.host.exit_standby()
            assert connection.wait_frame(Opcode.PING, count=CYCLES).masked
            sockets.ws.call("send", name="inbox", data=b"up")
            assert connection.wait_frame(Opcode.TEXT, Opcode.BINARY).payload == b"up"
            assert connection.error is None
        assert not sockets.timeline.find("SLEEP_FAILED")
