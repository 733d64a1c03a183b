"""How keep-alive jitter is told from captured frames."""

from __future__ import annotations

import pytest

from rig.benchmarks.jitter import INTERVAL_MS, deviations_ms
from rig.inject.frames import Flow, tcp_segment
from rig.net.capture import CapturedFrame

TO_PEER = Flow("02:00:00:00:01:10", "02:00:00:00:01:20", "192.0.2.10", "192.0.2.20", 40_000, 80)
HOST_MAC = bytes.fromhex("020000000110")


def frame(at_ms: float, flow: Flow) -> CapturedFrame:
    return CapturedFrame(round(at_ms * 1e6), tcp_segment(flow, 1, 1, "A"))


def test_a_keep_alive_is_due_an_interval_after_the_answer_to_the_last() -> None:
    frames = [frame(0, TO_PEER), frame(2, TO_PEER.reversed), frame(2 + INTERVAL_MS + 3, TO_PEER)]
    assert deviations_ms(frames, HOST_MAC) == pytest.approx([3])


def test_without_an_answer_an_interval_after_the_last_itself() -> None:
    frames = [frame(0, TO_PEER), frame(INTERVAL_MS - 1, TO_PEER)]
    assert deviations_ms(frames, HOST_MAC) == pytest.approx([1])


def test_each_connection_has_its_own_due_time_and_the_first_of_each_none() -> None:
    other = TO_PEER.with_ports(src_port=40_001)
    frames = [frame(0, TO_PEER), frame(10, other), frame(INTERVAL_MS, TO_PEER), frame(INTERVAL_MS + 14, other)]
    assert deviations_ms(frames, HOST_MAC) == pytest.approx([0, 4])


def test_what_the_peer_sends_before_the_first_keep_alive_starts_nothing() -> None:
    assert deviations_ms([frame(0, TO_PEER.reversed), frame(50, TO_PEER)], HOST_MAC) == []
