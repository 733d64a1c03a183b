"""Raw push notifications: channels, handlers and tasks while the user is there."""

from __future__ import annotations

from itertools import pairwise

import pytest

from rig.bench import Bench
from rig.clock import Deadline
from rig.manifest.manifest import BackgroundTasksExtension, Manifest, TaskType
from rig.standby.system.push.delivery import HANDLERS_S
from rig.standby.wire.hresult import HostError, HResult
from rig.suite.push_scene import APP, ENTRY, PushScene

pytestmark = pytest.mark.host_alone

PAUSE_MINUTES = 1 / 6
"""Ten seconds (RAW-015)."""
ALTERNATES = 1000
"""Channels that an app may have beside its own (RAW-016)."""


# -- a task ----------------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("RAW-001")
@pytest.mark.parametrize("app", ["runs", "does not run"])
def test_a_notification_runs_the_task_with_its_content(push: PushScene, app: str) -> None:
    push.register()
    uri = push.open()
    if app == "does not run":
        push.app.terminate()
    push.post(uri, b"news", headers={"X-WNS-Msg": "1"})
    told = push.task(b"news")
    assert (told.task, told.channel) == ("Keeps", "")
    assert told.headers["x-wns-type"] == "wns/raw"
    push.timeline.wait("TASK_END", task="Keeps")
    assert len(push.timeline.find("RUN_ENTER")) == 1


@pytest.mark.requirement("RAW-001")
def test_nor_does_it_run_for_another_apps_or_for_none(push: PushScene) -> None:
    """The negative: neither a registration alone nor another app's notification is enough."""
    push.register()
    other = push.start("chat")
    uri = push.open(app=other)
    after = push.timeline.mark()
    push.send(uri, b"not for mail")
    assert push.dropped(app="chat") == "neither a handler nor a task"
    push.assert_no_run(after)


@pytest.mark.requirement("RAW-001")
def test_without_access_it_does_not_run(push: PushScene) -> None:
    app = push.host.start_app("stranger", ENTRY)
    push.refused(HResult.UNAUTHORIZED_ACCESS, "register", app=app)
    after = push.timeline.mark()
    push.send(push.open(app=app), b"news")
    push.dropped(app="stranger")
    push.assert_no_run(after)


@pytest.mark.requirement("RAW-002")
def test_what_the_task_stores_under_its_name_is_there_for_the_app_when_it_starts_again(push: PushScene) -> None:
    push.register("Keeps mail")
    uri = push.open()
    assert push.app.call("setting", name="Keeps mail") is None
    push.app.terminate()
    push.post(uri, b"\x00kept\xff")
    push.timeline.wait("TASK_END", task="Keeps mail")
    again = push.host.start_app("mail", ENTRY)
    assert again.call("setting", name="Keeps mail") == b"\x00kept\xff".hex()
    assert push.start("chat").call("setting", name="Keeps mail") is None


@pytest.mark.requirement("RAW-003")
@pytest.mark.parametrize("entry", ["Open", "_Hidden", "Nobody"])
def test_the_class_is_public_sealed_and_there(push: PushScene, entry: str) -> None:
    push.refused(HResult.CLASS_NOT_REGISTERED, "register", entry=f"{APP}.{entry}")
    push.refused(HResult.CLASS_NOT_REGISTERED, "register", entry=f"no.such_module.{entry}")
    push.register()


@pytest.mark.requirement("RAW-003")
@pytest.mark.parametrize("declared", [TaskType.PUSH_NOTIFICATION, TaskType.SYSTEM_EVENT])
def test_the_manifest_names_it_for_push(push: PushScene, declared: TaskType) -> None:
    keeps = BackgroundTasksExtension(f"{APP}.Keeps", frozenset({declared}), None)
    push.host.install(Manifest("installed", "1.0.0.0", ENTRY, (keeps,)))
    app = push.host.launch("installed")
    app.call("request_access")
    if declared is TaskType.PUSH_NOTIFICATION:
        push.register(app=app)
        push.post(push.open(app=app), b"declared")
        push.task(b"declared", app="installed")
    else:
        push.refused(HResult.CLASS_NOT_REGISTERED, "register", app=app)


@pytest.mark.requirement("RAW-003")
@pytest.mark.parametrize("own_process", [True, False])
def test_a_task_has_no_view_of_the_app(push: PushScene, own_process: bool) -> None:
    push.register("Looks", own_process=own_process)
    assert push.app.call("title") == ""
    push.post(push.open(), b"look")
    assert push.timeline.wait("push-view").error == "ELEMENT_NOT_FOUND"
    assert push.app.call("title") == ""


@pytest.mark.requirement("RAW-004")
@pytest.mark.parametrize("own_process", [True, False])
def test_the_data_is_there_before_run(push: PushScene, own_process: bool) -> None:
    push.register(own_process=own_process)
    uri = push.open()
    after = push.timeline.mark()
    push.post(uri, b"12345")
    run = push.timeline.wait("RUN_ENTER", after=after)
    read = push.timeline.find("READ_COMPLETE_EXIT", after=after)[0]
    assert (read.status, push.timeline.find("READ_COMPLETE_ENTER", after=after)[0].bytes) == ("COMPLETED", 5)
    assert read.seq < run.seq
    assert read.instance == run.app_instance


@pytest.mark.requirement("RAW-006")
def test_an_app_in_the_foreground_without_a_handler_has_its_task_run(push: PushScene) -> None:
    push.register(own_process=False)
    push.post(push.open(), b"news")
    push.task(b"news", process=push.app.instance)
    assert not push.timeline.find("PUSH_EVENT")


# -- handlers --------------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("RAW-007")
@pytest.mark.parametrize("cancel", [False, True])
def test_the_handler_comes_first_and_its_cancel_flag_keeps_the_task_from_running(push: PushScene, cancel: bool) -> None:
    push.register(own_process=False)
    uri = push.open()
    push.app.call("handle", cancel=cancel)
    after = push.timeline.mark()
    push.post(uri, b"news")
    event = push.handler(b"news")
    assert event.channel == ""
    if cancel:
        push.assert_no_run(after)
    else:
        assert push.timeline.wait("RUN_ENTER", after=after).seq > event.seq
        push.task(b"news")


@pytest.mark.requirement("RAW-007")
def test_a_handler_that_is_taken_away_has_nothing_any_more_and_one_in_the_background_neither(push: PushScene) -> None:
    push.register(own_process=False)
    uri = push.open()
    push.app.call("handle", cancel=True)
    push.app.suspend()
    push.post(uri, b"in the background")
    push.task(b"in the background")
    push.app.resume()
    push.app.call("ignore")
    push.post(uri, b"no handler")
    push.task(b"no handler")
    assert not push.timeline.find("push-handler")


@pytest.mark.requirement("RAW-007")
def test_a_handler_that_does_not_return_keeps_nobody_waiting_for_ever(push: PushScene) -> None:
    push.register()
    uri = push.open()
    push.app.call("handle", cancel=True, returns=False)
    push.post(uri, b"stuck")
    push.handler(b"stuck")
    push.task(b"stuck", timeout_s=3 * HANDLERS_S)
    push.app.call("let_go")
    after = push.timeline.mark()
    push.post(uri, b"cancelled")
    push.handler(b"cancelled")
    push.assert_no_run(after)


@pytest.mark.requirement("RAW-008")
def test_what_finds_neither_handler_nor_task_is_dropped_for_good(push: PushScene) -> None:
    uri = push.open()
    push.send(uri, b"too early")
    assert push.dropped() == "neither a handler nor a task"
    after = push.timeline.mark()
    push.register(own_process=False)
    push.app.call("handle")
    push.assert_no_run(after)
    push.post(uri, b"in time")
    push.task(b"in time")
    assert push.contents() == [b"in time"]


@pytest.mark.requirement("RAW-008")
def test_nor_does_it_wait_for_a_task_that_is_registered_no_more(push: PushScene) -> None:
    task_id = push.register()
    uri = push.open()
    push.app.call("unregister", task_id=task_id)
    after = push.timeline.mark()
    push.send(uri, b"late")
    push.dropped()
    push.register()
    push.assert_no_run(after)


@pytest.mark.requirement("RAW-009")
@pytest.mark.parametrize("own_process", [True, False])
def test_the_tasks_of_an_app_run_one_after_another_in_order(push: PushScene, own_process: bool) -> None:
    push.register("Lingers", own_process=own_process)
    uri = push.open()
    contents = [b"%d" % number for number in range(5)]
    for content in contents:
        push.send(uri, content)
    push.timeline.wait("RUN_EXIT", count=len(contents))
    runs = [record.event for record in push.timeline.records() if record.event in ("RUN_ENTER", "RUN_EXIT")]
    assert runs == ["RUN_ENTER", "RUN_EXIT"] * len(contents)
    assert push.contents() == contents


@pytest.mark.requirement("BGT-008", "RAW-009")
@pytest.mark.parametrize("own_process", [True, False])
def test_each_task_of_an_app_runs_for_each_notification(push: PushScene, own_process: bool) -> None:
    """All of them for one, before the first for the next."""
    tasks, contents = ["Keeps first", "Keeps second"], [b"one", b"two"]
    for task in tasks:
        push.register(task, own_process=own_process)
    uri = push.open()
    for content in contents:
        push.send(uri, content)
    push.timeline.wait("TASK_END", count=4)
    told = [(record.task, bytes.fromhex(record.content)) for record in push.timeline.find("push-task")]
    assert told == [(task, content) for content in contents for task in tasks]


@pytest.mark.requirement("RAW-009")
def test_those_of_two_apps_run_side_by_side(push: PushScene) -> None:
    """The negative: only tasks of one app wait for one another."""
    push.register("Holds")
    chat = push.start("chat")
    push.register("Keeps", app=chat)
    own, other = push.open(), push.open(app=chat)
    push.send(own, b"one")
    push.task(b"one")
    push.send(own, b"two")
    push.send(other, b"three")
    push.timeline.wait("TASK_END", task="Keeps")
    assert push.contents() == [b"one", b"three"]
    push.app.call("go")
    push.task(b"two")


def test_a_service_that_the_host_has_a_line_to_already_is_no_news(push: PushScene) -> None:
    push.register()
    push.host.use_push_service(push.service)
    assert len(push.timeline.find("PUSH_CONNECTED")) == 1
    push.post(push.open(), b"news")
    push.task(b"news")


# -- channels --------------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("RAW-015")
def test_a_channel_lives_thirty_days_and_is_the_same_at_the_next_launch(push: PushScene) -> None:
    push.register()
    uri = push.open()
    assert push.app.call("lives_days") == pytest.approx(30, abs=1)
    assert push.open() == uri
    push.service.skip(days=31)
    assert push.service.post(uri, b"too late").code == 410
    renewed = push.open()
    assert renewed != uri
    push.post(renewed, b"renewed")
    push.task(b"renewed")


@pytest.mark.requirement("RAW-015")
def test_a_closed_channel_has_no_uri_any_more(push: PushScene) -> None:
    push.register()
    before = push.open()
    push.service.skip(days=20)
    uri = push.open()
    push.app.call("close")
    assert {push.service.post(old, b"closed").code for old in {before, uri}} <= {404, 410}
    fresh = push.open()
    assert fresh not in (before, uri)
    push.post(fresh, b"fresh")
    push.task(b"fresh")


@pytest.mark.requirement("RAW-015")
def test_without_connectivity_a_request_raises_and_three_more_come_ten_seconds_apart(push: PushScene, bench: Bench) -> None:
    pause_s = bench.config.clock.minutes_s(PAUSE_MINUTES)
    push.host.levers.link(False)
    push.timeline.wait("NETWORK_CHANGED", link=False)
    push.refused(HResult.FAIL, "open")
    after = push.timeline.mark()
    with pytest.raises(HostError, match="connectivity"):
        push.app.call("open_with_retries", pause_s=pause_s)
    requests = push.timeline.find("push-request", after=after)
    assert [request.attempt for request in requests] == [1, 2, 3, 4]
    gaps_s = [(later.t_ns - earlier.t_ns) / 1e9 for earlier, later in pairwise(requests)]
    assert min(gaps_s) >= pause_s
    push.host.levers.link(True)
    push.timeline.wait("NETWORK_CHANGED", link=True)
    deadline = Deadline(10)
    while True:
        try:
            assert push.app.call("open_with_retries", pause_s=pause_s) <= 4
            return
        except HostError:
            assert not deadline.expired


@pytest.mark.requirement("RAW-016")
def test_the_details_say_which_channel_it_came_on(push: PushScene) -> None:
    push.register()
    own, chat, calls = (
        push.open(),
        push.open(kind="alternate", channel_id="chat"),
        push.open(kind="alternate", channel_id="calls"),
    )
    assert len({own, chat, calls}) == 3
    for uri, channel in ((chat, "chat"), (own, ""), (calls, "calls")):
        push.post(uri, channel.encode() + b"!")
        assert push.task(channel.encode() + b"!").channel == channel


@pytest.mark.requirement("RAW-016")
def test_a_handler_hears_of_its_own_channel_alone(push: PushScene) -> None:
    push.register()
    uri = push.open(kind="alternate", channel_id="chat")
    own = push.open()
    push.app.call("handle", channel_id="chat", cancel=True)
    push.post(uri, b"chat")
    assert push.handler(b"chat").channel == "chat"
    push.post(own, b"own")
    push.task(b"own")
    assert len(push.timeline.find("push-handler")) == 1


@pytest.mark.requirement("RAW-016")
def test_a_secondary_tile_takes_no_raw_notification(push: PushScene) -> None:
    push.register()
    uri = push.open(kind="tile", channel_id="weather")
    after = push.timeline.mark()
    assert push.service.post(uri, b"raw").code in (400, 403, 406)
    push.assert_no_run(after)


@pytest.mark.requirement("RAW-016")
def test_the_thousand_and_first_alternate_channel_is_refused(push: PushScene) -> None:
    for first in range(0, ALTERNATES, 250):
        push.app.call("open_many", count=250, of=first, timeout_s=60)
    push.refused(HResult.OUT_OF_MEMORY, "open", kind="alternate", channel_id="one more")
    push.open(kind="alternate", channel_id="7")
    push.open()
    push.open(app=push.start("chat"), kind="alternate", channel_id="one more")


# -- battery saver ---------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("RAW-017")
@pytest.mark.parametrize("exempt", [False, True])
def test_battery_saver_lets_nothing_through_but_for_an_exempt_app(push: PushScene, exempt: bool) -> None:
    push.register()
    uri = push.open()
    push.app.call("handle")
    push.host.levers.set(ac=False, battery_percent=10, energy_saver=True, energy_saver_exempt=("mail",) if exempt else ())
    after = push.timeline.mark()
    push.service.post(uri, b"saved", priority=None)
    if exempt:
        push.handler(b"saved")
        push.task(b"saved")
        return
    push.assert_no_run(after)
    assert not push.timeline.find("push-handler", after=after)
    push.host.levers.set(ac=True)
    push.post(uri, b"charged")
    push.task(b"charged")
