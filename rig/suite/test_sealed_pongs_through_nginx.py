"""Pongs that a WebSocket app has sealed ahead and the device sends, taken by nginx, and handed on by it. Skipped where it is not
installed: `rig doctor` names the command.
"""

from __future__ import annotations

import pytest
from websockets.frames import Opcode

from rig.clock import Clock
from rig.config import StandbyConfig
from rig.peers.authority import Flaw
from rig.peers.nginx import BEHIND
from rig.suite.programs import started
from rig.suite.websocket_scene import WebSocketScene

pytestmark = [
    pytest.mark.edge(22),
    pytest.mark.device_can(token_bytes=1),
    pytest.mark.bench_config(clock=Clock(20_000), standby=StandbyConfig(network_ka_retry_min=500, network_ka_probes=3)),
]
"""As test_sealed_pongs.py: a pong every 15 minutes of 20 ms."""

CYCLES, PONGS = 3, 2


def test_each_pong_comes_once_in_order_and_messages_between_them(sockets: WebSocketScene) -> None:
    with started(lambda: sockets.bench.peers.nginx(behind=sockets.server, flaw=Flaw.NONE)) as nginx:
        uri = nginx.url(f"{BEHIND}inbox", "ws")
        connection = sockets.registered(uri=uri, minutes=15, offload_keep_alive=True)
        for cycle in range(CYCLES):
            before = len(connection.received(Opcode.PONG))
            asleep = sockets.sleep()
            connection.wait_frame(Opcode.PONG, count=before + PONGS)
            assert not sockets.timeline.find("NIC_WAKE", after=asleep)
            if cycle % 2:
                sockets.message_and_run(connection, b"down %d" % cycle)
            sockets.host.exit_standby()
            sockets.ws.call("send", name="inbox", data=b"up %d" % cycle)
            assert connection.wait_frame(Opcode.BINARY, count=cycle + 1).payload == b"up %d" % cycle
        counters = [int.from_bytes(frame.payload, "little") for frame in connection.received(Opcode.PONG)]
        assert counters == list(range(len(counters)))
        assert connection.error is None
