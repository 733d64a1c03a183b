"""Keep-alives over TLS that a device without keys sends: records that the app's process has sealed ahead. The server's own TLS is
the judge: it ends the connection at the first record out of its order.
"""

from __future__ import annotations

import os
import re
import signal
import ssl
import struct
from collections.abc import Iterator

import pytest

from rig.clock import Clock
from rig.config import StandbyConfig
from rig.device.payload import TOKENS_BYTES
from rig.peers import PushConnection, PushServer
from rig.peers.secured import SecuredStream
from rig.standby.api import ControlChannelTriggerStatus as Status
from rig.standby.api import HostError, HResult
from rig.standby.app_handle import AppHandle
from rig.suite.scene import Scene

pytestmark = [
    pytest.mark.edge(22),
    pytest.mark.bench_config(clock=Clock(20_000), standby=StandbyConfig(network_ka_retry_min=500, network_ka_probes=3)),
]
"""As test_payload_keep_alive.py: a pong every 15 minutes of 20 ms."""

TLS_APP = "rig.suite.tls_chat_app:TlsChatApp"
CYCLES = 5
NOTICE_S = 10.0
"""As in test_device_restart: the host asks after a second of silence."""
AHEAD = TOKENS_BYTES // 32
"""Records for one sleep."""
FRAME = re.compile(rb"(?s)\x8a\x84(.{4})(.{4})|<(up \d+)>")
"""A masked pong of four bytes (RFC 6455 section 5.2), or what the app writes itself."""


class Server:
    """The server's end of the channel; `fault` is what its TLS has against what came."""

    def __init__(self, scene: Scene, app: AppHandle, server: PushServer) -> None:
        before = len(server.connections)
        assert scene.open(app=app, server=server) is Status.HARDWARE_SLOT_ALLOCATED
        self.connection: PushConnection = server.connection(before)
        assert isinstance(self.connection.stream, SecuredStream)
        self.stream: SecuredStream = self.connection.stream
        self.stream.wait_open()  # what ends the handshake would wake a host that sleeps already

    @property
    def fault(self) -> ssl.SSLError | None:
        return self.stream.error

    def wait_pongs(self, count: int) -> None:
        """With nothing between them but them and what the app writes."""
        self.connection.wait_received(10 * count + sum(len(up) + 2 for up in self.said[1]))

    @property
    def said(self) -> tuple[list[int], list[bytes]]:
        """Counters of the pongs, and the app's words. Raises AssertionError for anything else between them."""
        received = self.connection.received
        frames = list(FRAME.finditer(received))
        assert sum(len(frame.group()) for frame in frames) == len(received), received
        pongs = [frame for frame in frames if frame[1] is not None]
        counters = [struct.unpack("<I", bytes(a ^ b for a, b in zip(frame[1], frame[2], strict=True)))[0] for frame in pongs]
        return counters, [frame[3] for frame in frames if frame[3] is not None]


@pytest.fixture
def app(scene: Scene) -> AppHandle:
    return scene.host.start_app("chat", TLS_APP)


@pytest.fixture
def server(scene: Scene, app: AppHandle) -> Iterator[Server]:
    context = scene.bench.authority.server_context(scene.bench.server.address)
    with scene.bench.peers.push_server(tls=context) as server:
        yield Server(scene, app, server)


def sleep_through(scene: Scene, server: Server, pongs: int) -> None:
    """Asleep until so many more pongs have come, without a wake. A next one may be on its way."""
    before = len(server.said[0])
    after = scene.sleep()
    server.wait_pongs(before + pongs)
    assert not scene.timeline.find("NIC_WAKE", after=after)


def write(app: AppHandle, server: Server, number: int) -> None:
    """The app's words come behind all that was sealed before them."""
    app.call("send", channel="inbox", data=b"<up %d>" % number)
    server.connection.wait_received(len(server.connection.received.partition(b"<up %d>" % number)[0]) + 1)
    wait_said(server, number + 1)


def wait_said(server: Server, count: int) -> None:
    with server.connection._changed:
        assert server.connection._changed.wait_for(lambda: len(server.said[1]) >= count, 10), server.connection.received


def assert_in_step(server: Server, writes: int) -> None:
    pongs, words = server.said
    assert server.fault is None
    assert pongs == list(range(len(pongs)))
    assert words == [b"up %d" % number for number in range(writes)]


@pytest.mark.device_can(token_bytes=1)
def test_over_many_sleeps_each_record_comes_once_in_its_order(scene: Scene, app: AppHandle, server: Server) -> None:
    """Every second time woken by the server."""
    app.call("pong_ahead", channel="inbox")
    for cycle in range(CYCLES):
        sleep_through(scene, server, 2)
        if cycle % 2:
            scene.push_and_run(server.connection, b"down %d" % cycle)
        scene.host.exit_standby()
        write(app, server, cycle)
    assert_in_step(server, CYCLES)
    assert len(server.said[0]) > CYCLES * 2
    assert app.call("ping_state", channel="inbox")["sent"] == len(server.said[0])


@pytest.mark.device_can(token_bytes=1)
def test_what_is_not_flushed_before_the_next_record_ends_the_connection(scene: Scene, app: AppHandle, server: Server) -> None:
    """The negative control: of the records that were sealed the server never gets those that the device has not sent."""
    app.call("pong_ahead", channel="inbox")
    sleep_through(scene, server, 2)
    scene.host.exit_standby()
    app.call("forget_what_was_not_sent", channel="inbox")
    app.call("send", channel="inbox", data=b"<up 0>")
    server.connection.wait_closed()
    assert "BAD_RECORD_MAC" in str(server.fault) or "bad record mac" in str(server.fault)


@pytest.mark.device_can(token_bytes=1)
def test_sleeps_without_a_write_go_on_where_the_last_one_was(scene: Scene, app: AppHandle, server: Server) -> None:
    app.call("pong_ahead", channel="inbox")
    for _ in range(CYCLES):
        sleep_through(scene, server, 1)
        scene.host.exit_standby()
    write(app, server, 0)
    assert_in_step(server, 1)


@pytest.mark.device_can(token_bytes=1)
def test_a_wake_for_another_app_leaves_them_where_they_are(scene: Scene, app: AppHandle, server: Server) -> None:
    app.call("pong_ahead", channel="inbox")
    other = scene.start_app("other")
    connection = scene.open_hardware("mail", app=other)
    sleep_through(scene, server, 1)
    for _ in range(2):
        after = scene.timeline.mark()
        scene.push_and_run(connection, b"for the other", "mail")
        scene.timeline.wait("SLEEP_ENTER", after=after)
        assert not scene.timeline.find("APP_RESUME", app="chat", after=after)
        before = len(server.said[0])
        server.wait_pongs(before + 1)
    scene.host.exit_standby()
    write(app, server, 0)
    assert_in_step(server, 1)


@pytest.mark.device_can(token_bytes=1)
def test_when_they_are_used_up_new_ones_are_sealed_without_the_apps_code(scene: Scene, app: AppHandle, server: Server) -> None:
    app.call("pong_ahead", channel="inbox")
    after = scene.sleep()
    wake = scene.timeline.wait("NIC_WAKE", after=after, timeout_s=20)
    assert (wake.reason, len(server.said[0])) == ("NO_MORE_TOKENS", AHEAD)
    scene.timeline.wait("SLEEP_ENTER", after=wake.seq)
    server.wait_pongs(AHEAD + 2)
    scene.host.exit_standby()
    write(app, server, 0)
    assert_in_step(server, 1)


@pytest.mark.device_can(token_bytes=1)
def test_when_the_app_has_to_make_more_its_keep_alive_task_does(scene: Scene, app: AppHandle, server: Server) -> None:
    """Masks, which nobody else may make up."""
    app.call("pong_ahead", channel="inbox", masks=2)
    after = scene.sleep()
    wake = scene.timeline.wait("NIC_WAKE", after=after, timeout_s=20)
    assert (wake.reason, server.said[0]) == ("NO_MORE_TOKENS", [0, 1])
    scene.timeline.wait("RUN_EXIT", kind="keepalive", after=wake.seq)
    scene.host.exit_standby()
    app.call("pong_ahead", channel="inbox", masks=64, start=2)
    sleep_through(scene, server, 2)
    scene.host.exit_standby()
    write(app, server, 0)
    assert_in_step(server, 1)


@pytest.mark.device_can(token_bytes=1)
def test_the_systems_death_loses_none_of_them(scene: Scene, app: AppHandle, server: Server) -> None:
    app.call("pong_ahead", channel="inbox")
    sleep_through(scene, server, 1)
    after = scene.timeline.mark()
    os.kill(scene.host.pid, signal.SIGKILL)
    scene.timeline.wait("SYSTEM_STARTED", after=after)
    server.wait_pongs(len(server.said[0]) + 1)
    scene.host.exit_standby()
    write(app, server, 0)
    sleep_through(scene, server, 1)
    scene.host.exit_standby()
    write(app, server, 1)
    assert_in_step(server, 2)


@pytest.mark.device_can(token_bytes=1)
def test_the_drivers_death_loses_none_of_them(scene: Scene, app: AppHandle, server: Server) -> None:
    app.call("pong_ahead", channel="inbox")
    sleep_through(scene, server, 1)
    os.kill(scene.host.driver_pid, signal.SIGKILL)
    server.wait_pongs(len(server.said[0]) + 1)
    scene.host.exit_standby()
    write(app, server, 0)
    assert_in_step(server, 1)


@pytest.mark.device_can(token_bytes=1)
def test_a_device_that_restarts_costs_the_connection_and_no_wrong_record_is_sent(
    scene: Scene, app: AppHandle, server: Server
) -> None:
    """Nobody knows what it had sent. Nor can the server be told: what the host says is old to its kernel."""
    app.call("pong_ahead", channel="inbox")
    sleep_through(scene, server, 1)
    after = scene.timeline.mark()
    scene.bench.microcontroller.reset()
    scene.timeline.wait("RESUME_REQUIRED", after=after, timeout_s=NOTICE_S)
    scene.timeline.wait("TASK_DATA", closed=True, after=after)
    scene.host.exit_standby()
    assert app.call("messages", channel="inbox")[-1] == b""
    with pytest.raises(HostError):
        app.call("send", channel="inbox", data=b"<up 0>")
    app.call("close_channel", channel="inbox")
    assert_in_step(server, 0)


@pytest.mark.device_can(token_bytes=1)
def test_a_close_comes_behind_what_was_sealed(scene: Scene, app: AppHandle, server: Server) -> None:
    app.call("pong_ahead", channel="inbox")
    sleep_through(scene, server, 1)
    scene.host.exit_standby()
    app.call("close_channel", channel="inbox")
    server.connection.wait_closed()
    assert_in_step(server, 0)
    assert len(server.said[0]) == AHEAD


@pytest.mark.device_can(token_bytes=1)
def test_pongs_that_are_set_no_more_are_flushed_and_none_follows(scene: Scene, app: AppHandle, server: Server) -> None:
    app.call("pong_ahead", channel="inbox")
    sleep_through(scene, server, 1)
    scene.host.exit_standby()
    app.call("pong_no_more", channel="inbox")
    server.wait_pongs(AHEAD)
    after = scene.sleep()
    scene.assert_no_wake(after)
    scene.host.exit_standby()
    write(app, server, 0)
    assert_in_step(server, 1)
    assert len(server.said[0]) == AHEAD


@pytest.mark.parametrize(
    "keep_alive", [{"data": b"\xc0\0", "reply": b"\xd0\0"}, {"data": bytes(11)}], ids=["an answer", "too long"]
)
@pytest.mark.device_can(token_bytes=1)
def test_what_cannot_be_sealed_ahead_is_refused(
    scene: Scene, app: AppHandle, server: Server, keep_alive: dict[str, bytes]
) -> None:
    with pytest.raises(HostError) as refused:
        app.call("set_keep_alive", channel="inbox", timeout_s=10.0, **keep_alive)
    assert refused.value.hresult is HResult.INVALID_ARG


@pytest.mark.device_can(token_bytes=1)
def test_another_keep_alive_of_up_to_ten_bytes_is_sealed_as_well(scene: Scene, app: AppHandle, server: Server) -> None:
    app.call("set_keep_alive", channel="inbox", timeout_s=10.0, data=b"<up 0>")
    scene.sleep()
    with server.connection._changed:
        assert server.connection._changed.wait_for(lambda: server.connection.received.count(b"<up 0>") >= 2, 10)
    scene.host.exit_standby()
    assert server.fault is None


def tls_1_2(scene: Scene, ciphers: str) -> ssl.SSLContext:
    version = ssl.TLSVersion.TLSv1_2
    context = scene.bench.authority.server_context(scene.bench.server.address, oldest=version, newest=version)
    context.set_ciphers(ciphers)
    return context


@pytest.mark.device_can(token_bytes=1)
def test_in_tls_1_2_records_of_chacha20_are_short_enough(scene: Scene, app: AppHandle) -> None:
    with scene.bench.peers.push_server(tls=tls_1_2(scene, "ECDHE+CHACHA20")) as old:
        server = Server(scene, app, old)
        app.call("pong_ahead", channel="inbox")
        for cycle in range(2):
            sleep_through(scene, server, 1)
            scene.host.exit_standby()
            write(app, server, cycle)
        assert_in_step(server, 2)


@pytest.mark.device_can(token_bytes=1)
def test_in_tls_1_2_those_of_aes_are_not(scene: Scene, app: AppHandle) -> None:
    with scene.bench.peers.push_server(tls=tls_1_2(scene, "ECDHE+AESGCM")) as old:
        Server(scene, app, old)
        with pytest.raises(HostError, match=r"TLS 1\.3") as refused:
            app.call("pong_ahead", channel="inbox")
        assert refused.value.hresult is HResult.INVALID_ARG
