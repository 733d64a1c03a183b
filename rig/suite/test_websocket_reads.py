"""Channels over WebSockets: what is received completes before its push task runs, and a receive is outstanding all the time."""

from __future__ import annotations

import pytest
from websockets.frames import Opcode

from rig.peers.websocket import WebSocketConnection
from rig.standby.api import HostError, HResult
from rig.suite.scene import QUIET_S
from rig.suite.websocket_scene import KINDS, WebSocketScene

ROUNDS = 10
HELD_S = 0.3
"""As long as CCT-031 holds a completion."""


def do(connection: WebSocketConnection, how: str) -> None:
    """What a server can do to a channel."""
    if how == "data":
        connection.push(b"x")
    elif how == "close frame":
        connection.close_with()
    elif how == "FIN":
        connection.finish()
    else:
        connection.reset()


kinds = pytest.mark.parametrize("kind", KINDS)


@pytest.mark.requirement("CWS-003")
@kinds
def test_in_standby_a_message_wakes_and_its_completion_returns_before_its_task_runs(sockets: WebSocketScene, kind: str) -> None:
    connection = sockets.registered(kind=kind)
    asleep = sockets.sleep()
    sockets.message_and_run(connection, b"wake up")
    order = [
        sockets.timeline.wait(event, after=asleep) for event in ("NIC_WAKE", "APP_RESUME", "READ_COMPLETE_EXIT", "RUN_ENTER")
    ]
    assert [record.seq for record in order] == sorted(record.seq for record in order)
    sockets.timeline.wait("SLEEP_ENTER", after=order[-1].seq)
    sockets.host.exit_standby()
    assert sockets.ws.call("inbox", channel="inbox") == [b"wake up"]


@pytest.mark.requirement("CWS-002", "CWS-003")
@pytest.mark.host_alone
def test_suspended_app_is_resumed_then_its_callback_returns_then_its_task_runs(sockets: WebSocketScene) -> None:
    connection = sockets.registered()
    sockets.host.suspend(sockets.ws)
    wanted = ["APP_RESUME", "READ_COMPLETE_ENTER", "READ_COMPLETE_EXIT", "RUN_ENTER"]
    for number in range(ROUNDS):
        after = sockets.timeline.mark()
        connection.push(b"%d" % number)
        end = sockets.timeline.wait("APP_SUSPEND", after=after)
        assert [r.event for r in sockets.timeline.records()[after : end.seq] if r.event in wanted] == wanted, f"round {number}"
    assert not sockets.timeline.find("USAGE_FAULT")


@pytest.mark.requirement("CWS-003")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("how", ["data", "close frame", "RST"])
@pytest.mark.host_alone
def test_the_task_waits_for_the_completion_whatever_completed_it(sockets: WebSocketScene, kind: str, how: str) -> None:
    connection = sockets.registered(kind=kind)
    after = sockets.timeline.mark()
    sockets.ws.call("hold_completions", hold=True)
    do(connection, how)
    sockets.timeline.wait("READ_COMPLETE_ENTER", after=after)
    sockets.timeline.assert_none("RUN_ENTER", after=after, timeout_s=HELD_S)
    sockets.ws.call("hold_completions", hold=False)
    left = sockets.timeline.wait("READ_COMPLETE_EXIT", after=after)
    run = sockets.timeline.wait("RUN_ENTER", after=after)
    assert left.seq < run.seq
    assert left.status == ("ERROR" if how == "RST" else "COMPLETED")


@pytest.mark.requirement("CWS-001", "CWS-004")
@kinds
def test_a_receive_is_outstanding_whenever_no_completion_runs(sockets: WebSocketScene, kind: str) -> None:
    """Counted over the whole timeline, through wakes and messages one behind the other."""
    connection = sockets.registered(kind=kind)
    first = sockets.timeline.wait("READ_POST", channel="inbox")
    sockets.sleep()
    messages = [b"message %d" % number for number in range(ROUNDS)]
    for message in messages:
        sockets.message_and_run(connection, message)
    sockets.host.exit_standby()
    for message in messages:
        connection.push(message)
    sockets.wait_received(b"".join(2 * messages))
    last = sockets.timeline.wait("READ_COMPLETE_EXIT", after=sockets.timeline.find("queued", name="inbox")[-1].seq)
    posted, inside = 0, False
    for record in sockets.between(first, last):
        if record.detail.get("channel") == "inbox" and record.event in ("READ_POST", "READ_COMPLETE_ENTER", "READ_COMPLETE_EXIT"):
            posted += {"READ_POST": 1, "READ_COMPLETE_ENTER": -1}.get(record.event, 0)
            inside = record.event == "READ_COMPLETE_ENTER" or (inside and record.event == "READ_POST")
            assert posted >= 1 or inside, f"{record.event} at {record.seq}: nothing is posted"
    assert posted == 1


@pytest.mark.requirement("CWS-001")
@pytest.mark.host_alone
def test_without_a_posted_receive_no_push_comes_until_there_is_one(sockets: WebSocketScene) -> None:
    """The negative control."""
    connection = sockets.registered(read=False)
    after = sockets.timeline.mark()
    connection.push(b"in the kernel")
    sockets.timeline.assert_none("RUN_ENTER", after=after, timeout_s=QUIET_S)
    sockets.ws.call("read", name="inbox")
    sockets.timeline.wait("TASK_DATA", data=b"in the kernel".hex(), after=after)


@pytest.mark.requirement("CWS-004")
@kinds
@pytest.mark.host_alone
def test_the_message_is_queued_in_the_completion_and_worked_on_in_the_task(sockets: WebSocketScene, kind: str) -> None:
    connection = sockets.registered(kind=kind)
    after = sockets.timeline.mark()
    sockets.message_and_run(connection, b"work")
    wanted = {"READ_COMPLETE_ENTER", "queued", "READ_POST", "READ_COMPLETE_EXIT", "RUN_ENTER", "worked-on"}
    order = [r.event for r in sockets.timeline.records(after) if r.event in wanted]
    posting = ["queued", "READ_POST"] if kind == "stream" else ["READ_POST", "queued"]  # a MessageWebSocket posts by itself
    assert order == ["READ_COMPLETE_ENTER", *posting, "READ_COMPLETE_EXIT", "RUN_ENTER", "worked-on"]


@pytest.mark.requirement("CWS-002")
@pytest.mark.host_alone
def test_an_awaited_read_on_a_channel_is_flagged(sockets: WebSocketScene) -> None:
    connection = sockets.registered(read=False)
    connection.push(b"awaited")
    assert sockets.ws.call("read_awaited", name="inbox") == b"awaited"
    fault = sockets.timeline.wait("USAGE_FAULT", channel="inbox")
    assert "await" in fault.what


@pytest.mark.requirement("CWS-002")
@pytest.mark.host_alone
def test_an_awaited_read_of_a_socket_without_a_channel_is_right(sockets: WebSocketScene) -> None:
    """The negative control."""
    sockets.ws.call("connect", name="plain", uri=sockets.server.url())
    sockets.server.push(b"awaited")
    assert sockets.ws.call("read_awaited", name="plain") == b"awaited"
    assert not sockets.timeline.find("USAGE_FAULT")


@pytest.mark.requirement("CWS-005")
@pytest.mark.host_alone
def test_a_reader_does_not_load_from_a_channels_transport_but_takes_the_buffer_of_a_read(sockets: WebSocketScene) -> None:
    connection = sockets.registered(read=False)
    with pytest.raises(HostError) as refused:
        sockets.ws.call("load", name="inbox")
    assert refused.value.hresult is HResult.ILLEGAL_METHOD_CALL
    sockets.ws.call("read", name="inbox")
    sockets.message_and_run(connection, b"through a reader of the buffer")


@pytest.mark.requirement("CWS-005")
@pytest.mark.host_alone
def test_a_reader_loads_from_a_socket_without_a_channel(sockets: WebSocketScene) -> None:
    """The negative control."""
    sockets.ws.call("connect", name="plain", uri=sockets.server.url())
    sockets.server.push(b"loaded")
    assert sockets.ws.call("load", name="plain") == b"loaded"


@pytest.mark.requirement("CWS-006")
@pytest.mark.host_alone
def test_a_completion_with_an_error_raises_its_cause_when_it_is_fetched(sockets: WebSocketScene) -> None:
    connection = sockets.registered()
    connection.reset()
    failed = sockets.timeline.wait("read-failed", channel="inbox")
    assert failed.error == "WebSocketError"
    assert "1006" in failed.words
    assert sockets.timeline.wait("READ_COMPLETE_EXIT", after=failed.seq).status == "ERROR"


@pytest.mark.requirement("CWS-006")
@kinds
@pytest.mark.host_alone
def test_a_cancelled_completion_is_ignored(sockets: WebSocketScene, kind: str) -> None:
    sockets.registered(kind=kind)
    after = sockets.timeline.mark()
    sockets.ws.call("close_channel", channel="inbox")
    ended = sockets.timeline.wait("READ_COMPLETE_EXIT", after=after)
    assert ended.status == "CANCELED"
    news = {record.event for record in sockets.timeline.records(after)}
    assert not news & {"READ_POST", "queued", "read-failed", "reader-failed", "APP_FAULT", "RUN_ENTER"}


@pytest.mark.requirement("CWS-007")
@pytest.mark.host_alone
def test_zero_bytes_mean_that_the_server_closed_and_the_app_connects_anew(sockets: WebSocketScene) -> None:
    connection = sockets.registered()
    connection.close_with(4000, "go away")
    ended = sockets.timeline.wait("READ_COMPLETE_ENTER", bytes=0, status="COMPLETED")
    sockets.timeline.wait("TASK_DATA", closed=True)
    assert not [r for r in sockets.timeline.find("READ_POST") if r.seq > ended.seq], "no read may be posted on the dead socket"
    closed = sockets.timeline.wait("closed", name="inbox")
    assert (closed.code, closed.reason) == (4000, "go away")
    connection.wait_frame(Opcode.CLOSE)
    assert connection.close_code == 4000, "the closing handshake"
    sockets.ws.call("close_channel", channel="inbox")
    sockets.message_and_run(sockets.registered(), b"on the new one")


@pytest.mark.requirement("CWS-007")
@pytest.mark.host_alone
def test_an_empty_message_is_no_end_of_a_stream(sockets: WebSocketScene) -> None:
    """The negative control."""
    connection = sockets.registered()
    after = sockets.timeline.mark()
    connection.push(b"")
    sockets.message_and_run(connection, b"still here")
    assert len(sockets.timeline.find("RUN_ENTER", after=after)) == 1


@pytest.mark.requirement("CWS-007")
@pytest.mark.parametrize("how", ["close frame", "FIN", "RST"])
def test_a_websocket_that_ended_in_standby_wakes_once_and_lets_the_host_sleep_again(sockets: WebSocketScene, how: str) -> None:
    ended, other = sockets.registered(), sockets.registered("other")
    asleep = sockets.sleep()
    do(ended, how)
    run = sockets.timeline.wait("RUN_EXIT", channel="inbox", after=asleep)
    again = sockets.timeline.wait("SLEEP_ENTER", after=run.seq)
    sockets.message_and_run(other, b"still here", "other")
    assert len(sockets.timeline.find("RUN_ENTER", channel="inbox", after=asleep)) == 1
    assert sockets.timeline.wait("NIC_WAKE", after=again.seq).channel == "other"


@pytest.mark.requirement("CWS-003")
def test_half_a_message_runs_no_task(sockets: WebSocketScene) -> None:
    """A frame that comes in two pieces, and a message in two frames, run one each: when they are whole."""
    connection = sockets.registered(kind="message")
    sockets.sleep()
    asleep = sockets.timeline.mark()
    connection.push_raw(b"\x82\x04wh")
    wake = sockets.timeline.wait("NIC_WAKE", after=asleep)
    sockets.timeline.wait("SLEEP_ENTER", after=wake.seq)
    assert not sockets.timeline.find("RUN_ENTER", after=asleep)
    connection.push_raw(b"at")
    sockets.timeline.wait("TASK_DATA", data=b"what".hex(), after=asleep)
    connection.push_fragments([b"one ", b"two ", b"three"])
    sockets.timeline.wait("TASK_DATA", data=b"one two three".hex(), after=asleep)
    sockets.timeline.wait("RUN_EXIT", count=2, after=asleep)
    assert len(sockets.timeline.find("RUN_ENTER", after=asleep)) == 2


@pytest.mark.requirement("CWS-011")
@kinds
def test_pings_of_the_server_are_answered_and_run_no_task(sockets: WebSocketScene, kind: str) -> None:
    connection = sockets.registered(kind=kind)
    asleep = sockets.sleep()
    connection.ping(b"are you there")
    assert connection.wait_frame(Opcode.PONG).payload == b"are you there"
    wake = sockets.timeline.wait("NIC_WAKE", after=asleep)
    sockets.timeline.wait("SLEEP_ENTER", after=wake.seq)
    assert not sockets.timeline.find("RUN_ENTER", after=asleep)
    assert not sockets.timeline.find("READ_COMPLETE_ENTER", after=asleep)
    sockets.message_and_run(connection, b"and now data")


@pytest.mark.requirement("CWS-003", "CWS-004")
@kinds
@pytest.mark.host_alone
def test_a_handler_that_raises_has_its_task_run_and_the_next_message_comes(sockets: WebSocketScene, kind: str) -> None:
    connection = sockets.registered(kind=kind)
    after = sockets.timeline.mark()
    sockets.ws.call("in_handler", what="raise")
    connection.push(b"first")
    fault = sockets.timeline.wait("APP_FAULT", where="read completion", after=after)
    run = sockets.timeline.wait("RUN_EXIT", after=after)
    assert fault.seq < run.seq
    sockets.message_and_run(connection, b"second")


@pytest.mark.requirement("CWS-003", "CWS-006")
@kinds
@pytest.mark.host_alone
def test_a_socket_may_be_closed_in_its_own_handler(sockets: WebSocketScene, kind: str) -> None:
    connection = sockets.registered(kind=kind)
    after = sockets.timeline.mark()
    sockets.ws.call("in_handler", what="close")
    connection.push(b"last")
    connection.wait_closed()
    assert connection.close_code == 1000
    sockets.timeline.wait("READ_COMPLETE_EXIT", status="CANCELED", after=after)
    sockets.timeline.wait("RUN_EXIT", after=after)
    assert not sockets.timeline.find("APP_FAULT", after=after)
