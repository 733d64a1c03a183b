"""Channels to servers that are none of Python's: nginx, and the WebSocket server of libwebsockets. Skipped where they are not
installed: `rig doctor` names the command."""

from __future__ import annotations

import pytest
from websockets.frames import Opcode

from rig.peers.authority import Flaw
from rig.peers.mirror import SUBPROTOCOL
from rig.peers.nginx import BEHIND
from rig.standby.api import ControlChannelTriggerStatus as Status
from rig.suite.http_scene import POLL, HttpScene
from rig.suite.programs import started
from rig.suite.scene import LONGEST_MINUTES
from rig.suite.websocket_scene import KINDS, WebSocketScene
from rig.suite.xhr_scene import XhrScene
from rig.timeline import Record

CYCLES = 3

protected = pytest.mark.parametrize("flaw", [None, Flaw.NONE], ids=["plain", "tls"])


def assert_read_before_run(sockets: WebSocketScene, after: int) -> Record:
    """CWS-003; the RUN_ENTER."""
    run = sockets.timeline.wait("RUN_ENTER", kind="push", after=after)
    assert sockets.timeline.wait("READ_COMPLETE_EXIT", after=after).seq < run.seq
    return run


@pytest.mark.requirement("CWS-003")
def test_messages_of_libwebsockets_wake_and_reach_the_task(sockets: WebSocketScene) -> None:
    with started(sockets.bench.peers.mirror) as mirror:
        assert sockets.register(uri=mirror.url(), kind="message", supported_protocols=(SUBPROTOCOL,))
        for cycle in range(CYCLES):
            asleep, text = sockets.sleep(), f"message {cycle}"
            mirror.push_text(text)
            run = assert_read_before_run(sockets, asleep)
            sockets.timeline.wait("TASK_DATA", data=text.encode().hex(), after=run.seq)
            assert [wake.reason for wake in sockets.timeline.find("NIC_WAKE", after=asleep)] == ["TCP_DATA"]
            sockets.host.exit_standby()
            sockets.ws.call("send", name="inbox", data=b"up %d" % cycle, text=True)
            mirror.wait_text(f"up {cycle}")
            sockets.timeline.wait("TASK_DATA", data=(b"up %d" % cycle).hex())


@pytest.mark.requirement("CWS-003")
@protected
@pytest.mark.parametrize("kind", KINDS)
def test_messages_through_nginx_wake_and_reach_the_task(sockets: WebSocketScene, kind: str, flaw: Flaw | None) -> None:
    with started(lambda: sockets.bench.peers.nginx(behind=sockets.server, flaw=flaw)) as nginx:
        connection = sockets.registered(uri=nginx.url(f"{BEHIND}inbox", "ws"), kind=kind)
        assert connection.wait_request().path == "/inbox"
        for cycle in range(CYCLES):
            asleep = sockets.sleep()
            sockets.message_and_run(connection, b"message %d" % cycle)
            assert_read_before_run(sockets, asleep)
            sockets.host.exit_standby()
            sockets.ws.call("send", name="inbox", data=b"up %d" % cycle)
            assert connection.wait_frame(Opcode.TEXT, Opcode.BINARY, count=cycle + 1).payload == b"up %d" % cycle
        sockets.ws.call("close", name="inbox", code=3000)
        connection.wait_closed()
        assert connection.close_code == 3000
        assert nginx.wait_request(f"{BEHIND}inbox").status == 101


@pytest.mark.requirement("CWS-014")
@pytest.mark.host_alone
def test_a_certificate_of_nginx_that_is_not_good_is_refused(sockets: WebSocketScene) -> None:
    with started(lambda: sockets.bench.peers.nginx(behind=sockets.server, flaw=Flaw.EXPIRED)) as nginx:
        assert not sockets.register(uri=nginx.url(BEHIND, "ws"))
        assert not sockets.ws.call("has_context", channel="inbox")
        assert not sockets.server.connections, "nothing came through"


@pytest.mark.requirement("CHC-003")
def test_a_request_behind_nginx_wakes_when_it_is_answered(http: HttpScene) -> None:
    """And the task sends the next one, to the same address."""
    with started(lambda: http.bench.peers.nginx(behind=http.web)) as nginx:
        uri = nginx.url(f"{BEHIND}poll")
        assert Status(http.client.call("set_up", channel="inbox", uri=uri)) is Status.HARDWARE_SLOT_ALLOCATED
        for cycle in range(CYCLES):
            held = http.web.request(cycle, path=POLL)
            asleep = http.sleep()
            http.answer(held, f"news {cycle}")
            assert http.timeline.wait("NIC_WAKE", after=asleep).channel == "inbox"
            http.host.exit_standby()
        assert nginx.wait_request(f"{BEHIND}poll", count=CYCLES).status == 200


@pytest.mark.requirement("CXR-005")
@protected
def test_a_long_poll_through_nginx_wakes_and_its_callbacks_are_the_same(xhr: XhrScene, flaw: Flaw | None) -> None:
    with started(lambda: xhr.bench.peers.nginx(behind=xhr.web, flaw=flaw)) as nginx:
        xhr.xhr.call("construct", minutes=LONGEST_MINUTES)
        for cycle in range(CYCLES):
            assert Status(xhr.xhr.call("poll", url=nginx.url(f"{BEHIND}poll"), leak=False)) is Status.HARDWARE_SLOT_ALLOCATED
            held, asleep = xhr.web.request(cycle, path="/poll"), xhr.sleep()
            xhr.answer_and_run(held, b"news %d" % cycle)
            assert xhr.timeline.wait("NIC_WAKE", after=asleep).channel == "inbox"
            assert xhr.trace(xhr.timeline.find("xhr-call", after=asleep)) == ["headers", "data", "response"]
            xhr.host.exit_standby()
        assert nginx.wait_request(f"{BEHIND}poll", count=CYCLES).status == 200
