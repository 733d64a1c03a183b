"""MessageWebSocket: an event for each message, without posted reads of the app's; and both kinds' closing."""

from __future__ import annotations

import pytest
from websockets.frames import Opcode

from rig.peers.websocket_frames import frame
from rig.standby.api import HostError, HResult
from rig.standby.api.websockets import MessageWebSocketReceiveMode, SocketMessageType
from rig.suite.websocket_scene import KINDS, WebSocketScene

BIG_BYTES = 300_000
BURST = 1000


@pytest.mark.requirement("CWS-008")
@pytest.mark.host_alone
def test_each_message_is_an_event_with_its_kind(sockets: WebSocketScene) -> None:
    connection = sockets.registered(kind="message")
    connection.push_text("grüße")
    connection.push(b"\x00\xff")
    connection.push_fragments([b"in ", b"three ", b"frames"], text=True)
    third = sockets.timeline.wait("message", count=3)
    seen = [(r.data, r.type, r.complete) for r in sockets.timeline.find("message")]
    assert seen == [
        ("grüße".encode().hex(), SocketMessageType.UTF8, True),
        (b"\x00\xff".hex(), SocketMessageType.BINARY, True),
        (b"in three frames".hex(), SocketMessageType.UTF8, True),
    ]
    sockets.timeline.wait("RUN_EXIT", kind="push", count=3)
    assert sockets.timeline.find("READ_POST")[0].seq < third.seq, "the socket posts by itself"


@pytest.mark.requirement("CWS-008")
@pytest.mark.host_alone
def test_an_empty_message_is_no_closure(sockets: WebSocketScene) -> None:
    connection = sockets.registered(kind="message")
    connection.push(b"")
    sockets.timeline.wait("message", data="")
    sockets.message_and_run(connection, b"still here")
    assert not sockets.timeline.find("closed")


@pytest.mark.requirement("CWS-008")
@pytest.mark.parametrize("how", ["FIN", "RST", "no UTF-8", "a frame that is none"])
@pytest.mark.host_alone
def test_after_an_abnormal_close_fetching_the_reader_raises(sockets: WebSocketScene, how: str) -> None:
    connection = sockets.registered(kind="message")
    if how == "FIN":
        connection.finish()
    elif how == "RST":
        connection.reset()
    else:
        connection.push_raw({"no UTF-8": b"\x81\x01\xff", "a frame that is none": b"\xff\xff"}[how])
    failed = sockets.timeline.wait("reader-failed", channel="inbox")
    assert failed.error == "WebSocketError"
    sockets.timeline.wait("RUN_EXIT", kind="push")
    assert not sockets.timeline.find("closed"), "no close frame came"
    if "U" in how or "none" in how:
        assert connection.wait_frame(Opcode.CLOSE)
        assert connection.close_code == {"no UTF-8": 1007, "a frame that is none": 1002}[how]


@pytest.mark.requirement("CWS-008")
@pytest.mark.host_alone
def test_a_close_frame_is_an_event_with_code_and_reason(sockets: WebSocketScene) -> None:
    """The negative control."""
    connection = sockets.registered(kind="message")
    connection.close_with(4001, "enough")
    closed = sockets.timeline.wait("closed", name="inbox")
    assert (closed.code, closed.reason) == (4001, "enough")
    sockets.timeline.wait("RUN_EXIT", kind="push")
    assert not sockets.timeline.find("reader-failed")


@pytest.mark.requirement("CWS-008")
@pytest.mark.host_alone
def test_in_partial_mode_each_frame_is_an_event(sockets: WebSocketScene) -> None:
    connection = sockets.registered(kind="message", receive_mode=int(MessageWebSocketReceiveMode.PARTIAL_MESSAGE))
    connection.push_fragments([b"one", b"two", b"three"])
    sockets.timeline.wait("message", count=3)
    seen = [(bytes.fromhex(r.data), r.complete) for r in sockets.timeline.find("message")]
    assert seen == [(b"one", False), (b"two", False), (b"three", True)]


@pytest.mark.host_alone
def test_a_message_that_is_too_long_ends_the_connection(sockets: WebSocketScene) -> None:
    connection = sockets.registered(kind="message", max_message_size_bytes=100)
    connection.push(bytes(100))
    connection.push_fragments([bytes(60), bytes(60)])
    sockets.timeline.wait("reader-failed")
    connection.wait_frame(Opcode.CLOSE)
    assert connection.close_code == 1009
    assert len(sockets.timeline.find("message")) == 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.host_alone
def test_big_messages_both_ways(sockets: WebSocketScene, kind: str) -> None:
    connection = sockets.registered(kind=kind)
    sockets.ws.call("send_big", name="inbox", size_bytes=BIG_BYTES)
    assert len(connection.wait_frame(Opcode.BINARY).payload) == BIG_BYTES
    assert connection.received()[0].masked
    connection.push(bytes(BIG_BYTES))
    received = 0
    number = 0
    while received < BIG_BYTES:
        number += 1
        received += sockets.timeline.wait("queued", count=number).bytes
    assert received == BIG_BYTES


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.host_alone
def test_the_app_closes_with_code_and_reason_and_the_server_closes_the_connection(sockets: WebSocketScene, kind: str) -> None:
    connection = sockets.registered(kind=kind)
    sockets.ws.call("close", name="inbox", code=4711, reason="good night")
    connection.wait_closed()
    assert connection.close_code == 4711
    assert connection.error is None
    assert sockets.timeline.wait("READ_COMPLETE_EXIT").status == "CANCELED"


@pytest.mark.host_alone
def test_a_server_that_does_not_answer_the_close_is_left(sockets: WebSocketScene) -> None:
    connection = sockets.registered()
    connection.manners.answers_close = False
    sockets.ws.call("close", name="inbox")
    connection.wait_closed()


@pytest.mark.host_alone
def test_close_frames_that_cross_end_the_connection_once(sockets: WebSocketScene) -> None:
    connection = sockets.registered(read=False)
    connection.close_with(1001)
    sockets.ws.call("close", name="inbox")
    connection.wait_closed()
    assert len(connection.received(Opcode.CLOSE)) == 1


@pytest.mark.parametrize(("code", "reason"), [(1001, ""), (1006, ""), (2999, ""), (5000, ""), (1000, "x" * 124)])
@pytest.mark.host_alone
def test_a_close_that_is_no_apps_is_refused_and_closes_nothing(sockets: WebSocketScene, code: int, reason: str) -> None:
    connection = sockets.registered()
    with pytest.raises(HostError) as refused:
        sockets.ws.call("close", name="inbox", code=code, reason=reason)
    assert refused.value.hresult is HResult.INVALID_ARG
    sockets.message_and_run(connection, b"open")


@pytest.mark.parametrize("kind", KINDS)
def test_a_burst_of_messages_arrives_whole_and_in_order(sockets: WebSocketScene, kind: str) -> None:
    """All at once, for a sleeping host. What came together may run one task or many, but none is left without."""
    sockets.let_peers_repeat()  # a device that is woken drops what it has no room for
    connection = sockets.registered(kind=kind)
    asleep = sockets.sleep()
    messages = [b"%d;" % number for number in range(BURST)]
    connection.push_raw(b"".join(frame(Opcode.BINARY, message) for message in messages))
    sockets.timeline.wait("RUN_EXIT", after=asleep)
    sockets.host.exit_standby()
    sockets.wait_received(b"".join(messages))
    last = sockets.timeline.find("queued", after=asleep)[-1]
    sockets.timeline.wait("RUN_EXIT", after=last.seq)
    assert not sockets.timeline.find("USAGE_FAULT", after=asleep)
