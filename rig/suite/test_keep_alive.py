"""Keep-alives that the device sends for the host, and those of the peer that it answers."""

from __future__ import annotations

import socket
from functools import partial
from itertools import pairwise
from typing import NamedTuple

import pytest

from rig.clock import WAIT_S, Clock, Deadline
from rig.config import StandbyConfig
from rig.inject.frames import tcp_fields, tcp_segment, transport
from rig.inject.injector import Injector
from rig.net import links
from rig.net.tcp_info import TCP_ESTABLISHED, tcp_info
from rig.peers import PushConnection
from rig.suite import forged
from rig.suite.scene import NO_PROBES, Scene

QUICK = {"standby": StandbyConfig(network_ka_retry_min=15, network_ka_probes=9), "clock": Clock(20_000)}
"""A keep-alive every 15 minutes of 20 ms: 300 ms. The peer's kernel answers every other of them; nobody gives it up for that."""
MISSED = {"standby": StandbyConfig(network_ka_retry_min=12, network_ka_probes=3), "clock": Clock(50_000)}
"""Probes 600 ms apart: the peer's kernel answers at most one out-of-window segment in 500 ms (tcp_invalid_ratelimit)."""
ONE_LEFT = MISSED | {"standby": StandbyConfig(network_ka_retry_min=20, network_ka_probes=3)}
"""A second apart: within that the server is back, however busy the machine."""
SMALL_BUFFERS = "4096 65536 65536"
"""Of receiving sockets: least, usual, most."""
LOST = 2
"""All but one of the probes."""


RAPID_PROBES = 12


def rapid(probes: int) -> StandbyConfig:
    """Unanswered probes as close together as the first ones; how many of them end the connection."""
    return StandbyConfig(network_ka_retry_min=15, network_ka_probes=probes)


class Probe(NamedTuple):
    t_ns: int
    seq: int
    ack: int
    flags: str
    payload: bytes


def probes(scene: Scene, after: int, count: int, timeout_s: float = WAIT_S) -> list[Probe]:
    """The first `count` TCP segments that the device sent since `after` (a mark of its port)."""
    deadline = Deadline(timeout_s)
    while True:
        if len(sent := probes_so_far(scene, after)) >= count:
            return sent[:count]
        assert not deadline.expired, f"{count} probes were awaited in {timeout_s} s; {clock_of(scene, after)}"
        deadline.pause()


def probes_so_far(scene: Scene, after: int) -> list[Probe]:
    frames = [f for f in scene.bench.capture.frames(scene.device_port, after=after) if f.data[6:12] == scene.host_mac]
    return [Probe(f.t_ns, *tcp_fields(f.data)) for f in frames if f.data[12:14] == b"\x08\x00" and f.data[23] == 6]


def clock_of(scene: Scene, after: int) -> str:
    """For an error: when the device sent what."""
    times_ms = [probe.t_ns / 1e6 for probe in probes_so_far(scene, after)]
    apart = ", ".join(f"{later - earlier:.1f}" for earlier, later in pairwise(times_ms))
    return f"the device's clock: {len(times_ms)} probes, ms from each to the next: {apart or 'none'}"


def answer_to(scene: Scene, probe: Probe, connection: PushConnection) -> Probe:
    """The server's segment that came right behind a probe."""
    frame = scene.bench.capture.wait_for(
        scene.device_port,
        lambda data: data[6:12] == scene.next_hop_mac and data[23] == 6 and tcp_fields(data)[1] == (probe.seq + 1) % 2**32,
    )
    return Probe(frame.t_ns, *tcp_fields(frame.data))


@pytest.mark.edge(1)
@pytest.mark.bench_config(**QUICK)
def test_probe_is_one_before_snd_una_empty_and_a_pure_ack(scene: Scene) -> None:
    connection = scene.open_hardware()
    mark = scene.bench.capture.mark(scene.device_port)
    after = scene.sleep()
    handoff = scene.handoff()
    (probe,) = probes(scene, mark, 1)
    assert (probe.seq, probe.ack) == ((handoff.snd_nxt - 1) % 2**32, handoff.rcv_nxt)
    assert (probe.flags, probe.payload) == ("A", b"")
    answer = answer_to(scene, probe, connection)
    assert (answer.flags, answer.payload, answer.seq) == ("A", b"", handoff.rcv_nxt)
    assert connection.received == b""
    scene.assert_no_wake(after)


@pytest.mark.edge(1)
@pytest.mark.bench_config(standby=NO_PROBES)
def test_a_probe_at_snd_nxt_would_not_be_answered(scene: Scene) -> None:
    """The negative control: what the peer's kernel makes of the classic off-by-one."""
    connection = scene.open_hardware()
    scene.sleep()
    handoff, flow = scene.handoff(), scene.flow_to_server(connection)
    with Injector.on(scene.bench.network.wire, scene.server_port) as towards_server:
        mark = scene.bench.capture.mark(scene.server_port)
        for seq, answered in ((handoff.snd_nxt, False), (handoff.snd_nxt - 1, True)):
            towards_server.send(tcp_segment(flow, seq, handoff.rcv_nxt, timestamps=(handoff.tsval, 0)))
            assert scene.server_answers(mark) is answered, f"seq {seq - handoff.snd_nxt:+d}"


@pytest.mark.edge(40)
@pytest.mark.bench_config(**QUICK)
def test_a_probe_advertises_the_window_that_the_host_did(scene: Scene) -> None:
    """In the host's scale: the server's windows have another one."""
    scene.bench.network.server.run(partial(links.set_sysctl, "net/ipv4/tcp_rmem", SMALL_BUFFERS, required=True))
    connection = scene.open_hardware()
    server = tcp_info(connection.sock)
    assert server.snd_wscale != server.rcv_wscale, "both ends have the same scale: nothing is seen of which is which"
    of_host = windows(scene, scene.server_port, scene.last_hop_mac)[-1]
    mark = scene.bench.capture.mark(scene.device_port)
    scene.sleep()
    probes(scene, mark, 1)
    of_device = windows(scene, scene.device_port, scene.host_mac, after=mark)[0]
    scales = f"of scale {server.snd_wscale}, the server's is {server.rcv_wscale}"
    assert of_device == of_host, f"the window of the device's probe, and of the host's last segment; {scales}"


def windows(scene: Scene, port: str, mac: bytes, after: int = 0) -> list[int]:
    """Of the TCP segments with that sender, as they stand in their headers."""
    frames = [frame.data for frame in scene.bench.capture.frames(port, after=after) if frame.data[6:12] == mac]
    ipv4 = [(frame, *transport(frame)) for frame in frames if frame[12:14].hex() == "0800"]
    return [int.from_bytes(f[start + 14 : start + 16], "big") for f, protocol, start in ipv4 if protocol == socket.IPPROTO_TCP]


@pytest.mark.edge(2)
@pytest.mark.parametrize("host_seq", [0, 1, 2**32 - 1], ids=["una=0", "una=1", "una=max"])
@pytest.mark.bench_config(**QUICK)
def test_probe_across_the_wrap_of_sequence_numbers(scene: Scene, host_seq: int) -> None:
    scene.open_hardware()  # the host's kernel knows the server's address afterwards
    with forged.connection(scene.bench, host_seq, 0) as ends:
        mark = scene.bench.capture.mark(scene.device_port)
        with forged.asleep(scene.bench, ends, ka_idle_ms=15 * 60_000) as ref:
            (probe,) = probes(scene, mark, 1)
            assert (probe.seq, probe.ack, probe.payload) == ((host_seq - 1) % 2**32, 0, b"")
            deadline = Deadline(WAIT_S)
            while not scene.device.get_tcp_slot(ref).ka_acked:
                assert not deadline.expired, "the peer's kernel did not answer"
                deadline.pause()
        ends.server.sendall(b"after")
        ends.host.settimeout(5)
        assert ends.host.recv(16) == b"after"


@pytest.mark.edge(3)
@pytest.mark.bench_config(**QUICK)
def test_answers_to_probes_do_not_wake(scene: Scene) -> None:
    connection = scene.open_hardware()
    mark = scene.bench.capture.mark(scene.device_port)
    after = scene.sleep()
    probes(scene, mark, 3)
    handoff, flow = scene.handoff(), scene.flow_to_host(connection)
    for flags in ("A", "AE", "AC", "AEC", "AP"):
        scene.bench.inject.send(tcp_segment(flow, handoff.rcv_nxt, handoff.snd_nxt, flags, timestamps=scene.peer_timestamps()))
    scene.assert_no_wake(after)
    (slot,) = scene.device.slots()
    assert slot.ka_acked >= 2
    scene.push_and_run(connection, b"data does")


@pytest.mark.edge(4)
@pytest.mark.parametrize(("flags", "reason"), [("FA", "TCP_FIN"), ("RA", "TCP_RST")])
@pytest.mark.bench_config(standby=NO_PROBES)
def test_fin_or_rst_with_the_numbers_of_the_answer_wakes(scene: Scene, flags: str, reason: str) -> None:
    connection = scene.open_hardware()
    after = scene.sleep()
    handoff, flow = scene.handoff(), scene.flow_to_host(connection)
    numbers = handoff.rcv_nxt, handoff.snd_nxt
    scene.bench.inject.send(tcp_segment(flow.with_ports(dst_port=flow.dst_port ^ 1), *numbers, flags))
    scene.bench.inject.send(tcp_segment(flow, *numbers, "A", timestamps=scene.peer_timestamps()))
    scene.assert_no_wake(after)
    scene.bench.inject.send(tcp_segment(flow, *numbers, flags, timestamps=scene.peer_timestamps()))
    assert scene.timeline.wait("NIC_WAKE", after=after).reason == reason
    scene.timeline.wait("TASK_DATA", closed=True, after=after)


@pytest.mark.edge(7)
def test_the_peers_keep_alives_are_answered_without_waking(scene: Scene) -> None:
    """The judge is the peer's kernel: two unanswered probes, 1 s apart, would end its connection."""
    connection = scene.open_hardware()
    for option, value in ((socket.TCP_KEEPIDLE, 1), (socket.TCP_KEEPINTVL, 1), (socket.TCP_KEEPCNT, 2)):
        connection.sock.setsockopt(socket.IPPROTO_TCP, option, value)
    connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    after = scene.sleep()
    deadline = Deadline(10)
    while scene.device.slots()[0].peer_ka_answered < 3:
        assert not deadline.expired, "the device did not answer three of the peer's keep-alives in 10 s"
        deadline.pause()
    assert tcp_info(connection.sock).state == TCP_ESTABLISHED
    scene.assert_no_wake(after)
    scene.push_and_run(connection, b"still there")


@pytest.mark.edge(7)
@pytest.mark.bench_config(standby=NO_PROBES)
def test_a_keep_alive_for_another_port_is_not_answered(scene: Scene) -> None:
    connection = scene.open_hardware()
    after = scene.sleep()
    handoff, flow = scene.handoff(), scene.flow_to_host(connection)
    mark = scene.bench.capture.mark(scene.device_port)
    for port, count in ((flow.dst_port ^ 1, 0), (flow.dst_port, 1)):
        probe = tcp_segment(
            flow.with_ports(dst_port=port), handoff.rcv_nxt - 1, handoff.snd_nxt, timestamps=scene.peer_timestamps()
        )
        scene.bench.inject.send(probe)
        if count:
            (answer,) = probes(scene, mark, 1)
            assert (answer.seq, answer.ack, answer.flags, answer.payload) == (handoff.snd_nxt, handoff.rcv_nxt, "A", b"")
    scene.assert_no_wake(after)
    assert scene.device.slots()[0].peer_ka_answered == 1


@pytest.mark.edge(12)
@pytest.mark.parametrize(
    ("limit_ms", "reason"),
    [
        pytest.param(500, None, marks=pytest.mark.bench_config(standby=rapid(3)), id="three"),
        pytest.param(500, "KA_TIMEOUT", marks=pytest.mark.bench_config(standby=rapid(2)), id="two"),
        pytest.param(0, None, marks=pytest.mark.bench_config(standby=rapid(2)), id="two-unlimited"),
    ],
)
@pytest.mark.bench_config(clock=Clock(13_400))
def test_probes_faster_than_the_servers_kernel_answers(scene: Scene, limit_ms: int, reason: str | None) -> None:
    """Every 201 ms against one answer in 500: three unanswered probes in a row would never be, two soon are."""
    scene.bench.network.server.run(partial(links.set_sysctl, "net/ipv4/tcp_invalid_ratelimit", limit_ms))
    scene.open_hardware()
    mark = scene.bench.capture.mark(scene.device_port)
    after = scene.sleep()
    if reason is not None:
        wake = scene.timeline.wait("NIC_WAKE", after=after, timeout_s=20)
        assert wake.reason == reason, f"{wake.reason} instead of {reason}; {clock_of(scene, mark)}, 201 ms is its interval"
        return
    probes(scene, mark, RAPID_PROBES, timeout_s=20)
    assert not scene.timeline.find("NIC_WAKE", after=after)
    (slot,) = scene.device.slots()
    assert slot.ka_acked >= RAPID_PROBES // 3
    assert (slot.ka_acked >= RAPID_PROBES - 1) is (limit_ms == 0)


@pytest.mark.edge(13)
@pytest.mark.bench_config(clock=Clock(200_000))
def test_idle_time_before_the_handoff_counts(scene: Scene) -> None:
    """Idle is 3 s; 1.4 s of it pass before the host sleeps. A device that starts anew would probe after 4.4 s."""
    connection = scene.open_hardware()
    deadline = Deadline(WAIT_S)
    while tcp_info(connection.sock).last_ack_recv_ms < 1400:
        assert not deadline.expired
        deadline.pause()
    mark = scene.bench.capture.mark(scene.device_port)
    spoken = [f.t_ns for f in scene.bench.capture.frames(scene.server_port) if f.data[12:14] == b"\x08\x00" and f.data[23] == 6]
    scene.sleep()
    (probe,) = probes(scene, mark, 1)
    after_s = (probe.t_ns - spoken[-1]) / 1e9
    late = "due is 3.0 s, and 4.4 s were it counted from the sleep"
    assert 2.7 < after_s < 4.3, f"the device's clock: the first probe came {after_s:.2f} s after the last segment, {late}"


@pytest.mark.edge(13)
@pytest.mark.bench_config(clock=Clock(200_000))
def test_what_the_device_heard_in_a_sleep_counts_in_the_next_one(scene: Scene) -> None:
    """Idle is 3 s: 1.4 s of it pass between the answer to the first probe and the second sleep."""
    scene.open_hardware()
    mark = scene.bench.capture.mark(scene.device_port)
    scene.sleep()
    (first,) = probes(scene, mark, 1)
    Deadline(1.4).wait_out()
    scene.host.exit_standby()
    scene.sleep()
    _, second = probes(scene, mark, 2)
    after_s = (second.t_ns - first.t_ns) / 1e9
    late = "due is 3.0 s, and 4.4 s were it counted from the wake"
    assert 2.7 < after_s < 4.3, f"the device's clock: the second probe came {after_s:.2f} s after the first, {late}"


@pytest.mark.edge(16)
@pytest.mark.bench_config(**ONE_LEFT)
def test_all_but_one_probe_lost_does_not_wake(scene: Scene) -> None:
    """A probe that was answered before the server was gone counts for nothing here."""
    connection = scene.open_hardware()
    after = scene.sleep()
    with scene.bench.network.unplugged("server"):
        mark, answered = scene.bench.capture.mark(scene.device_port), scene.device.slots()[0].ka_acked
        probes(scene, mark, LOST)
    probes(scene, mark, LOST + 1)
    scene.assert_no_wake(after)
    sent = len(probes_so_far(scene, mark))
    acked = scene.device.slots()[0].ka_acked - answered
    by_now = len(probes_so_far(scene, mark))
    assert max(1, sent - LOST - 1) <= acked <= by_now - LOST, "one for each that was sent since, the last perhaps not yet"
    scene.push_and_run(connection, b"alive")


@pytest.mark.edge(16)
@pytest.mark.bench_config(**MISSED)
def test_all_probes_lost_wakes_once_with_ka_timeout(scene: Scene) -> None:
    scene.open_hardware()
    after = scene.sleep()
    with scene.bench.network.unplugged("server"):
        wake = scene.timeline.wait("NIC_WAKE", after=after)
        assert (wake.reason, wake.channel) == ("KA_TIMEOUT", "inbox")
        released = scene.timeline.wait("SLOT_RELEASED", after=after)
        assert released.ka_lost == 3
        scene.timeline.wait("TASK_DATA", closed=True, after=after)
    assert len(scene.timeline.find("NIC_WAKE", after=after)) == 1


@pytest.mark.edge(16)
@pytest.mark.requirement("CCT-039")
@pytest.mark.topology("dual-stack")
@pytest.mark.bench_config(**MISSED)
def test_of_two_channels_the_one_whose_peer_is_silent_fails(scene: Scene) -> None:
    """The other one's server answers: its app hears nothing of an end, and what comes on it runs its task."""
    with scene.bench.peers.push_server("peer") as other:
        scene.open_hardware("silent")
        alive = scene.open_hardware("alive", server=other)
        after = scene.sleep()
        with scene.bench.network.unplugged("server"):
            wake = scene.timeline.wait("NIC_WAKE", after=after)
            assert (wake.reason, wake.channel) == ("KA_TIMEOUT", "silent")
            scene.timeline.wait("TASK_DATA", channel="silent", closed=True, after=after)
        scene.push_and_run(alive, b"still there", "alive")
        assert [record.channel for record in scene.timeline.find("TASK_DATA", closed=True)] == ["silent"]
