"""One direction of a shaped cable, by its counts: no socket, no clock."""

from __future__ import annotations

import pytest

from rig.errors import UsageError
from rig.net.shaping.delay_line import DelayLine
from rig.net.shaping.shape import LEAST_FRAMES, Shape

MS = 1_000_000


def line_of(shape: Shape) -> DelayLine:
    line = DelayLine(seed=1)
    line.shape = shape
    return line


def test_a_frame_comes_out_when_its_delay_is_over_and_not_before() -> None:
    line = line_of(Shape(delay_ms=40))
    line.put(b"one", 1000)
    assert line.next_ns == 1000 + 40 * MS
    assert list(line.due(1000 + 40 * MS - 1)) == []
    assert list(line.due(1000 + 40 * MS)) == [b"one"]
    assert line.next_ns is None


def test_a_rate_lets_so_many_bytes_out_in_a_time() -> None:
    line = line_of(Shape(rate_kbit=8000))
    for _ in range(100):
        line.put(bytes(1000), 0)
    assert sum(map(len, line.due(50 * MS))) == 50_000, "8000 kbit/s are 1000 bytes a millisecond"
    assert sum(map(len, line.due(100 * MS))) == 50_000


def test_a_slow_line_is_full_at_some_time_and_loses_the_rest() -> None:
    line = line_of(Shape(rate_kbit=8))
    for _ in range(100):
        line.put(bytes(1000), 0)
    assert line.passed.lost == 100 - LEAST_FRAMES
    assert len(list(line.flush())) == LEAST_FRAMES


def test_jitter_spreads_the_delay_to_both_sides_and_keeps_the_order() -> None:
    line = line_of(Shape(delay_ms=20, jitter_ms=10))
    delays_ns = []
    for number in range(300):
        now_ns = number * 100 * MS
        line.put(b"x", now_ns)
        assert line.next_ns is not None
        delays_ns.append(line.next_ns - now_ns)
        list(line.flush())
    assert 10 * MS <= min(delays_ns) < 12 * MS
    assert 28 * MS < max(delays_ns) <= 30 * MS
    for number in range(200):
        line.put(bytes([number]), number)
    assert list(line.due(100 * MS)) == [bytes([number]) for number in range(200)]


def test_frames_are_lost_by_chance_and_the_same_ones_each_time() -> None:
    def which() -> list[bytes]:
        line = line_of(Shape(loss_percent=10))
        for number in range(2000):
            line.put(number.to_bytes(2, "big"), 0)
        came = list(line.due(0))
        assert line.passed.lost == 2000 - len(came)
        return came

    came = which()
    assert 150 <= 2000 - len(came) <= 250
    assert came == which()


def test_all_or_none_are_lost() -> None:
    line = line_of(Shape(loss_percent=100))
    line.put(b"x", 0)
    line.shape = Shape()
    line.put(b"y", 0)
    assert list(line.due(0)) == [b"y"]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"loss_percent": 101}, "loss_percent = 101: expected a number from 0 to 100"),
        ({"loss_percent": True}, "loss_percent = True"),
        ({"delay_ms": -1}, "delay_ms = -1: expected a number from 0 to 10000"),
        ({"delay_ms": float("nan")}, "delay_ms = nan"),
        ({"delay_ms": 5, "jitter_ms": 6}, r"jitter_ms = 6: expected a number from 0 to 5, its delay_ms"),
        ({"rate_kbit": 0.5}, "rate_kbit = 0.5: expected a whole number"),
        ({"delay_ms": "40"}, "delay_ms = '40'"),
    ],
)
def test_what_cannot_be_is_refused(values: dict[str, float], said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        Shape(**values)  # type: ignore[arg-type]
    assert caught.value.code == "RIG-C20"
