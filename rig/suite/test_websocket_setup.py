"""The helper that sets a WebSocket channel up: one blocking unit, which leaves nothing behind when it fails."""

from __future__ import annotations

import pytest

from rig.clock import WAIT_S
from rig.config import StandbyConfig
from rig.peers.websocket import Manners
from rig.standby.api import HostError, HResult
from rig.suite.scene import QUIET_S
from rig.suite.websocket_app import OWN_KEEP_ALIVE
from rig.suite.websocket_scene import KINDS, WebSocketScene

SHORT_S = 0.3
"""Time-out of a connect to a server that never answers."""

kinds = pytest.mark.parametrize("kind", KINDS)


def assert_nothing_is_left(sockets: WebSocketScene, channel: str = "inbox") -> None:
    """No context, no task that runs, no slot: the next helper has it."""
    assert not sockets.ws.call("has_context", channel=channel)
    requested = sockets.timeline.find("SLOT_REQUEST", channel=channel)
    assert len(sockets.timeline.find("SLOT_FREE", channel=channel)) == len(requested)
    assert not sockets.timeline.find("RUN_ENTER")


@pytest.mark.requirement("CWS-013")
@kinds
@pytest.mark.host_alone
def test_the_helper_does_every_step_before_it_says_so(sockets: WebSocketScene, kind: str) -> None:
    sockets.registered(kind=kind)
    begun, ended = sockets.timeline.wait("helper-begin"), sockets.timeline.wait("helper-end")
    steps = ["CTOR", "REGISTER", "USING_TRANSPORT", "CONNECT_BEGIN", "CONNECT_END", "SLOT_GRANT", "READ_POST"]
    order = [sockets.timeline.wait(step, after=begun.seq) for step in steps]
    assert [record.seq for record in order] == sorted(record.seq for record in order)
    assert order[-1].seq < ended.seq


@pytest.mark.requirement("CWS-013")
@pytest.mark.host_alone
def test_the_helper_does_not_return_while_the_handshake_is_open(sockets: WebSocketScene) -> None:
    sockets.server.manners = Manners(holds_handshake=True)
    sockets.ws.call("register_in_background", channel="inbox", uri=sockets.server.url())
    connection = sockets.server.connection()
    connection.wait_request()
    sockets.timeline.assert_none("helper-end", timeout_s=QUIET_S)
    assert not sockets.timeline.find("CONNECT_END"), "the system has no connection before the server has agreed"
    connection.release()
    assert sockets.timeline.wait("helper-end").done
    sockets.message_and_run(connection, b"through")


@pytest.mark.requirement("CWS-013")
@pytest.mark.host_alone
def test_the_helper_works_in_a_network_task(sockets: WebSocketScene) -> None:
    sockets.registered()
    sockets.ws.call("register_on_network_changes")
    after = sockets.timeline.mark()
    sockets.host.levers.set(internet=False)
    sockets.host.levers.set(internet=True)
    for number in (1, 2):  # it went, and it came
        assert sockets.timeline.wait("helper-end", count=number, after=after).done
    sockets.timeline.wait("RUN_EXIT", task="network", count=2, after=after)
    sockets.message_and_run(sockets.server.connection(), b"on the new one")


@pytest.mark.requirement("CWS-013")
@pytest.mark.host_alone
def test_the_helper_works_in_a_keep_alive_task(sockets: WebSocketScene) -> None:
    """Of the app's own; the system's enters no code of it."""
    interval_s = sockets.bench.config.clock.minutes_s(15)
    before = sockets.registered(minutes=15, keep_alive=OWN_KEEP_ALIVE)
    run = sockets.timeline.wait("RUN_ENTER", kind="keepalive", timeout_s=10 * interval_s)
    assert sockets.timeline.wait("helper-end", after=run.seq).done
    before.wait_closed()
    sockets.message_and_run(sockets.server.connection(1), b"on the new one")


@pytest.mark.requirement("CWS-014")
@pytest.mark.parametrize(
    "uri",
    ["http://198.51.100.1/", "chat", "ws://", "ws://198.51.100.1:99999/", "ws://198.51.100.1/#part", "ws://198.51.100.1/a b"],
)
@pytest.mark.host_alone
def test_a_bad_uri_is_refused_before_anything_is_asked_for(sockets: WebSocketScene, uri: str) -> None:
    assert not sockets.register(uri=uri)
    assert "INVALID_ARG" in sockets.timeline.wait("helper-failed").words
    assert not sockets.timeline.find("CONNECT_BEGIN")
    assert_nothing_is_left(sockets)


def nobody_listens(sockets: WebSocketScene) -> str:
    sockets.server.close()
    return sockets.server.url()


def never_answers(sockets: WebSocketScene) -> str:
    sockets.server.manners = Manners(holds_handshake=True)
    return sockets.server.url()


def says(manners: Manners, sockets: WebSocketScene) -> str:
    sockets.server.manners = manners
    return sockets.server.url()


FAILURES = {
    "refused": (nobody_listens, "ConnectionRefusedError"),
    "no answer": (never_answers, "TimeoutError"),
    "404": (lambda sockets: says(Manners(status=404), sockets), "HandshakeError"),
    "wrong key": (lambda sockets: says(Manners(accept_key="s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), sockets), "HandshakeError"),
    "unknown protocol": (
        lambda sockets: says(Manners(headers={"Sec-WebSocket-Protocol": "x"}), sockets),
        "HandshakeError",
    ),
}


@pytest.mark.requirement("CWS-013", "CWS-014")
@pytest.mark.parametrize("failure", FAILURES)
@kinds
def test_a_connect_that_fails_gives_its_slot_back(sockets: WebSocketScene, kind: str, failure: str) -> None:
    server, error = FAILURES[failure]
    limit_s = SHORT_S if error == "TimeoutError" else WAIT_S
    assert not sockets.register(uri=server(sockets), kind=kind, limit_s=limit_s)
    assert sockets.timeline.wait("helper-failed").error == error
    assert sockets.timeline.wait("CONNECT_END", channel="inbox").error
    assert_nothing_is_left(sockets)


@pytest.mark.requirement("CWS-014")
@pytest.mark.bench_config(standby=StandbyConfig(hw_slots_total=1))
def test_no_hardware_slot_fails_the_helper_and_a_failed_helper_takes_none(sockets: WebSocketScene) -> None:
    """Five failures, one slot: it is still there. Then it is not."""
    sockets.server.manners = Manners(status=503)
    for _ in range(5):
        assert not sockets.register()
    sockets.server.manners = Manners()
    connection = sockets.registered()
    assert not sockets.register("second")
    assert "NO_SLOT" in sockets.timeline.find("helper-failed")[-1].words
    assert not sockets.ws.call("has_context", channel="second")
    sockets.message_and_run(connection, b"the first goes on")


@pytest.mark.requirement("CWS-014")
@pytest.mark.bench_config(standby=StandbyConfig(hw_slots_total=1, no_slot_fails_connect=False))
def test_a_slot_that_is_refused_by_the_wait_fails_the_helper_too(sockets: WebSocketScene) -> None:
    sockets.registered()
    assert not sockets.register("second", kind="message")
    assert not sockets.ws.call("has_context", channel="second")
    assert not sockets.timeline.find("READ_POST", channel="second"), "it receives nothing"


@pytest.mark.requirement("CWS-008")
@pytest.mark.parametrize("which", ["message_received", "closed"])
@pytest.mark.host_alone
def test_a_handler_after_connect_is_refused(sockets: WebSocketScene, which: str) -> None:
    sockets.registered(kind="message")
    with pytest.raises(HostError) as refused:
        sockets.ws.call("add_handler_late", name="inbox", which=which)
    assert refused.value.hresult is HResult.ILLEGAL_METHOD_CALL


@pytest.mark.host_alone
def test_a_sub_protocol_is_agreed_on(sockets: WebSocketScene) -> None:
    sockets.server.manners = Manners(subprotocols=("chat.v2", "chat.v1"))
    chosen = sockets.ws.call("connect", name="plain", uri=sockets.server.url(), supported_protocols=["chat.v1", "chat.v3"])
    assert chosen == "chat.v1"


@pytest.mark.requirement("CWS-013")
@pytest.mark.topology("dual-stack")
def test_a_channel_over_ipv6(sockets: WebSocketScene) -> None:
    with sockets.bench.peers.websocket_server(ipv6=True) as server:
        assert sockets.register(uri=server.url("/six"))
        connection = server.connection()
        assert connection.wait_request().headers["Host"] == f"[{server.address}]:{server.port}"
        sockets.sleep()
        sockets.message_and_run(connection, b"over IPv6")
