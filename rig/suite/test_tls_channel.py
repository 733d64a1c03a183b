"""Control channels over TLS: the device carries records and knows nothing of it, the app's process has the keys."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Callable, Iterator

import pytest

from rig.config import StandbyConfig
from rig.peers import PushConnection, PushServer
from rig.peers.authority import Flaw
from rig.peers.secured import SecuredStream
from rig.standby.api import ControlChannelTriggerStatus as Status
from rig.standby.api import HostError, HResult, SocketErrorStatus
from rig.standby.app_handle import AppHandle
from rig.suite.scene import Scene

TLS_APP = "rig.suite.tls_chat_app:TlsChatApp"
CYCLES = 4
REFUSALS = {
    Flaw.WRONG_NAME: SocketErrorStatus.CERTIFICATE_COMMON_NAME_IS_INCORRECT,
    Flaw.EXPIRED: SocketErrorStatus.CERTIFICATE_EXPIRED,
    Flaw.NOT_YET_VALID: SocketErrorStatus.CERTIFICATE_EXPIRED,
    Flaw.SELF_SIGNED: SocketErrorStatus.CERTIFICATE_UNTRUSTED_ROOT,
    Flaw.UNKNOWN_AUTHORITY: SocketErrorStatus.CERTIFICATE_UNTRUSTED_ROOT,
}
VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


@pytest.fixture
def app(scene: Scene) -> AppHandle:
    return scene.host.start_app("chat", TLS_APP)


@pytest.fixture
def server(scene: Scene) -> Iterator[PushServer]:
    with serve(scene) as server:
        yield server


def serve(scene: Scene, flaw: Flaw = Flaw.NONE, version: ssl.TLSVersion | None = None, *, client: bool = False) -> PushServer:
    """`version`: no other."""
    versions = {"oldest": version, "newest": version} if version is not None else {}
    context = scene.bench.authority.server_context(scene.bench.server.address, flaw=flaw, client_certificate=client, **versions)
    return scene.bench.peers.push_server(tls=context)


def open_channel(scene: Scene, app: AppHandle, server: PushServer) -> PushConnection:
    assert scene.open(app=app, server=server) is Status.HARDWARE_SLOT_ALLOCATED
    connection = server.connection()
    assert isinstance(connection.stream, SecuredStream)
    connection.stream.wait_open()
    return connection


@pytest.mark.parametrize("version", VERSIONS)
def test_a_push_over_tls_wakes_and_reaches_the_task_over_many_sleeps(
    scene: Scene, app: AppHandle, version: ssl.TLSVersion
) -> None:
    with serve(scene, version=version) as server:
        connection = open_channel(scene, app, server)
        sent = received = b""
        for cycle in range(CYCLES):
            after = scene.sleep()
            push = b"push %d" % cycle
            scene.push_and_run(connection, push)
            assert scene.timeline.wait("NIC_WAKE", after=after).reason == "TCP_DATA"
            scene.host.exit_standby()
            app.call("send", channel="inbox", data=b"up %d" % cycle)
            sent, received = sent + push, received + b"up %d" % cycle
            assert connection.wait_received(len(received)) == received
        assert b"".join(app.call("messages", channel="inbox")) == sent
        assert app.call("protected", channel="inbox")
        app.call("close_channel", channel="inbox")
        connection.wait_closed()
        assert isinstance(connection.stream, SecuredStream)
        assert connection.stream.error is None


@pytest.mark.host_alone
def test_nothing_that_the_app_says_is_readable_on_the_wire(scene: Scene, app: AppHandle, server: PushServer) -> None:
    connection, secret = open_channel(scene, app, server), os.urandom(12)
    app.call("send", channel="inbox", data=secret)
    connection.wait_received(len(secret))
    frames = scene.bench.capture.frames(scene.server_port)
    assert frames
    assert not [frame for frame in frames if secret in frame.data]


def test_half_a_record_wakes_and_no_task_runs_until_the_rest_is_there(scene: Scene, app: AppHandle, server: PushServer) -> None:
    connection = open_channel(scene, app, server)
    stream = connection.stream
    assert isinstance(stream, SecuredStream)
    after = scene.sleep()
    record = stream.sealed(b"in two")
    connection.sock.sendall(record[:10])
    wake = scene.timeline.wait("NIC_WAKE", after=after)
    asleep = scene.timeline.wait("SLEEP_ENTER", after=wake.seq)
    assert not scene.timeline.find("RUN_ENTER", after=after)
    connection.sock.sendall(record[10:])
    scene.timeline.wait("TASK_DATA", data=b"in two".hex(), after=asleep.seq)
    scene.timeline.wait("RUN_EXIT", kind="push", after=asleep.seq)


@pytest.mark.bench_config(standby=StandbyConfig(hw_slots_total=1))
@pytest.mark.parametrize("flaw", list(REFUSALS))
def test_a_wrong_certificate_is_a_connect_that_failed_and_its_slot_is_free(scene: Scene, app: AppHandle, flaw: Flaw) -> None:
    with serve(scene, flaw) as server:
        after = scene.timeline.mark()
        assert app.call("status_of_connect", channel="refused", host=server.address, port=server.port) == [REFUSALS[flaw], False]
        end = scene.timeline.wait("CONNECT_END", channel="refused", after=after)
        assert "certificate" in end.error
        scene.timeline.wait("SLOT_FREE", channel="refused", after=after)
        server.connection().wait_closed()
    assert scene.device.slots() == ()
    scene.open_hardware()


@pytest.mark.bench_config(standby=StandbyConfig(hw_slots_total=1))
@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (b"", SocketErrorStatus.CONNECTION_TIMED_OUT),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", SocketErrorStatus.UNKNOWN),
        (None, SocketErrorStatus.CONNECTION_RESET_BY_PEER),
    ],
    ids=["silent", "speaks HTTP", "closes"],
)
@pytest.mark.host_alone
def test_a_server_that_speaks_no_tls_is_a_connect_that_failed(
    scene: Scene, app: AppHandle, answer: bytes | None, status: SocketErrorStatus
) -> None:
    with scene.bench.peers.push_server() as plain:
        plain.on_accept = lambda connection: setattr(connection, "responder", responder_of(connection, answer))
        limit = {"limit_s": 0.5} if status is SocketErrorStatus.CONNECTION_TIMED_OUT else {}
        refused = app.call("status_of_connect", channel="refused", host=plain.address, port=plain.port, **limit)
        assert refused == [status, False]
        scene.timeline.wait("SLOT_FREE", channel="refused")
    scene.open_hardware()


def responder_of(connection: PushConnection, answer: bytes | None) -> Callable[[bytes], list[bytes]]:
    """None: it says FIN."""

    def respond(_data: bytes) -> list[bytes]:
        connection.responder = lambda _data: []  # the client's alert is no question
        if answer is None:
            connection.finish()
        return [answer] if answer else []

    return respond


@pytest.mark.host_alone
def test_the_same_server_with_a_right_certificate_is_taken_under_its_name(scene: Scene, app: AppHandle) -> None:
    """The control: what is checked is the name that the app gives, not where it connects to."""
    context = scene.bench.authority.server_context("mail.example")
    with scene.bench.peers.push_server(tls=context) as server:
        refused = app.call("status_of_connect", channel="refused", host=server.address, port=server.port)
        assert refused == [SocketErrorStatus.CERTIFICATE_COMMON_NAME_IS_INCORRECT, False]
        app.call("set_up_with", server_name="mail.example")
        assert scene.open(app=app, server=server) is Status.HARDWARE_SLOT_ALLOCATED


def test_a_close_of_tls_is_an_end_and_a_bare_fin_an_error(scene: Scene, app: AppHandle, server: PushServer) -> None:
    connection = open_channel(scene, app, server)
    after = scene.sleep()
    connection.finish()
    scene.timeline.wait("READ_COMPLETE_ENTER", channel="inbox", status="COMPLETED", bytes=0, after=after)
    scene.host.exit_standby()
    assert app.call("messages", channel="inbox") == [b""]
    app.call("close_channel", channel="inbox")
    connection = open_channel(scene, app, server)
    after = scene.sleep()
    connection.sock.shutdown(socket.SHUT_WR)
    scene.timeline.wait("READ_COMPLETE_ENTER", channel="inbox", status="ERROR", after=after)
    assert "middle of TLS" in scene.timeline.wait("TRANSPORT_ERROR", after=after).error


def test_a_plain_connection_becomes_tls_where_both_agree(scene: Scene, app: AppHandle, server: PushServer) -> None:
    app.call("set_up_with", upgrades=True)
    connection = open_channel(scene, app, server)
    assert app.call("protected", channel="inbox")
    scene.sleep()
    scene.push_and_run(connection, b"after the upgrade")


@pytest.mark.host_alone
def test_an_upgrade_that_is_refused_closes_the_socket(scene: Scene, app: AppHandle) -> None:
    with serve(scene, Flaw.EXPIRED) as server:
        refused = app.call("status_of_upgrade", host=server.address, port=server.port, server_name=server.address)
        assert refused == [SocketErrorStatus.CERTIFICATE_EXPIRED, False]
        server.connection().wait_closed()


@pytest.mark.host_alone
def test_an_upgrade_takes_no_read_away(scene: Scene, app: AppHandle, server: PushServer) -> None:
    with pytest.raises(HostError) as refused:
        app.call("upgrade_with_a_read_posted", host=server.address, port=server.port)
    assert refused.value.hresult is HResult.ILLEGAL_METHOD_CALL


@pytest.mark.host_alone
def test_a_client_certificate_is_shown_to_a_server_that_asks(scene: Scene, app: AppHandle) -> None:
    with serve(scene, client=True) as server:
        certificate = scene.bench.authority.client_file("alice")
        app.call("set_up_with", client_certificate=str(certificate))
        connection = open_channel(scene, app, server)
        assert isinstance(connection.stream, SecuredStream)
        assert "alice" in str(connection.stream.tls.getpeercert())
        app.call("set_up_with")
        stranger = open_channel_unchecked(scene, app, server)
        stranger.wait_closed()
        assert scene.timeline.wait("TRANSPORT_ERROR", channel="other")


def open_channel_unchecked(scene: Scene, app: AppHandle, server: PushServer) -> PushConnection:
    """TLS 1.3: the app's side of the handshake is done before the server has looked at its certificate."""
    before = len(server.connections)
    scene.open("other", app=app, server=server)
    return server.connection(before)


@pytest.mark.host_alone
def test_a_protected_socket_is_not_for_the_broker(scene: Scene, app: AppHandle, server: PushServer) -> None:
    """Its keys are the app's process's."""
    with pytest.raises(HostError) as refused:
        app.call("give_to_the_broker", host=server.address, port=server.port)
    assert refused.value.hresult is HResult.NOT_SUPPORTED_FOR_SOCKET
