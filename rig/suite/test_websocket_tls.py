"""WebSocket channels over TLS (wss): the device carries records, and whatever a frame is cut into means the same."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from websockets.frames import Opcode

from rig.bench import Bench
from rig.peers.authority import Flaw
from rig.peers.websocket import Manners, WebSocketServer
from rig.standby.api import SocketErrorStatus
from rig.suite.websocket_scene import KINDS, WebSocketScene

CYCLES = 3
REFUSALS = {
    Flaw.WRONG_NAME: SocketErrorStatus.CERTIFICATE_COMMON_NAME_IS_INCORRECT,
    Flaw.EXPIRED: SocketErrorStatus.CERTIFICATE_EXPIRED,
    Flaw.SELF_SIGNED: SocketErrorStatus.CERTIFICATE_UNTRUSTED_ROOT,
}


def serve(bench: Bench, flaw: Flaw = Flaw.NONE) -> WebSocketServer:
    context = bench.authority.server_context(bench.server.address, flaw=flaw)
    return bench.peers.websocket_server(tls=context)


@pytest.fixture
def secure(bench: Bench) -> Iterator[WebSocketScene]:
    with serve(bench) as server:
        yield WebSocketScene(bench, server)


@pytest.mark.requirement("CWS-003")
@pytest.mark.parametrize("kind", KINDS)
def test_messages_over_tls_wake_and_reach_the_task_over_many_sleeps(secure: WebSocketScene, kind: str) -> None:
    connection = secure.registered(kind=kind)
    assert secure.server.url().startswith("wss:")
    for cycle in range(CYCLES):
        asleep = secure.sleep()
        secure.message_and_run(connection, b"message %d" % cycle)
        assert secure.timeline.wait("NIC_WAKE", after=asleep).reason == "TCP_DATA"
        secure.host.exit_standby()
        secure.ws.call("send", name="inbox", data=b"up %d" % cycle)
        assert connection.wait_frame(Opcode.TEXT, Opcode.BINARY, count=cycle + 1).payload == b"up %d" % cycle
    secure.ws.call("close", name="inbox", code=3000)
    connection.wait_closed()
    assert connection.close_code == 3000
    assert connection.error is None


@pytest.mark.requirement("CWS-011")
def test_over_tls_the_keep_alive_is_a_ping_and_its_pong_runs_no_task(secure: WebSocketScene) -> None:
    interval_s = secure.bench.config.clock.minutes_s(15)
    connection = secure.registered(minutes=15)
    asleep = secure.sleep()
    for number in (1, 2):
        run = secure.timeline.wait("RUN_EXIT", kind="keepalive", count=number, after=asleep, timeout_s=10 * interval_s)
        secure.timeline.wait("SLEEP_ENTER", after=run.seq)
        assert connection.wait_frame(Opcode.PING, count=number).masked
    assert not secure.timeline.find("RUN_ENTER", kind="push", after=asleep)


@pytest.mark.host_alone
def test_a_frame_in_many_records_is_one_message(secure: WebSocketScene) -> None:
    connection = secure.registered(kind="message")
    after = secure.timeline.mark()
    for piece in (b"\x01", b"\x03", b"on", b"e\x89", b"\x01!", b"\x80\x03two"):  # with a ping between its fragments
        connection.push_raw(piece)
    secure.timeline.wait("TASK_DATA", data=b"onetwo".hex(), after=after)
    secure.timeline.wait("RUN_EXIT", after=after)
    assert connection.wait_frame(Opcode.PONG).payload == b"!"
    assert len(secure.timeline.find("RUN_ENTER", after=after)) == 1


@pytest.mark.requirement("CWS-014")
@pytest.mark.parametrize("flaw", REFUSALS)
@pytest.mark.host_alone
def test_a_certificate_that_is_not_right_fails_the_connect(bench: Bench, flaw: Flaw) -> None:
    with serve(bench, flaw) as server:
        scene = WebSocketScene(bench, server)
        assert not scene.register()
        assert scene.timeline.wait("helper-failed").status == REFUSALS[flaw]
        assert len(scene.timeline.find("SLOT_FREE")) == len(scene.timeline.find("SLOT_REQUEST")) == 1
        assert not scene.ws.call("has_context", channel="inbox")


@pytest.mark.requirement("CWS-014")
@pytest.mark.host_alone
def test_a_plain_client_gets_no_channel_from_a_tls_server(secure: WebSocketScene) -> None:
    assert not secure.register(uri=secure.server.url().replace("wss:", "ws:"))
    status = secure.timeline.wait("helper-failed").status
    assert status in (SocketErrorStatus.HTTP_INVALID_SERVER_RESPONSE, SocketErrorStatus.CONNECTION_RESET_BY_PEER)


@pytest.mark.requirement("CWS-014")
@pytest.mark.host_alone
def test_over_tls_too_a_refused_handshake_says_its_status(secure: WebSocketScene) -> None:
    secure.server.manners = Manners(status=401)
    assert not secure.register()
    failed = secure.timeline.wait("helper-failed")
    assert failed.status == SocketErrorStatus.HTTP_INVALID_SERVER_RESPONSE
    assert "401" in failed.words
