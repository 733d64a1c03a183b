"""Raw push notifications for a host that sleeps: its one line to the push service is the device's to keep, and wakes it."""

from __future__ import annotations

import pytest

from rig.suite.push_app import LATE_S
from rig.suite.push_scene import ENTRY, PushScene
from rig.suite.scene import QUIET_S


@pytest.mark.requirement("RAW-001")
@pytest.mark.parametrize("own_process", [True, False])
def test_a_post_wakes_the_host_and_runs_the_task_again_and_again(push: PushScene, own_process: bool) -> None:
    push.register(own_process=own_process)
    uri = push.open()
    push.host.enter_standby()
    for content in (b"one", b"two", b"three"):
        after = push.timeline.mark()
        push.post(uri, content)
        run = push.timeline.wait("RUN_ENTER", after=after)
        woke = push.timeline.wait("NIC_WAKE", after=after)
        assert woke.app == "push client"
        assert woke.seq < run.seq
        push.timeline.wait("SLEEP_ENTER", after=after)
    assert push.contents() == [b"one", b"two", b"three"]
    assert not push.timeline.find("PUSH_LOST")


@pytest.mark.requirement("RAW-001")
def test_without_a_post_nothing_wakes_it(push: PushScene) -> None:
    """The negative: the line alone, with its keep-alives, costs the host no wake."""
    push.register()
    push.open()
    push.host.enter_standby()
    after = push.timeline.mark()
    push.assert_no_run(after)
    assert not push.timeline.find("SLEEP_EXIT", after=after)


@pytest.mark.requirement("RAW-008")
def test_one_that_nobody_is_there_for_wakes_the_host_and_runs_nothing(push: PushScene) -> None:
    uri = push.open()
    push.host.enter_standby()
    after = push.timeline.mark()
    push.send(uri, b"nobody's")
    assert push.dropped(after=after) == "neither a handler nor a task"
    push.timeline.wait("SLEEP_ENTER", after=after)
    assert not push.timeline.find("RUN_ENTER", after=after)


@pytest.mark.requirement("RAW-007")
def test_in_standby_no_handler_is_asked(push: PushScene) -> None:
    push.register()
    uri = push.open()
    push.app.call("handle", cancel=True)
    push.host.enter_standby()
    push.post(uri, b"news")
    push.task(b"news")
    assert not push.timeline.find("push-handler")


@pytest.mark.requirement("RAW-005")
@pytest.mark.parametrize("how", ["flush", "late"])
def test_the_app_is_suspended_when_its_run_has_returned_and_what_it_has_not_sent_by_then_may_wait(
    push: PushScene, how: str
) -> None:
    server = push.bench.server
    push.register(f"Sends {server.address} {server.port} {how}", own_process=False)
    uri = push.open()
    push.host.enter_standby()
    after = push.timeline.mark()
    push.post(uri, b"answer me")
    left = push.timeline.wait("RUN_EXIT", after=after)
    suspended = push.timeline.wait("APP_SUSPEND", app="mail", after=left.seq)
    between = [record.event for record in push.timeline.records(after=left.seq) if record.seq < suspended.seq]
    assert "APP_RESUME" not in between
    push.timeline.wait("SLEEP_ENTER", after=after)
    if how == "flush":
        assert server.connection().wait_received(9) == b"answer me"
    else:
        assert (suspended.t_ns - left.t_ns) / 1e9 < LATE_S, "it has not been stopped before the data would have gone"
        with pytest.raises(AssertionError):
            server.connection().wait_received(9, timeout_s=LATE_S + QUIET_S)


@pytest.mark.requirement("RAW-009")
def test_what_comes_at_once_runs_in_order_one_after_another(push: PushScene) -> None:
    push.register("Lingers")
    uri = push.open()
    push.host.enter_standby()
    contents = [b"%d" % number for number in range(6)]
    for content in contents:
        push.send(uri, content)
    push.timeline.wait("RUN_EXIT", count=len(contents))
    runs = [record.event for record in push.timeline.records() if record.event in ("RUN_ENTER", "RUN_EXIT")]
    assert runs == ["RUN_ENTER", "RUN_EXIT"] * len(contents)
    assert push.contents() == contents


@pytest.mark.requirement("RAW-016")
def test_the_channel_is_known_also_to_a_task_that_has_woken_the_host(push: PushScene) -> None:
    push.register()
    chat, own = push.open(kind="alternate", channel_id="chat"), push.open()
    push.host.enter_standby()
    for uri, channel in ((chat, "chat"), (own, "")):
        push.post(uri, b"on " + channel.encode())
        assert push.task(b"on " + channel.encode()).channel == channel


@pytest.mark.requirement("RAW-017")
@pytest.mark.parametrize("exempt", [False, True])
def test_battery_saver_leaves_a_sleeping_host_asleep(push: PushScene, exempt: bool) -> None:
    push.register()
    uri = push.open()
    push.host.levers.set(ac=False, battery_percent=10, energy_saver=True, energy_saver_exempt=("mail",) if exempt else ())
    push.host.enter_standby()
    after = push.timeline.mark()
    push.service.post(uri, b"saved")
    if exempt:
        push.task(b"saved")
        return
    push.assert_no_run(after)
    assert not push.timeline.find("SLEEP_EXIT", after=after)


# -- what may go wrong -----------------------------------------------------------------------------------------------------


@pytest.mark.requirement("RAW-001")
@pytest.mark.parametrize("asleep", [False, True], ids=["awake", "asleep"])
def test_the_system_dies_and_each_notification_runs_its_task_once(push: PushScene, asleep: bool) -> None:
    push.register()
    uri = push.open()
    if asleep:
        push.host.enter_standby()
    contents = [b"%d" % number for number in range(8)]
    for number, content in enumerate(contents):
        push.send(uri, content)
        if number % 3 == 1:
            push.kill_system()
    for content in contents:
        push.task(content)
    push.timeline.wait("TASK_END", count=len(contents))
    assert push.contents() == contents
    after = push.timeline.mark()
    push.post(uri, b"last")
    push.task(b"last", after=after)


@pytest.mark.requirement("RAW-009")
@pytest.mark.parametrize("own_process", [True, False])
def test_the_next_one_waits_for_the_run_that_the_system_before_has_begun(push: PushScene, own_process: bool) -> None:
    push.register("Holds", own_process=own_process)
    uri = push.open()
    push.send(uri, b"one")
    push.task(b"one")
    push.send(uri, b"two")
    push.timeline.wait("PUSH_RECEIVED", count=2)
    push.kill_system()
    push.assert_no_run(push.timeline.find("push-task")[-1].seq)
    push.app.call("go")
    second = push.task(b"two")
    assert push.timeline.wait("TASK_END").seq < second.seq, "the second began before the first was over"
    assert push.contents() == [b"one", b"two"]


@pytest.mark.requirement("RAW-001")
def test_the_line_outlives_the_system(push: PushScene) -> None:
    """A new system takes it up where the one before has left it, asleep too."""
    push.register()
    uri = push.open()
    push.host.enter_standby()
    after = push.timeline.mark()
    push.kill_system()
    push.post(uri, b"still here")
    push.task(b"still here")
    push.timeline.wait("SLEEP_ENTER", after=after)
    assert not push.timeline.find("PUSH_LOST")
    assert len(push.timeline.find("PUSH_CONNECTED")) == 1


@pytest.mark.requirement("RAW-001", "RAW-015")
def test_after_a_restart_of_the_machine_the_same_uri_reaches_the_app(push: PushScene) -> None:
    push.register()
    uri = push.open()
    push.host.enter_standby()
    push.host.restart()
    push.timeline.wait("PUSH_CONNECTED", count=2)
    push.post(uri, b"a new life")
    push.task(b"a new life")
    push.app = push.host.start_app("mail", ENTRY)
    assert push.open() == uri


@pytest.mark.requirement("RAW-001")
@pytest.mark.parametrize("asleep", [False, True], ids=["awake", "asleep"])
def test_a_line_that_the_service_resets_is_made_again(push: PushScene, asleep: bool) -> None:
    push.register()
    uri = push.open()
    if asleep:
        push.host.enter_standby()
    after = push.timeline.mark()
    push.service.drop_lines()
    push.timeline.wait("PUSH_LOST", after=after)
    push.timeline.wait("PUSH_CONNECTED", after=after)
    if asleep:
        push.timeline.wait("SLEEP_ENTER", after=after)
    push.post(uri, b"again")
    push.task(b"again")


@pytest.mark.requirement("RAW-001")
def test_a_service_that_goes_while_the_host_sleeps_costs_it_little_and_is_found_again(push: PushScene) -> None:
    push.register()
    uri = push.open()
    push.host.enter_standby()
    after = push.timeline.mark()
    push.service.accept_lines(False)
    push.service.drop_lines()
    push.timeline.wait("PUSH_LOST", after=after)
    push.timeline.wait("SLEEP_ENTER", after=after)
    push.service.accept_lines(True)
    push.timeline.wait("PUSH_CONNECTED", after=after)
    after = push.timeline.mark()
    push.post(uri, b"found")
    push.task(b"found", after=after)


@pytest.mark.requirement("RAW-001")
def test_without_a_place_in_the_device_the_host_sleeps_all_the_same(push: PushScene) -> None:
    """The negative of the place: what nobody keeps wakes nobody, and comes when the host is awake."""
    push.register()
    uri = push.open()
    push.host.use_push_service(None)
    push.host.enter_standby()
    after = push.timeline.mark()
    reply = push.service.post(uri, b"nobody there", cache=True)
    assert reply.code == 200
    push.assert_no_run(after)
    push.host.exit_standby()
    push.host.use_push_service(push.service)
    push.task(b"nobody there")


@pytest.mark.requirement("RAW-004")
def test_also_a_task_that_waits_for_a_condition_has_its_data_when_it_runs(push: PushScene) -> None:
    push.app.call("register_with_condition", condition="USER_PRESENT")
    push.host.levers.set(user_present=False)
    uri = push.open()
    push.host.enter_standby()
    push.post(uri, b"later")
    push.timeline.wait("TASK_PENDING", reason="condition USER_PRESENT")
    push.host.exit_standby()
    after = push.timeline.mark()
    push.host.levers.set(user_present=True)
    run = push.timeline.wait("RUN_ENTER", after=after)
    assert push.timeline.wait("READ_COMPLETE_EXIT", after=after).seq < run.seq
    push.task(b"later")
