"""Connections that change hands, as the peer sees it: no stray segment when they come back, no retransmissions in between."""

from __future__ import annotations

import socket
import statistics
import struct
import threading
from typing import NamedTuple

import pytest

from rig.clock import WAIT_S, Deadline
from rig.inject.frames import IPPROTO_TCP, tcp_fields, transport
from rig.net.capture import CaptureTimeout
from rig.net.retransmission import KERNELS_OWN_MS
from rig.standby.nic import handoff
from rig.suite import forged
from rig.suite.scene import QUIET_S, Scene

HOST_SEQ, SERVER_SEQ = 1_000_000, 2_000_000
CYCLES = 15
INITIAL_WINDOW = 10
"""RFC 6928; a retransmission timeout would take the window down to 1."""
SHORTEST_TIMEOUT_S = KERNELS_OWN_MS / 1000
"""A peer repeats what it sent into a longer silence."""
REPAIR_OFF = 0
"""Ends repair, but makes the kernel send a window probe (tcp_send_window_probe)."""


def first_segment(scene: Scene, after: int, timeout_s: float = WAIT_S) -> tuple[int, int, str, bytes]:
    """(seq, ack, flags, payload) of the first TCP segment of the host behind a mark of its port."""
    frame = scene.bench.capture.wait_for(
        scene.bench.network.topology.host.port, lambda data: is_hosts_segment(scene, data), timeout_s, after=after
    )
    return tcp_fields(frame.data)


def is_hosts_segment(scene: Scene, frame: bytes) -> bool:
    try:
        return frame[6:12] == scene.host_mac and transport(frame)[0] == IPPROTO_TCP
    except ValueError:
        return False


@pytest.mark.edge(104)
def test_no_window_probe_when_the_sockets_come_back(scene: Scene) -> None:
    """A probe would carry numbers of before the sleep: the peer would answer it, and be told old timestamps."""
    connection = scene.open_hardware()
    scene.sleep()
    mark = scene.bench.capture.mark(scene.bench.network.topology.host.port)
    scene.host.exit_standby()
    with pytest.raises(CaptureTimeout):
        first_segment(scene, mark, QUIET_S)
    scene.app.call("send", channel="inbox", data=b"the app speaks")
    seq, _, _, payload = first_segment(scene, mark)
    assert (seq, payload) == (scene.handoff().snd_nxt, b"the app speaks")
    assert connection.wait_received(len(payload)) == payload


@pytest.mark.edge(104)
def test_the_plain_end_of_repair_would_send_one(scene: Scene) -> None:
    """The control: what the test above looks for is what a kernel sends when repair ends with 0 instead of -1."""
    port = scene.bench.network.topology.host.port
    with forged.connection(scene.bench, HOST_SEQ, SERVER_SEQ) as ends:
        for end, seen in ((handoff.REPAIR_OFF_NO_PROBE, False), (REPAIR_OFF, True)):
            handoff.freeze(ends.host)
            mark = scene.bench.capture.mark(port)
            ends.host.setsockopt(socket.IPPROTO_TCP, handoff.TCP_REPAIR, end)
            if seen:
                assert first_segment(scene, mark) == (HOST_SEQ - 1, SERVER_SEQ, "A", b"")
            else:
                with pytest.raises(CaptureTimeout):
                    first_segment(scene, mark, QUIET_S)


class PeersView(NamedTuple):
    """What a kernel that sent to us had to do (struct tcp_info of linux/tcp.h)."""

    retransmitted: int
    window: int

    @classmethod
    def of(cls, sock: socket.socket) -> PeersView:
        words = struct.unpack_from("=24I", sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104), 8)
        return cls(words[23], words[18])


@pytest.mark.edge(91)
def test_the_peer_hardly_notices_the_time_when_nobody_owns_the_connection(scene: Scene) -> None:
    """Pushes around the entry: what came while neither spoke is on its way to the app before the peer's timer ends."""
    scene.let_peers_repeat()
    connection, repeated = scene.open_hardware(), list[int]()
    for number in range(CYCLES):
        before = PeersView.of(connection.sock)
        after = scene.timeline.mark()
        pusher = threading.Timer(number * 0.001, connection.push, (b"%d;" % number,))
        pusher.start()
        scene.host.enter_standby()
        pusher.join()
        scene.timeline.wait("TASK_DATA", after=after)
        scene.host.exit_standby()
        repeated.append(PeersView.of(connection.sock).retransmitted - before.retransmitted)
    assert sorted(repeated)[-3] <= 1, f"{repeated}: a busy machine may be late for two of them"
    assert PeersView.of(connection.sock).window >= INITIAL_WINDOW


@pytest.mark.edge(91)
def test_nobody_owns_the_connection_for_less_than_a_retransmission_timeout(scene: Scene) -> None:
    """At entry from before the gate closes until the device speaks; at a wake from the event until the host is on the wire."""
    connection, entries_s, wakes_s = scene.open_hardware(), [], []
    for number in range(CYCLES):
        before = scene.timeline.mark()
        after = scene.sleep()
        closed = scene.timeline.wait("GATE_CLOSED", after=before)
        entries_s.append((scene.timeline.wait("SLEEP_ENTER", after=before).t_ns - closed.t_ns) / 1e9)
        scene.push_and_run(connection, b"%d;" % number)
        wake = scene.timeline.wait("NIC_WAKE", after=after)
        wakes_s.append((scene.timeline.wait("REINJECT", after=after).t_ns - wake.t_ns) / 1e9)
        scene.host.exit_standby()
    assert 0 < statistics.median(entries_s) < SHORTEST_TIMEOUT_S
    assert 0 < statistics.median(wakes_s) < SHORTEST_TIMEOUT_S


@pytest.mark.edge(91)
def test_a_longer_time_without_owner_would_be_noticed(scene: Scene) -> None:
    """The control: the same numbers when the host is cut off and nothing stands in for it."""
    scene.let_peers_repeat()
    with forged.connection(scene.bench, HOST_SEQ, SERVER_SEQ) as ends:
        gate = scene.bench.network.gate()
        ends.server.sendall(b"first")
        ends.host.settimeout(5)
        assert ends.host.recv(5, socket.MSG_WAITALL) == b"first"
        gate.close()
        ends.server.sendall(b"second")
        deadline = Deadline(10)
        while PeersView.of(ends.server).retransmitted < 2:
            assert not deadline.expired, "the peer's kernel did not retransmit"
            deadline.pause()
        assert PeersView.of(ends.server).window < INITIAL_WINDOW
        gate.open()
        assert ends.host.recv(6, socket.MSG_WAITALL) == b"second"
