"""The device's keep-alives and an app that is stopped in the middle of what it writes. Nothing is queued in the kernel, which has
sent all that it got: the host sleeps. A ping of the device's would stand inside the app's frame; so TCP's own probes keep the
connection until the app goes on.
"""

from __future__ import annotations

import socket

import pytest
from websockets.frames import Opcode

from rig.bench import Bench
from rig.clock import WAIT_S, Clock, Deadline
from rig.config import StandbyConfig
from rig.device.offload import OffloadClient
from rig.net.tcp_info import queued_bytes
from rig.peers.websocket import WebSocketConnection
from rig.suite.ping_protocols import WebSocketEnd
from rig.suite.scene import Scene
from rig.suite.websocket_scene import KINDS, WebSocketScene

STANDBY = StandbyConfig(network_ka_retry_min=500, network_ka_probes=3)
pytestmark = [
    pytest.mark.edge(22),
    pytest.mark.device_can(token_bytes=1),
    pytest.mark.bench_config(clock=Clock(20_000), standby=STANDBY),
]
"""As test_payload_keep_alive.py: a frame every 15 minutes of 20 ms. The channel's own keep-alive task is due in a day: it would
wait behind what the app writes, and an app is not stopped over a task."""

MUCH_BYTES = 16 << 20
"""More than the kernels take for a server that does not read."""
BEGUN_BYTES = 1 << 16
"""In the middle of it, certainly."""


def wait_kept_alive(device: OffloadClient) -> None:
    """By whatever the device sends."""
    deadline = Deadline(WAIT_S)
    while (slot := device.slots()[0]).ka_acked + slot.payloads_sent == 0:
        assert not deadline.expired, f"{slot.ka_sent} probes were sent, none was answered"
        deadline.pause()


def stop_half_way(sockets: WebSocketScene, connection: WebSocketConnection) -> None:
    """The app is stopped between two pieces of one frame; the server reads all that the kernel has taken of it."""
    connection.stop_reading()
    sockets.ws.call("begin_big", name="inbox", size_bytes=MUCH_BYTES)
    deadline = Deadline(WAIT_S)
    while queued_bytes(connection.sock)[0] < BEGUN_BYTES:
        assert not deadline.expired, "the message does not come"
        deadline.pause()
    sockets.ws.suspend()
    connection.go_on_reading()


@pytest.mark.bench_config(clock=Clock(60_000), standby=STANDBY)  # a server that has read so much may be late for three pings
@pytest.mark.wakes("TCP_FIN", "TCP_RST")  # the server goes while the host sleeps
@pytest.mark.parametrize("kind", KINDS)
def test_a_frame_of_many_pieces_goes_on_where_it_was(bench: Bench, kind: str) -> None:
    """The pings begin again behind it."""
    with bench.peers.websocket_server() as server:
        sockets = WebSocketScene(bench, server)
        connection = sockets.registered(kind=kind, offload_keep_alive=True)
        stop_half_way(sockets, connection)
        asleep = sockets.sleep()
        wait_kept_alive(sockets.device)
        assert not sockets.timeline.find("NIC_WAKE", after=asleep)
        sockets.host.exit_standby()
        sockets.ws.resume()
        assert connection.wait_frame(Opcode.BINARY, timeout_s=60).payload == bytes(MUCH_BYTES)
        sockets.sleep()
        connection.wait_frame(Opcode.PING, count=len(connection.received(Opcode.PING)) + 2)
        assert connection.error is None


def test_an_app_may_cork_its_socket_around_a_message_of_several_writes(scene: Scene) -> None:
    connection = scene.open_hardware()
    connection.responder = end = WebSocketEnd()
    scene.app.call("send", channel="inbox", data=end.greeting())
    scene.app.call("set_ping", channel="inbox", protocol="websocket")
    message = end.up(b"up")
    scene.app.call("set_option", channel="inbox", level=socket.IPPROTO_TCP, option=socket.TCP_CORK, value=1)
    scene.app.call("send", channel="inbox", data=message[:3])
    scene.sleep()
    wait_kept_alive(scene.device)
    scene.host.exit_standby()
    scene.app.call("send", channel="inbox", data=message[3:])
    scene.app.call("set_option", channel="inbox", level=socket.IPPROTO_TCP, option=socket.TCP_CORK, value=0)
    end.wait("messages", 1)
    assert end.messages == [b"up"]
    assert end.pings == []
    scene.sleep()
    end.wait("pings", 2)
