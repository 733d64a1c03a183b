"""Completion groups: one task for the end of all transfers of a group, however they end and whatever becomes of their app."""

from __future__ import annotations

import json

import pytest

from rig.config import StandbyConfig
from rig.peers import http_handlers as handlers
from rig.peers.http_file import HttpFile
from rig.standby.api import HResult
from rig.suite.refusal import assert_refused
from rig.suite.scene import QUIET_S
from rig.suite.transfer_scene import HALF, TransferScene
from rig.timeline import Record

UNHURRIED = 2_000_000
"""A loaded machine is to break no time limit of minutes."""
pytestmark = [pytest.mark.host_alone, pytest.mark.bench_config(minute_us=UNHURRIED)]
GROUP, OTHER = "evening", "morning"
TELLS = "rig.suite.completion_tasks.Tells"
"""In a process of its own."""
WAITS = "rig.suite.task_app.Waits"
WALL_S = 0.4
AMPLE_S = 60.0
"""For a run that is to end in time on whatever machine: it has a process of its own to start first."""
SAVES = {"ac": False, "energy_saver": True, "battery_percent": 10}


def begun(transfers: TransferScene, *names: str, group: str = GROUP) -> list[HttpFile]:
    """Downloads of that group; each waits for `go_on`."""
    files = [transfers.serve(name, stops_at=HALF) for name in names]
    for name in names:
        transfers.fetch(name, completion_group=group)
    return files


def over(transfers: TransferScene, group: str = GROUP) -> Record:
    """Its task has run in the app."""
    return transfers.timeline.wait("transfer-group-over", task=group)


def assert_no_run(transfers: TransferScene) -> None:
    """None has begun, and none does in a while."""
    transfers.timeline.assert_none("RUN_ENTER", timeout_s=QUIET_S)


@pytest.mark.requirement("BTR-024", "BTR-025")
def test_the_task_runs_once_when_all_has_ended_well_or_not(transfers: TransferScene) -> None:
    transfers.app.call("register", completion_group=GROUP)
    good, slow = begun(transfers, "good", "slow")
    transfers.web.on("/bad", handlers.answer(status=404))
    transfers.fetch("bad", completion_group=GROUP)
    transfers.web.on("/sent", handlers.answer())
    sent = transfers.source("sent")
    transfers.app.call("upload", uri=transfers.web.url("/sent"), path=sent, completion_group=GROUP)
    transfers.app.call("enable", completion_group=GROUP)
    good.go_on()
    for name, outcome in (("good", "COMPLETED"), ("sent", "COMPLETED")):
        transfers.over(name, outcome)
    transfers.timeline.wait("transfer-over", name="bad")
    assert_no_run(transfers)
    assert transfers.app.call("tasks") == [GROUP]
    slow.go_on()
    states = {"good": "COMPLETED", "slow": "COMPLETED", "sent": "COMPLETED", "bad": "ERROR"}
    assert over(transfers).states == states
    assert transfers.app.call("tasks") == []
    transfers.timeline.wait("TASK_END", task=GROUP)
    assert len(transfers.timeline.find("RUN_ENTER")) == 1


@pytest.mark.requirement("BTR-024")
def test_nothing_is_added_after_enable_and_nothing_enabled_twice(transfers: TransferScene) -> None:
    transfers.app.call("register", completion_group=GROUP)
    (episode,) = begun(transfers, "episode")
    transfers.app.call("enable", completion_group=GROUP)
    more = {"uri": transfers.web.url("/more"), "path": str(transfers.file("more")), "completion_group": GROUP}
    assert_refused(transfers.app, HResult.ILLEGAL_METHOD_CALL, "download", **more)
    assert_refused(transfers.app, HResult.ILLEGAL_METHOD_CALL, "enable", completion_group=GROUP)
    episode.go_on()
    assert over(transfers).states == {"episode": "COMPLETED"}
    assert_refused(transfers.app, HResult.ILLEGAL_METHOD_CALL, "enable", completion_group=GROUP)
    assert len(transfers.timeline.find("RUN_ENTER")) == 1


@pytest.mark.requirement("BTR-024")
def test_what_is_not_enabled_does_not_run(transfers: TransferScene) -> None:
    """The negative control; enabled late, it runs at once."""
    transfers.app.call("register", completion_group=GROUP)
    (episode,) = begun(transfers, "episode")
    episode.go_on()
    transfers.over("episode")
    assert_no_run(transfers)
    transfers.app.call("enable", completion_group=GROUP)
    assert over(transfers).states == {"episode": "COMPLETED"}


@pytest.mark.requirement("BTR-025")
def test_while_the_app_is_stopped_its_task_runs_in_a_process_of_its_own(transfers: TransferScene) -> None:
    transfers.app.call("register", completion_group=GROUP, entry_point=TELLS)
    one, two = begun(transfers, "one", "two")
    transfers.app.call("enable", completion_group=GROUP)
    transfers.app.suspend()
    one.go_on()
    two.go_on()
    ended = transfers.timeline.wait("TASK_END", task=GROUP)
    assert json.dumps({"one": "COMPLETED", "two": "COMPLETED"}) in ended.fault
    assert not transfers.timeline.find("transfer-over"), "the app is stopped"
    transfers.app.resume()
    transfers.over("one")
    assert transfers.app.call("tasks") == []


@pytest.mark.requirement("BTR-025")
def test_an_app_that_has_ended_does_not_keep_its_group_from_its_end(transfers: TransferScene) -> None:
    """Its POST ends with it (BTR-020), and that was the last of the group."""
    transfers.app.call("register", completion_group=GROUP, entry_point=TELLS)
    transfers.web.on("/post", handlers.hold)
    post = transfers.source("post")
    transfers.app.call("upload", uri=transfers.web.url("/post"), path=post, completion_group=GROUP)
    transfers.app.call("enable", completion_group=GROUP)
    transfers.request("post")
    transfers.app.terminate()
    assert json.dumps({"post": "ERROR"}) in transfers.timeline.wait("TASK_END", task=GROUP).fault


@pytest.mark.requirement("BTR-025")
def test_what_the_end_of_its_app_has_paused_has_not_ended(transfers: TransferScene) -> None:
    """The negative control: a download goes on when somebody attaches to it, and its group ends then."""
    transfers.app.call("register", completion_group=GROUP, entry_point=TELLS)
    (episode,) = begun(transfers, "episode")
    transfers.wait_part("episode", HALF)
    transfers.app.call("enable", completion_group=GROUP)
    transfers.app.terminate()
    assert_no_run(transfers)
    episode.go_on()
    transfers.app = transfers.launch()
    assert transfers.app.call("tasks") == [GROUP]
    transfers.app.call("attach")
    assert json.dumps({"episode": "COMPLETED"}) in transfers.timeline.wait("TASK_END", task=GROUP).fault


@pytest.mark.requirement("BTR-025")
def test_what_the_app_has_paused_has_not_ended(transfers: TransferScene) -> None:
    """Nor has its group, whatever else of it has."""
    transfers.app.call("register", completion_group=GROUP)
    other, _ = begun(transfers, "other", "episode")
    transfers.wait_part("episode", HALF)
    transfers.app.call("enable", completion_group=GROUP)
    transfers.app.call("pause", name="episode")
    transfers.told("episode", "PAUSED_BY_APPLICATION")
    other.go_on()
    transfers.over("other")
    assert_no_run(transfers)
    assert transfers.app.call("tasks") == [GROUP]
    transfers.app.call("resume", name="episode")
    assert over(transfers).states == {"other": "COMPLETED", "episode": "COMPLETED"}


@pytest.mark.requirement("BTR-026")
def test_two_groups_share_a_class_and_each_has_its_run(transfers: TransferScene) -> None:
    for group in (GROUP, OTHER):
        transfers.app.call("register", completion_group=group, entry_point=TELLS)
    assert_refused(transfers.app, HResult.INVALID_ARG, "register", completion_group=GROUP, entry_point=TELLS, name="again")
    (one,), (two,) = begun(transfers, "one"), begun(transfers, "two", group=OTHER)
    for group in (GROUP, OTHER):
        transfers.app.call("enable", completion_group=group)
    two.go_on()
    assert json.dumps({"two": "COMPLETED"}) in transfers.timeline.wait("TASK_END", task=OTHER).fault
    assert transfers.app.call("tasks") == [GROUP]
    one.go_on()
    assert json.dumps({"one": "COMPLETED"}) in transfers.timeline.wait("TASK_END", task=GROUP).fault
    assert len(transfers.timeline.find("TASK_START")) == 2


@pytest.mark.requirement("BTR-027")
@pytest.mark.parametrize("first", ["handler", "task"])
def test_the_apps_handler_and_its_task_are_both_called(transfers: TransferScene, first: str) -> None:
    """In both orders: whichever has to wait for the other one is called all the same, and sees how it ended."""
    transfers.app.call("register", completion_group=GROUP, entry_point=TELLS)
    (episode,) = begun(transfers, "episode")
    transfers.app.call("enable", completion_group=GROUP)
    if first == "task":
        transfers.app.suspend()
    else:
        transfers.host.levers.set(**SAVES)
    episode.go_on()
    if first == "handler":
        transfers.over("episode")
        transfers.host.levers.set(ac=True)
    assert json.dumps({"episode": "COMPLETED"}) in transfers.timeline.wait("TASK_END", task=GROUP).fault
    assert len(transfers.timeline.find("transfer-over")) == (first == "handler")
    if first == "task":
        transfers.app.resume()
    transfers.over("episode")
    assert len(transfers.timeline.find("TASK_START")) == 1


@pytest.mark.requirement("BTR-028")
def test_battery_saver_holds_it_back(transfers: TransferScene) -> None:
    transfers.app.call("register", completion_group=GROUP)
    (episode,) = begun(transfers, "episode")
    transfers.app.call("enable", completion_group=GROUP)
    transfers.host.levers.set(**SAVES)
    episode.go_on()
    assert transfers.timeline.wait("TASK_PENDING", task=GROUP).reason == "battery saver"
    assert_no_run(transfers)
    transfers.host.levers.set(energy_saver=False)
    assert over(transfers).states == {"episode": "COMPLETED"}


@pytest.mark.requirement("BTR-028")
@pytest.mark.parametrize(
    "task",
    [
        pytest.param(task, marks=pytest.mark.bench_config(minute_us=UNHURRIED, standby=StandbyConfig(wall_clock_s=wall_s)))
        for task, wall_s in ((WAITS, WALL_S), (TELLS, AMPLE_S))
    ],
)
def test_its_run_may_take_as_long_as_any(transfers: TransferScene, task: str) -> None:
    """The one that ends in time is not cancelled."""
    transfers.app.call("register", completion_group=GROUP, entry_point=task)
    (episode,) = begun(transfers, "episode")
    transfers.app.call("enable", completion_group=GROUP)
    episode.go_on()
    ended = transfers.timeline.wait("TASK_END", task=GROUP)
    cancelled = transfers.timeline.find("CANCEL_SENT", task=GROUP)
    assert [record.reason for record in cancelled] == (["EXECUTION_TIME_EXCEEDED"] if task == WAITS else [])
    assert ended.reason == ("cancelled" if task == WAITS else "done")
