"""Push on a host in virtual time: the way of a notification to handlers and tasks."""

from __future__ import annotations

import asyncio

import msgspec

from rig.push_line import (
    Acknowledged,
    ChannelKind,
)
from rig.standby.system.push.delivery import HANDLERS_S, MOST_WAIT
from rig.standby.wire import bench
from rig.standby.wire.app_push import FollowPush, NotificationHandled
from rig.standby.wire.app_tasks import RegisterTask, UnregisterTask
from rig.standby.wire.to_app import RunTask
from rig.standby.wire.triggers import RawNotificationDetails, RawPush
from tests.standby.fake_app import FakeApp
from tests.standby.push_scene import INBOX, SAVER, contents, details, scene
from tests.standby.virtual_time import virtual

# -- delivery ------------------------------------------------------------------------------------------------------------


@virtual
async def test_a_notification_runs_the_apps_task_with_it() -> None:
    async with scene() as s:
        app = await s.app()
        await s.post(b"news", kind=ChannelKind.ALTERNATE, channel="chat")
        assert [details(order) for order in app.tasks] == [RawNotificationDetails(b"news", "chat", {"x-wns-type": "wns/raw"})]
        assert s.service.all(Acknowledged) == [Acknowledged(1)]


@virtual
async def test_one_run_at_a_time_for_each_app_in_order() -> None:
    async with scene() as s:
        mail, chat = await s.app(), await s.app("chat")
        for app in (mail, chat):
            app.on_task = lambda order: None
        for content in (b"1", b"2", b"3"):
            await s.post(content)
        await s.post(b"c", "chat")
        assert contents(mail) == [b"1"]
        assert contents(chat) == [b"c"]
        for number in range(3):
            mail.end_task(mail.tasks[number].instance)
            await s.host.settle()
        assert contents(mail) == [b"1", b"2", b"3"]


@virtual
async def test_what_nobody_is_there_for_is_dropped_and_never_delivered() -> None:
    async with scene() as s:
        app = await s.app(task=None)
        await s.post(b"early")
        await s.post(b"nobody's", "ghost")
        await app.call(INBOX)
        await s.host.settle()
        assert not app.tasks
        assert s.dropped() == ["neither a handler nor a task", "there is no such app"]


@virtual
async def test_battery_saver_drops_what_is_not_for_an_exempt_app() -> None:
    async with scene() as s:
        mail, chat = await s.app(), await s.app("chat")
        await s.host.bench(bench.SetSurroundings(msgspec.structs.replace(SAVER, energy_saver_exempt=("chat",))))
        await s.post(b"saved")
        await s.post(b"exempt", "chat")
        assert (contents(mail), contents(chat)) == ([], [b"exempt"])
        assert s.dropped() == ["battery saver"]


@virtual
async def test_a_task_that_is_unregistered_meanwhile_gets_nothing_and_the_next_app_does() -> None:
    async with scene() as s:
        app = await s.app()
        app.on_task = lambda order: None
        await s.post(b"1")
        await s.post(b"2")
        await app.call(UnregisterTask(s.task_id, cancel=False))
        app.end_task(app.tasks[0].instance)
        await s.host.settle()
        assert contents(app) == [b"1"]
        assert s.dropped() == ["its task is not registered any more"]


@virtual
async def test_an_app_that_does_not_come_to_them_is_not_kept_more_than_it_may() -> None:
    async with scene() as s:
        app = await s.app()
        app.on_task = lambda order: None
        for _ in range(MOST_WAIT + 2):
            s.service.post("mail", b"x")
        await s.service.until_acknowledged()
        assert len(s.dropped()) == 2


# -- handlers ------------------------------------------------------------------------------------------------------------


@virtual
async def test_the_handler_has_it_first_and_the_task_after_it() -> None:
    async with scene() as s:
        app, events = await s.followed()
        await s.post(b"news")
        assert [event.content for event in events] == [b"news"]
        assert not app.tasks
        app.notify(NotificationHandled(events[0].number, False))
        await s.host.settle()
        assert contents(app) == [b"news"]


@virtual
async def test_a_handler_that_cancels_leaves_nothing_for_the_task() -> None:
    async with scene() as s:
        app, events = await s.followed()
        await s.post(b"1")
        await s.post(b"2")
        app.notify(NotificationHandled(events[0].number, True))
        app.notify(NotificationHandled(events[1].number, False))
        await s.host.settle()
        assert contents(app) == [b"2"]


@virtual
async def test_a_handler_that_never_answers_blocks_nobody() -> None:
    async with scene() as s:
        app, events = await s.followed()
        began_s = s.host.now_s
        await s.post(b"1")
        app.on_notification = lambda event: app.notify(NotificationHandled(event.number, False))
        await s.post(b"2")
        await s.host.timeline.wait("USAGE_FAULT")
        await s.host.settle()
        assert HANDLERS_S <= s.host.now_s - began_s < HANDLERS_S + 1
        assert contents(app) == [b"1", b"2"]
        app.notify(NotificationHandled(events[0].number, True))  # too late
        await s.host.settle()
        assert contents(app) == [b"1", b"2"]


@virtual
async def test_an_app_that_dies_in_its_handler_has_its_task_run() -> None:
    async with scene() as s:
        app = await s.app(task=RegisterTask("inbox", "mail.Inbox", RawPush()))
        app.notify(FollowPush(True))
        await s.host.settle()
        await s.post(b"news")
        app.kill()
        await s.host.timeline.wait("TASK_END")
        assert [contents(host) for host in s.host.supervisor.task_hosts] == [[b"news"]]


@virtual
async def test_a_task_host_has_no_handlers() -> None:
    async with scene() as s:
        app = await s.app(task=RegisterTask("inbox", "mail.Inbox", RawPush()))
        ran: list[bytes] = []

        def follows(host: FakeApp, order: RunTask) -> None:
            host.notify(FollowPush(True))
            ran.append(details(order).content)
            if len(ran) > 1:
                host.end_task(order.instance)

        s.host.supervisor.host_task = follows
        await s.post(b"1")
        await s.post(b"2")
        (first,) = s.host.supervisor.task_hosts
        first.end_task(first.tasks[0].instance)
        await asyncio.sleep(1)
        assert ran == [b"1", b"2"]
        assert not app.tasks


@virtual
async def test_an_app_is_not_stopped_in_the_middle_of_its_handler() -> None:
    async with scene() as s:
        app, events = await s.followed()
        await s.post(b"news")
        await s.host.bench(bench.EnterStandby())
        await asyncio.sleep(1)
        assert not app.stopped
        app.notify(NotificationHandled(events[0].number, True))
        await s.host.timeline.wait("SLEEP_ENTER")
        assert app.stopped


@virtual
async def test_in_standby_the_task_runs_and_no_handler() -> None:
    async with scene() as s:
        app, events = await s.followed()
        await s.host.fall_asleep()
        await s.wakes(b"news")
        assert not events
        assert contents(app) == [b"news"]
