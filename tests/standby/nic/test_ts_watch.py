"""The watch of timestamps keeps the heads of TCP segments, and nothing else that comes in."""

from __future__ import annotations

import contextlib

from rig.inject.frames import Flow, tcp_segment, udp_datagram
from rig.net.backlog import Backlogs
from rig.standby.nic.ts_watch import HEAD_BYTES, frames_of

from .conftest import Parts


def flow_to_host(parts: Parts) -> Flow:
    plan, (address, port) = parts.network.topology, parts.sock.getsockname()
    peer = parts.sock.getpeername()
    return Flow(plan.next_hop.mac, plan.host.mac, peer[0], address, peer[1], port)


def test_other_peoples_frames_take_no_room(parts: Parts) -> None:
    """Its buffer is what the newest timestamps have to fit into."""
    watch, _ = parts.driver.watches
    watch.look()
    flow = flow_to_host(parts)
    for frame in [udp_datagram(flow.with_ports(4000, 9), bytes(1000))] * 100:
        parts.gate.inject(frame)
    parts.gate.inject(tcp_segment(flow.with_ports(4000, 9), 1, 1, "A", bytes(1000), timestamps=(7, 0)))
    with contextlib.closing(Backlogs()) as backlogs:
        backlogs.drain()
    kept = list(frames_of(watch.socket))
    assert [len(frame) for frame in kept] == [HEAD_BYTES]


def test_the_newest_timestamp_is_known_before_and_after_a_driver_dies(parts: Parts) -> None:
    parts.assert_whole(1)
    before = parts.driver.watches[0].ts_recent(parts.sock)
    assert before != 0
    parts.driver.notes.write()
    parts.start_driver_anew()
    assert parts.driver.watches[0].ts_recent(parts.sock) == before
