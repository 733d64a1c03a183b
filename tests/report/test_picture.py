"""The timeline picture: scale with cuts, lanes, keep-alives told from answers."""

from __future__ import annotations

from typing import Any

import pytest

from rig.events import TimelineEvent
from rig.report import picture
from rig.report.scale import Scale
from rig.timeline import Record

MS = 1_000_000


def record(seq: int, at_ms: float, event: str, **detail: Any) -> Record:
    return Record(seq, round(at_ms * MS), "test", event, detail)


def lanes(*records: Record) -> dict[str, picture.Lane]:
    drawn = picture.draw(records)
    assert drawn is not None
    return {lane.name: lane for lane in drawn.lanes}


def test_long_silences_are_cut_and_order_is_kept() -> None:
    times = [0.0, 1.0, 2.0, 5002.0, 5003.0]
    scale = Scale(times, 900)
    assert [round(cut.duration_ms) for cut in scale.cuts] == [5000]
    places = [scale.x(time) for time in times]
    assert places == sorted(places)
    assert places[-1] == pytest.approx(900)
    assert places[1] - places[0] == pytest.approx(places[4] - places[3]), "one scale on both sides of a cut"


def test_even_times_are_not_cut() -> None:
    assert Scale([float(i) for i in range(0, 1000, 50)], 900).cuts == []


@pytest.mark.parametrize("times", [[], [3.0], [3.0, 3.0]])
def test_scale_of_nothing(times: list[float]) -> None:
    scale = Scale(times, 900)
    assert scale.x(3.0) == 0.0
    assert len(scale.ticks) == 1


def test_nothing_to_draw() -> None:
    assert picture.draw([record(0, 0, "SERIAL_LOG", line="boot")]) is None


def test_a_task_that_waits_says_for_what_until_it_starts_and_how_it_was_ended() -> None:
    found = lanes(
        record(0, 0, "REGISTER"),
        record(1, 2, "TASK_PENDING", instance=1, reason="condition INTERNET_AVAILABLE"),
        record(2, 6, "TASK_START", instance=1),
        record(3, 7, "RUN_ENTER", instance=1, task="fetch"),
        record(4, 8, "CANCEL_SENT", instance=1, reason="CONDITION_LOSS"),
        record(5, 10, "RUN_EXIT", instance=1, task="fetch"),
    )
    waits = found["task waits"].bars
    assert [(bar.label, round(bar.width)) for bar in waits] == [("condition INTERNET_AVAILABLE", 360)]
    assert [bar.label for bar in found["tasks"].bars] == ["fetch"]
    assert [(mark.style, mark.label) for mark in found["tasks"].marks] == [("bad", "CONDITION_LOSS")]


def test_a_task_that_did_not_wait_has_no_lane_for_it() -> None:
    assert "task waits" not in lanes(record(0, 0, "REGISTER"), record(1, 2, "TASK_START", instance=1))


def test_holds_are_bars_that_end_where_they_were_released_and_deferrals_have_a_lane() -> None:
    found = lanes(
        record(0, 0, "CTOR"),
        record(1, 4, "DEFERRAL_GET", instance=1),
        record(2, 8, "DEFERRAL_DONE", instance=1),
        record(3, 10, "HELD", holder="app mail/1", reason="a read", held_ms=5.0),
    )
    held, deferred = found["holds"].bars[0], found["deferrals"].bars[0]
    assert held.x + held.width == pytest.approx(picture.WIDTH_PX)
    assert held.x == pytest.approx(picture.WIDTH_PX / 2)
    assert deferred.width == pytest.approx(picture.WIDTH_PX * 0.4)


def test_sockets_of_the_broker_are_bars_and_what_comes_on_them_says_why() -> None:
    found = lanes(
        record(0, 0, "CTOR"),
        record(1, 2, "OWNERSHIP_TO_BROKER", app="mail", socket="news", instance=1),
        record(2, 3, "OWNERSHIP_TO_BROKER", app="mail", socket="post", instance=1),
        record(3, 6, "SOCKET_ACTIVITY", app="mail", socket="news", reason="SOCKET_CLOSED", instance=4),
        record(4, 8, "OWNERSHIP_TO_APP", app="mail", socket="news", instance=2),
        record(5, 10, "SOCKET_DROPPED", app="mail", socket="post"),
    )
    widths = {name: [round(bar.width) for bar in lane.bars] for name, lane in found.items() if name.startswith("socket")}
    assert widths == {"socket news": [round(picture.WIDTH_PX * 0.6)], "socket post": [round(picture.WIDTH_PX * 0.7)]}
    assert [mark.label for mark in found["socket news"].marks] == ["SOCKET_CLOSED"]


def test_many_sockets_share_a_lane() -> None:
    count = picture.MAX_SOCKET_LANES + 1
    found = lanes(*(record(number, number, "OWNERSHIP_TO_BROKER", app="mail", socket=f"s{number}") for number in range(count)))
    assert [bar.label for bar in found["sockets"].bars] == [f"s{number}" for number in range(count)]


def turned(number: int, at_ms: float, status: str, guid: str = "0123456789") -> Record:
    return record(number, at_ms, "TRANSFER_STATUS", app="podcast", id=guid, status=status)


def test_a_transfer_has_a_bar_for_each_status_while_it_lasts() -> None:
    found = lanes(
        turned(0, 0, "PAUSED_COSTED_NETWORK"),
        turned(1, 2, "RUNNING"),
        record(2, 3, "TRANSFER_ATTEMPT", app="podcast", id="0123456789", attempt=1),
        turned(3, 7, "PAUSED_NO_NETWORK"),
        turned(4, 8, "RUNNING"),
        turned(5, 10, "COMPLETED"),
    )
    bars = [(bar.label, bar.style, round(bar.width / picture.WIDTH_PX * 10)) for bar in found["transfer 23456789"].bars]
    running = [("RUNNING", "task", 5), ("RUNNING", "task", 2)]
    assert bars == [("PAUSED_COSTED_NETWORK", "pending", 2), running[0], ("PAUSED_NO_NETWORK", "pending", 1), running[1]]
    assert len(found["transfer 23456789"].marks) == 1


def test_transfers_of_one_moment_have_lanes_of_their_own() -> None:
    """Their ids begin alike, with the time."""
    found = lanes(
        *(turned(number, number, "RUNNING", guid=f"63a90df4-bf85-84f3-9681-c4addc0bbb4{number}") for number in range(2))
    )
    assert [len(found[f"transfer dc0bbb4{number}"].bars) for number in range(2)] == [1, 1]


def test_many_transfers_share_a_lane() -> None:
    count = picture.MAX_SOCKET_LANES + 1
    found = lanes(*(turned(number, number, "RUNNING", guid=f"{number}-id") for number in range(count)))
    assert len(found["transfers"].bars) == count


def test_notifications_and_their_line_have_a_lane() -> None:
    found = lanes(record(0, 0, "PUSH_CONNECTED"), record(1, 4, "PUSH_RECEIVED", number=1), record(2, 9, "PUSH_DROPPED", number=1))
    assert [mark.style for mark in found["push"].marks] == ["step", "step", "bad"]


def test_power_before_the_first_change_is_drawn() -> None:
    found = lanes(
        record(0, 0, "CTOR"),
        record(1, 5, "POWER", state="entering_standby", before="active"),
        record(2, 9, "POWER", state="connected_standby", before="entering_standby"),
        record(3, 12, "NIC_WAKE", reason="TCP_DATA"),
    )
    assert [bar.style for bar in found["power"].bars] == ["active", "entering-standby", "connected-standby"]
    assert found["wake"].marks[0].label == "TCP_DATA"


def test_what_two_apps_of_one_name_and_two_sockets_of_one_app_do_are_bars_of_their_own() -> None:
    """A wake continues one of them, and says which."""
    found = lanes(
        record(0, 0, "APP_SUSPEND", app="mail", instance=1),
        record(1, 2, "APP_SUSPEND", app="mail", instance=2),
        record(2, 4, "APP_RESUME", app="mail", instance=2, channel="inbox", cause="wake"),
        record(3, 5, "READ_COMPLETE_ENTER", app="mail", instance=2, socket=1),
        record(4, 6, "READ_COMPLETE_ENTER", app="mail", instance=2, socket=2),
        record(5, 7, "READ_COMPLETE_EXIT", app="mail", instance=2, socket=1),
        record(6, 10, "READ_COMPLETE_EXIT", app="mail", instance=2, socket=2),
    )
    bars = [bar for lane in found.values() for bar in lane.bars]
    width_ms = {
        style: sorted(round(bar.width / picture.WIDTH_PX * 10, 1) for bar in bars if bar.style == style)
        for style in ("suspended", "read")
    }
    assert width_ms == {"suspended": [2.0, 10.0], "read": [2.0, 4.0]}


def test_task_bar_lasts_from_enter_to_exit() -> None:
    found = lanes(record(0, 0, "RUN_ENTER", task="push", instance=1), record(1, 5, "RUN_EXIT", task="push", instance=1))
    (bar,) = found["tasks"].bars
    assert bar.label == "push"
    assert bar.width == pytest.approx(900)


def test_bar_that_never_ends_is_drawn_to_the_end() -> None:
    found = lanes(record(0, 0, "SLEEP_ENTER"), record(1, 8, "NIC_WAKE", reason="PACKET"))
    assert found["sleep"].bars[0].width == pytest.approx(900)


def test_unasked_empty_ack_of_the_device_is_a_keep_alive_an_answer_is_none() -> None:
    def frame(seq: int, at_ms: float, as_host: bool, info: str = "TCP 5>6 A 0", port: str = "pn") -> Record:
        return record(seq, at_ms, "FRAME", port=port, device=port == "pn", info=info, as_host=as_host)

    found = lanes(
        frame(0, 10, as_host=True),
        frame(1, 10.1, as_host=False),
        frame(2, 50, as_host=False, info="TCP 6>5 A 0"),
        frame(3, 50.2, as_host=True),
        frame(4, 90, as_host=True, port="ph"),
    )
    assert len(found["keep-alives"].marks) == 1
    assert sum(mark.stands_for for mark in found["device link"].marks) == 3


def test_a_boards_nic_is_the_devices_link() -> None:
    found = lanes(record(0, 10, "FRAME", port="enp3s0", info="TCP 5>6 A 0", as_host=True, device=True))
    assert len(found["keep-alives"].marks) == 1


def test_what_the_picture_draws_is_written_by_somebody() -> None:
    drawn = picture.STEPS | picture.HANDOVER | picture.KEEP_ALIVES | set(picture.BEGIN_END)
    assert drawn - set(TimelineEvent) == set()


def test_marks_on_each_other_become_one() -> None:
    storm = [record(i, i / 1000, "FRAME", port="ps", info="UDP", len=60) for i in range(5000)]
    marks = lanes(*storm)["server link"].marks
    assert len(marks) < picture.WIDTH_PX / picture.MERGE_PX + 2
    assert sum(mark.stands_for for mark in marks) == 5000
