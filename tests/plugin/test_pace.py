"""The time left, of a run one by one and of one in workers."""

from __future__ import annotations

from rig.runner.pace import Pace


def test_tests_beside_one_another_take_their_share_of_the_time() -> None:
    pace = Pace({"a": 10.0, "b": 30.0, "c": 20.0, "d": 60.0})
    pace.start("abcd")
    assert pace.left_s == 120.0
    pace.start("abcd", beside=4)
    assert pace.left_s == 30.0
    pace.ended("d", 61.0)
    assert pace.left_s == 15.0
    assert str(pace) == "about 15 s left"
