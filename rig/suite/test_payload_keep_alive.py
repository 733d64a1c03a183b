"""Pings of the app's own protocol that the device sends in place of probes, judged by servers that check every byte."""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest

from rig.clock import WAIT_S, Clock, Deadline
from rig.config import StandbyConfig
from rig.device.numbers import SlotState
from rig.device.offload_types import SlotInfo
from rig.inject.frames import tcp_fields
from rig.net import counters
from rig.net.capture import CaptureTimeout
from rig.net.tcp_info import queued_bytes
from rig.peers import PushConnection, PushServer
from rig.standby.api import ControlChannelTriggerStatus as Status
from rig.standby.nic import handoff, takeback
from rig.standby.wire.hresult import HostError
from rig.suite import forged
from rig.suite.ping_protocols import MqttEnd, ServerEnd, WebSocketEnd, counters_of, stream_of
from rig.suite.scene import LONGEST_MINUTES, Scene

pytestmark = [
    pytest.mark.edge(22),
    pytest.mark.bench_config(clock=Clock(20_000), standby=StandbyConfig(network_ka_retry_min=500, network_ka_probes=3)),
]
"""A ping every 15 minutes of 20 ms, 300 ms; one that is not acknowledged is repeated after 10 s: not by a machine's hiccup."""

CYCLES = 6
RETRANSMITTED_S = 0.5
"""Twice what Linux waits at least before it sends a segment again."""
CLOSE_S = 0.2
"""The app knows no closing handshake, for which the server of others would wait ten seconds."""
NOTICE_S = 20.0
"""As in test_device_restart: the host asks after a second of silence."""


class Talk(NamedTuple):
    """A channel over which an app speaks the protocol of `end`."""

    connection: PushConnection
    end: ServerEnd
    head: int
    """Bytes that the app read before its first message."""


def talk(scene: Scene, end: ServerEnd, server: PushServer | None = None) -> Talk:
    """Open the channel and exchange the protocol's greeting."""
    connection = scene.open_hardware(server=server)
    connection.responder = end
    scene.app.call("send", channel="inbox", data=end.greeting())
    return Talk(connection, end, len(wait_read(scene, 1)))


def wait_read(scene: Scene, count: int) -> bytes:
    """What the app has read when it is at least so many bytes."""
    deadline = Deadline(10)
    while len(stream := stream_of(scene.app.call("messages", channel="inbox"))) < count:
        assert not deadline.expired, f"the app has read {stream!r}"
        deadline.pause()
    return stream


def wait_answered(scene: Scene, count: int) -> None:
    """Until the device has had an answer to each of `count` pings of this sleep. A next one may be out already."""
    deadline = Deadline(10)
    while (slot := scene.device.slots()[0]).payloads_answered < count:
        assert not deadline.expired, f"{slot.payloads_answered} of {slot.payloads_sent} pings were answered"
        deadline.pause()


def exchange(scene: Scene, on: Talk, number: int) -> None:
    """A message each way, with the host awake."""
    scene.app.call("send", channel="inbox", data=on.end.up(b"up %d" % number))
    on.end.wait("messages", number + 1)
    before = len(stream_of(scene.app.call("messages", channel="inbox")))
    on.connection.push(on.end.down(b"down %d" % number))
    wait_read(scene, before + len(on.end.down(b"down %d" % number)))


def assert_in_step(scene: Scene, on: Talk, messages: int, pongs: int | None = None) -> None:
    """Nothing was lost, doubled or bent in either direction. Without `pongs`: a last one may have come to the waking host."""
    assert on.end.faults == []
    assert on.end.messages == [b"up %d" % number for number in range(messages)]
    heard, late = on.end.heard(stream_of(scene.app.call("messages", channel="inbox"))[on.head :])
    assert heard == [b"down %d" % number for number in range(messages)]
    assert pongs is None or late == pongs


def sleep_through_pings(scene: Scene, on: Talk, count: int) -> None:
    """Asleep until `count` pings of this sleep were answered, without a wake."""
    before = len(on.end.pings)
    after = scene.sleep()
    on.end.wait("pings", before + count)
    wait_answered(scene, count)
    assert not scene.timeline.find("NIC_WAKE", after=after)


def many_sleeps(scene: Scene, on: Talk) -> None:
    """Each sleep has its pings; after each the app and the server talk, every second time woken by the server."""
    before = counters.read(scene.bench.network.server)
    for cycle in range(CYCLES):
        sleep_through_pings(scene, on, 2 if cycle == 0 else 1)
        if cycle % 2:
            after = scene.timeline.mark()
            on.connection.push(on.end.down(b"down %d" % cycle))
            assert scene.timeline.wait("NIC_WAKE", after=after).reason == "TCP_DATA"
            scene.timeline.wait("TASK_DATA", after=after)
            scene.host.exit_standby()
            scene.app.call("send", channel="inbox", data=on.end.up(b"up %d" % cycle))
            on.end.wait("messages", cycle + 1)
        else:
            scene.host.exit_standby()
            exchange(scene, on, cycle)
    state = scene.app.call("ping_state", channel="inbox")
    assert state["sent"] == len(on.end.pings) >= CYCLES + 1
    assert_in_step(scene, on, CYCLES)
    assert counters.handoff_faults(before, counters.read(scene.bench.network.server)) == {}


@pytest.mark.device_can(token_bytes=1)
@pytest.mark.usefixtures("patient_host")
def test_websocket_pings_over_many_sleeps(scene: Scene) -> None:
    on, start = talk(scene, end := WebSocketEnd()), 2**32 - 3
    scene.app.call("set_ping", channel="inbox", protocol="websocket", start=start)
    many_sleeps(scene, on)
    assert counters_of(end.pings) == [(start + number) % 2**32 for number in range(len(end.pings))]
    assert len(set(end.masks)) == len(end.masks)
    state = scene.app.call("ping_state", channel="inbox")
    assert (state["next_counter"], state["tokens_left"]) == ((start + len(end.pings)) % 2**32, 64 - len(end.pings))


@pytest.mark.device_can(token_bytes=1)
@pytest.mark.usefixtures("patient_host")
def test_mqtt_pings_over_many_sleeps(scene: Scene) -> None:
    on = talk(scene, MqttEnd())
    scene.app.call("set_ping", channel="inbox", protocol="mqtt")
    many_sleeps(scene, on)


@pytest.mark.topology("dual-stack")
@pytest.mark.device_can(token_bytes=1)
@pytest.mark.usefixtures("patient_host")
def test_pings_over_ipv6(scene: Scene) -> None:
    with scene.bench.peers.push_server(ipv6=True) as server:
        on = talk(scene, WebSocketEnd(), server)
        assert ":" in on.connection.peer[0]
        scene.app.call("set_ping", channel="inbox", protocol="websocket")
        many_sleeps(scene, on)


@contextmanager
def library_server(scene: Scene, heard: list[str]) -> Iterator[int]:
    """The `websockets` server in the server's namespace, which answers each message; its port. It closes with 1002 when a
    client's frame is not masked or otherwise wrong."""
    websockets = pytest.importorskip("websockets.sync.server", reason="no WebSocket server here: pip install websockets")

    def serve(client: Any) -> None:
        for message in client:
            heard.append(message)
            client.send("down " + message.removeprefix("up "))

    listener = scene.bench.network.server.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.bind((scene.bench.network.topology.server.ip4, 0))
    listener.listen()
    with websockets.serve(serve, sock=listener, ping_interval=None, compression=None, close_timeout=CLOSE_S) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        server.shutdown()
    thread.join(5)


@pytest.mark.device_can(token_bytes=1)
def test_a_websocket_server_of_others_is_content(scene: Scene) -> None:
    heard: list[str] = []
    end = WebSocketEnd()
    with library_server(scene, heard) as port:
        scene.app.call("open_channel", channel="inbox", host=scene.bench.server.address, port=port, minutes=LONGEST_MINUTES)
        scene.app.call("send", channel="inbox", data=end.greeting())
        head = len(wait_read(scene, 1))
        scene.app.call("set_ping", channel="inbox", protocol="websocket")
        for number in range(2):
            after = scene.sleep()
            wait_answered(scene, 2)
            assert not scene.timeline.find("NIC_WAKE", after=after)
            scene.host.exit_standby()
            before = len(stream_of(scene.app.call("messages", channel="inbox")))
            scene.app.call("send", channel="inbox", data=end.up(b"up %d" % number))
            read = wait_read(scene, before + len(end.down(b"down 0")))
        assert end.heard(read[head:])[0][-1] == b"down 1"
        assert heard == ["up 0", "up 1"]


@pytest.mark.device_can(token_bytes=1)
def test_a_wrong_pong_wakes_and_reaches_the_app(scene: Scene) -> None:
    """The negative control: one bit of the counter, in an answer that is right otherwise."""
    on = talk(scene, end := WebSocketEnd())
    scene.app.call("set_ping", channel="inbox", protocol="websocket")
    end.spoil = lambda pong: pong[:-1] + bytes([pong[-1] ^ (len(end.pings) == 2)])  # the first one is right, and wakes nobody
    after = scene.sleep()
    assert scene.timeline.wait("NIC_WAKE", after=after, timeout_s=10).reason == "TCP_DATA"
    scene.timeline.wait("TASK_DATA", after=after)
    scene.host.exit_standby()
    exchange(scene, on, 0)
    assert_in_step(scene, on, 1)
    assert stream_of(scene.app.call("messages", channel="inbox"))[on.head :].startswith(b"\x8a\x04\x01\x00\x00\x01")


@pytest.mark.device_can(token_bytes=1)
def test_two_pongs_at_once_wake(scene: Scene) -> None:
    on = talk(scene, end := MqttEnd())
    scene.app.call("set_ping", channel="inbox", protocol="mqtt")
    end.spoil = lambda pong: (2 if len(end.pings) == 1 else 1) * pong
    after = scene.timeline.mark()
    scene.sleep()  # the first ping is due 300 ms later: where the machine is busy, before we hear that the host sleeps
    assert scene.timeline.wait("NIC_WAKE", after=after, timeout_s=10).reason == "TCP_DATA"
    scene.timeline.wait("TASK_DATA", after=after)
    scene.host.exit_standby()
    exchange(scene, on, 0)
    assert_in_step(scene, on, 1)


@pytest.mark.device_can(token_bytes=1)
def test_when_the_masks_run_out_the_keep_alive_task_gives_new_ones(scene: Scene) -> None:
    on = talk(scene, end := WebSocketEnd())
    scene.app.call("set_ping", channel="inbox", protocol="websocket", masks=2, masks_later=2)
    after = scene.sleep()
    wake = scene.timeline.wait("NIC_WAKE", after=after, timeout_s=10)
    assert (wake.reason, wake.channel) == ("NO_MORE_TOKENS", "inbox")
    assert scene.timeline.wait("MASKS_GIVEN", after=after).next_counter == 2
    scene.timeline.wait("SLEEP_ENTER", after=wake.seq)
    end.wait("pings", 4)
    scene.timeline.wait("NIC_WAKE", after=wake.seq, reason="NO_MORE_TOKENS", timeout_s=10)
    scene.host.exit_standby()
    exchange(scene, on, 0)
    assert counters_of(end.pings)[:4] == [0, 1, 2, 3]
    assert_in_step(scene, on, 1)


@pytest.mark.bench_config(clock=Clock(50_000), standby=StandbyConfig(network_ka_retry_min=200, network_ka_probes=3))
@pytest.mark.device_can(token_bytes=1)
def test_without_new_masks_plain_probes_keep_the_connection(scene: Scene) -> None:
    """The control: nothing refills. The host wakes once, not at every interval. The peer's kernel answers one probe in 500 ms."""
    on = talk(scene, WebSocketEnd())
    scene.app.call("set_ping", channel="inbox", protocol="websocket", masks=1)
    after = scene.sleep()
    wake = scene.timeline.wait("NIC_WAKE", after=after, timeout_s=10)
    asleep = scene.timeline.wait("SLEEP_ENTER", after=wake.seq)
    deadline = Deadline(10)
    while (slot := scene.device.slots()[0]).ka_acked < 2:
        assert not deadline.expired, f"{slot.ka_acked} of {slot.ka_sent} probes were answered"
        deadline.pause()
    assert (slot.payloads_sent, len(on.end.pings)) == (0, 1)
    assert not scene.timeline.find("NIC_WAKE", after=asleep.seq)


@pytest.mark.device_can(token_bytes=1)
def test_a_server_whose_application_says_nothing_is_given_up(scene: Scene) -> None:
    """Its kernel acknowledges every ping."""
    on = talk(scene, end := MqttEnd())
    end.answering = False
    scene.app.call("set_ping", channel="inbox", protocol="mqtt")
    after = scene.sleep()
    wake = scene.timeline.wait("NIC_WAKE", after=after, timeout_s=10)
    assert (wake.reason, wake.channel, len(on.end.pings)) == ("KA_TIMEOUT", "inbox", 3)
    scene.timeline.wait("TASK_DATA", closed=True, after=after)


class Ping(NamedTuple):
    t_ns: int
    seq: int
    payload: bytes


def pings_sent(scene: Scene, after: int) -> list[Ping]:
    """What the device sent since `after`, a mark of its port."""
    frames = [f for f in scene.bench.capture.frames(scene.device_port, after=after) if f.data[6:12] == scene.host_mac]
    sent = [(f.t_ns, *tcp_fields(f.data)) for f in frames if f.data[12:14] == b"\x08\x00" and f.data[23] == 6]
    return [Ping(t_ns, seq, payload) for t_ns, seq, _, _, payload in sent if payload]


def wait_pings_sent(scene: Scene, after: int, count: int) -> list[Ping]:
    deadline = Deadline(10)
    while len(sent := pings_sent(scene, after)) < count:
        assert not deadline.expired, f"the device sent {sent}"
        deadline.pause()
    return sent


@pytest.mark.bench_config(standby=StandbyConfig(network_ka_retry_min=30, network_ka_probes=9))
@pytest.mark.device_can(token_bytes=1)
def test_the_device_repeats_a_lost_ping(scene: Scene) -> None:
    on = talk(scene, end := WebSocketEnd())
    scene.app.call("set_ping", channel="inbox", protocol="websocket")
    mark = scene.bench.capture.mark(scene.device_port)
    with scene.bench.network.unplugged("server"):
        after = scene.sleep()
        first = wait_pings_sent(scene, mark, 1)[0]
    again = wait_pings_sent(scene, mark, 2)[1]
    sent = f"SEQ {first.seq}: {first.payload.hex(' ')}; again: SEQ {again.seq}: {again.payload.hex(' ')}"
    assert again[1:] == first[1:], f"a payload that was not acknowledged is repeated as it was, with its token: {sent}"
    end.wait("pings", 2)
    assert not scene.timeline.find("NIC_WAKE", after=after)
    scene.host.exit_standby()
    exchange(scene, on, 0)
    assert counters_of(end.pings) == list(range(len(end.pings)))
    assert_in_step(scene, on, 1)


@pytest.mark.device_can(token_bytes=1)
def test_a_ping_lost_before_the_host_woke_is_repeated_by_its_kernel(scene: Scene) -> None:
    on = talk(scene, end := WebSocketEnd())
    scene.app.call("set_ping", channel="inbox", protocol="websocket")
    mark = scene.bench.capture.mark(scene.device_port)
    with scene.bench.network.unplugged("server"):
        scene.sleep()
        wait_pings_sent(scene, mark, 1)
        scene.host.exit_standby()
    end.wait("pings", 1)
    exchange(scene, on, 0)
    assert counters_of(end.pings) == [0]
    assert_in_step(scene, on, 1, pongs=1)
    state = scene.app.call("ping_state", channel="inbox")
    assert (state["sent"], state["answered"], state["next_counter"]) == (1, 0, 1)


@pytest.mark.device_can(token_bytes=1)
def test_a_restart_of_the_device_ends_the_connection_whose_numbers_only_it_knew(scene: Scene) -> None:
    """What the app would write next would take the place of the pings in the stream: better no connection than that."""
    on = talk(scene, end := WebSocketEnd())
    scene.app.call("set_ping", channel="inbox", protocol="websocket")
    sleep_through_pings(scene, on, 1)
    after = scene.timeline.mark()
    scene.bench.microcontroller.reset()
    scene.timeline.wait("RESUME_REQUIRED", after=after, timeout_s=NOTICE_S)
    scene.timeline.wait("TASK_DATA", closed=True, after=after)
    scene.host.exit_standby()
    assert scene.app.call("messages", channel="inbox")[-1] == b""
    assert end.faults == []


@pytest.mark.device_can(token_bytes=1)
def test_the_kernel_repeats_nothing_that_the_peer_has_acknowledged(scene: Scene) -> None:
    """Its retransmission timer would do so after 200 ms: the bytes that it took back count as sent. Nobody else speaks."""
    on = talk(scene, WebSocketEnd())
    scene.app.call("set_ping", channel="inbox", protocol="websocket")
    sleep_through_pings(scene, on, 1)
    port = scene.bench.network.topology.host.port
    mark = scene.bench.capture.mark(port)
    scene.host.exit_standby()
    with pytest.raises(CaptureTimeout):
        scene.bench.capture.wait_for(port, lambda data: has_data(scene, data), RETRANSMITTED_S, after=mark)
    exchange(scene, on, 0)
    assert_in_step(scene, on, 1)


def has_data(scene: Scene, frame: bytes) -> bool:
    """A TCP segment of the host over IPv4 with payload."""
    return frame[6:12] == scene.host_mac and frame[12:14] == b"\x08\x00" and frame[23] == 6 and tcp_fields(frame)[3] != b""


@pytest.mark.device_can(token_bytes=1)
def test_a_short_wake_between_two_pings_does_not_hasten_the_next(scene: Scene) -> None:
    """The device counts from the last ping, be it of an earlier sleep, as the server's application does. Lateness is no fault."""
    on = talk(scene, WebSocketEnd())
    scene.app.call("set_ping", channel="inbox", protocol="websocket")
    interval_s = scene.bench.config.clock.minutes_s(15)
    mark = scene.bench.capture.mark(scene.device_port)
    for _ in range(3):
        sleep_through_pings(scene, on, 1)
        scene.host.exit_standby()
    times_s = [t_ns / 1e9 for t_ns, _, _ in pings_sent(scene, mark)]
    gaps_s = [later - earlier for earlier, later in itertools.pairwise(times_s)]
    assert len(gaps_s) >= 2
    assert all(gap_s > 0.9 * interval_s for gap_s in gaps_s), gaps_s


@pytest.mark.edge(108)
@pytest.mark.device_can(token_bytes=1)
def test_masks_are_on_the_wire_and_nowhere_else(scene: Scene) -> None:
    """Not in the record of the run, nor in anything that the device tells. Two in a row, as tokens are handed on."""
    on = talk(scene, end := WebSocketEnd())
    scene.app.call("set_ping", channel="inbox", protocol="websocket", masks=3)
    sleep_through_pings(scene, on, 2)
    secret = b"".join(end.masks[:2])
    told = [repr(call()).encode() for call in (scene.device.slots, scene.device.counters, scene.device.status, scene.device.log)]
    scene.host.exit_standby()
    told.append((scene.bench.artefacts / "timeline.jsonl").read_bytes())
    assert b"TAKE_BACK" in told[-1]
    forms = secret, secret.hex().encode(), secret.hex(" ").encode(), repr(secret)[2:-1].encode()
    assert not any(form in text for form in forms for text in told)


@pytest.mark.device_can(token_bytes=1)
def test_a_new_transport_has_no_pings_until_the_app_sets_them_again(scene: Scene) -> None:
    """On it the greeting comes first. The old one's pings show that they were set."""
    on = talk(scene, MqttEnd())
    scene.app.call("set_ping", channel="inbox", protocol="mqtt")
    sleep_through_pings(scene, on, 1)
    scene.host.exit_standby()
    server = scene.bench.server
    before = len(server.connections)
    assert scene.app.call("reconnect", channel="inbox", host=server.address, port=server.port) == Status.HARDWARE_SLOT_ALLOCATED
    with pytest.raises(HostError, match="ILLEGAL_METHOD_CALL"):
        scene.app.call("ping_state", channel="inbox")
    scene.sleep()
    deadline = Deadline(10)
    while (slot := scene.device.slots()[0]).ka_acked < 1:
        assert not deadline.expired, f"{slot.ka_acked} of {slot.ka_sent} probes were answered"
        deadline.pause()
    assert (slot.payloads_sent, server.connection(before).received) == (0, b"")


def state_after(frozen: handoff.FrozenTcp, sent: int, consumed: int) -> SlotInfo:
    """What a device would say that had so many bytes sent, acknowledged and taken."""
    numbers = [(frozen.snd_nxt + sent) % 2**32] * 2 + [(frozen.rcv_nxt + consumed) % 2**32, frozen.snd_wnd]
    return SlotInfo.of([0, 1, int(SlotState.ACTIVE), 0, *numbers, frozen.tsval, 1, *[0] * 14])


@pytest.mark.parametrize(("sent", "consumed"), [(1, 0), (6, 2), (16384, 16384 * 32)], ids=["send", "both", "most"])
@pytest.mark.parametrize("host_seq", [1_000, 2**32 - 3], ids=["low", "wrap"])
def test_the_kernel_takes_what_a_sleep_may_hold_at_most(scene: Scene, host_seq: int, sent: int, consumed: int) -> None:
    """Numbers, windows and queues of a real socket; 16 KiB is all that a device sends in one sleep. The time of the sleep is no
    round trip."""
    scene.open_hardware()
    gate = scene.bench.network.gate()
    with forged.connection(scene.bench, host_seq, 2**32 - 1000) as ends:
        gate.close()
        frozen = handoff.freeze(ends.host)
        slot = state_after(frozen, sent, consumed)
        takeback.take_back(ends.host, frozen, slot, bytes(sent), consumed)
        gate.inject(takeback.acknowledgement(ends.host, frozen, slot, peer_mac=scene.server_mac, host_mac=scene.host_mac))
        deadline = Deadline(WAIT_S)
        while queued_bytes(ends.host) != (0, 0):
            assert not deadline.expired, f"(unread, unacknowledged) is {queued_bytes(ends.host)}"
            deadline.pause()
        again = handoff.freeze(ends.host)
        handoff.thaw(ends.host)
        gate.open()
    assert again.info.rtt_us == frozen.info.rtt_us
    assert (again.snd_nxt, again.rcv_nxt, again.snd_wnd) == (slot.snd_nxt, slot.rcv_nxt, frozen.snd_wnd)
    assert (again.rcv_wup, again.rcv_wnd) == (slot.rcv_nxt, frozen.rcv_wnd)


def test_numbers_that_do_not_fit_leave_the_socket_as_it_was(scene: Scene) -> None:
    scene.open_hardware()
    gate = scene.bench.network.gate()
    with forged.connection(scene.bench, 1_000, 2_000) as ends:
        gate.close()
        frozen = handoff.freeze(ends.host)
        for sent, consumed in ((7, 2), (6, 3)):
            with pytest.raises(takeback.OutOfStep, match="do not lead to"):
                takeback.take_back(ends.host, frozen, state_after(frozen, 6, 2), bytes(sent), consumed)
        again = handoff.freeze(ends.host)
        handoff.thaw(ends.host)
        gate.open()
    assert (again.snd_nxt, again.rcv_nxt) == (frozen.snd_nxt, frozen.rcv_nxt)
