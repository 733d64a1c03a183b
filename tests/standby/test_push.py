"""Push on a host in virtual time: the line to the service, and the way of a notification to handlers and tasks."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from rig.errors import DeviceError
from rig.manifest.manifest import Manifest
from rig.push_line import (
    FRAME_BYTES,
    LENGTH,
    Acknowledged,
    ChannelKind,
    ChannelOpened,
    CloseApp,
    FromHost,
    Goodbye,
    Hello,
    Notify,
    OpenChannel,
    Ping,
    Welcome,
    frame,
)
from rig.standby.system.push.client import LONGEST_WAIT_S
from rig.standby.system.push.delivery import HANDLERS_S, MOST_WAIT
from rig.standby.system.push.line import FRAME_S
from rig.standby.wire import bench
from rig.standby.wire.app_push import ClosePushChannel, CreatePushChannel, FollowPush, NotificationHandled, NotificationReceived
from rig.standby.wire.app_tasks import RegisterTask, UnregisterTask
from rig.standby.wire.caller import CALL_TIMEOUT_S
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.nic import NotIdle
from rig.standby.wire.surroundings import Surroundings
from rig.standby.wire.to_app import RunTask
from rig.standby.wire.triggers import RawNotificationDetails, RawPush
from tests.standby.fake_app import FakeApp
from tests.standby.fake_host import FakeHost, fake_host
from tests.standby.fake_network import CONNECTED, NO_LINK
from tests.standby.fake_push_service import FakePushService
from tests.standby.virtual_time import virtual

INBOX = RegisterTask("inbox", None, RawPush())
SAVER = Surroundings(ac=False, battery_percent=5, energy_saver=True)


class Scene:
    def __init__(self, host: FakeHost, service: FakePushService) -> None:
        self.host = host
        self.service = service

    async def app(self, name: str = "mail", task: RegisterTask | None = INBOX) -> FakeApp:
        app = await self.host.app(name)
        self.task_id = await app.call(task) if task is not None else ""
        return app

    async def post(self, content: bytes, app: str = "mail", **options: Any) -> int:
        """Returns when what comes of it is written down."""
        number = self.service.post(app, content, **options)
        await self.service.until_acknowledged()
        await self.host.settle()
        return number

    def dropped(self) -> list[str]:
        return [told.why for told in self.host.timeline.find("PUSH_DROPPED")]


@asynccontextmanager
async def scene(**rules: Any) -> AsyncIterator[Scene]:
    async with fake_host(**rules) as host:
        service = FakePushService()
        host.network.dial = service.dial
        await host.bench(bench.UsePushService("192.0.2.20", 5230))
        await host.timeline.wait("PUSH_CONNECTED")
        await host.settle()
        yield Scene(host, service)
        service.close()


def contents(app: FakeApp) -> list[bytes]:
    return [details(order).content for order in app.tasks]


def details(order: RunTask) -> RawNotificationDetails:
    assert isinstance(order.details, RawNotificationDetails)
    return order.details


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


async def _followed(s: Scene) -> tuple[FakeApp, list[NotificationReceived]]:
    app = await s.app()
    app.notify(FollowPush(True))
    events: list[NotificationReceived] = []
    app.on_notification = events.append
    await s.host.settle()
    return app, events


@virtual
async def test_the_handler_has_it_first_and_the_task_after_it() -> None:
    async with scene() as s:
        app, events = await _followed(s)
        await s.post(b"news")
        assert [event.content for event in events] == [b"news"]
        assert not app.tasks
        app.notify(NotificationHandled(events[0].number, False))
        await s.host.settle()
        assert contents(app) == [b"news"]


@virtual
async def test_a_handler_that_cancels_leaves_nothing_for_the_task() -> None:
    async with scene() as s:
        app, events = await _followed(s)
        await s.post(b"1")
        await s.post(b"2")
        app.notify(NotificationHandled(events[0].number, True))
        app.notify(NotificationHandled(events[1].number, False))
        await s.host.settle()
        assert contents(app) == [b"2"]


@virtual
async def test_a_handler_that_never_answers_blocks_nobody() -> None:
    async with scene() as s:
        app, events = await _followed(s)
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
        app, events = await _followed(s)
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
        app, events = await _followed(s)
        await s.host.fall_asleep()
        await _wakes(s, b"news")
        assert not events
        assert contents(app) == [b"news"]


# -- sleep ---------------------------------------------------------------------------------------------------------------


async def _wakes(s: Scene, content: bytes) -> None:
    s.service.post("mail", content)
    (key,) = s.host.driver.connections
    assert s.host.driver.asleep_with == [key]
    s.host.driver.device_wakes("TCP_DATA", key)
    await s.service.until_acknowledged()
    await s.host.settle()


@virtual
async def test_a_frame_that_comes_wakes_the_host_again_and_again() -> None:
    async with scene() as s:
        app = await s.app()
        await s.host.fall_asleep()
        for content in (b"1", b"2", b"3"):
            await _wakes(s, content)
            await s.host.timeline.wait("SLEEP_ENTER", after=len(s.host.timeline.told))
            await s.host.settle()
        assert contents(app) == [b"1", b"2", b"3"]


@virtual
async def test_the_service_knows_the_power_state_before_the_host_sleeps() -> None:
    async with scene() as s:
        assert s.service.power.screen_on
        held: list[Ping] = []
        s.service.answers = lambda message: held.append(message) if isinstance(message, Ping) else s.service.answer(message)
        await s.host.bench(bench.EnterStandby())
        await asyncio.sleep(1)
        assert not s.service.power.screen_on
        assert not s.host.asleep
        s.service.answer(held[0])
        await s.host.timeline.wait("SLEEP_ENTER")
        s.service.answers = s.service.answer
        await s.host.settle()
        await s.host.bench(bench.SetSurroundings(SAVER))
        await s.service.until(lambda: s.service.power.saver)
        assert not s.service.power.ac


@virtual
async def test_what_the_service_does_not_weigh_leaves_the_host_asleep() -> None:
    async with scene() as s:
        await s.host.fall_asleep()
        await s.host.bench(bench.SetSurroundings(Surroundings(roaming=True)))
        await asyncio.sleep(10)
        assert s.host.asleep
        assert not s.host.timeline.find("SLEEP_EXIT")


@virtual
async def test_a_service_that_is_silent_keeps_nobody_awake_for_long() -> None:
    async with scene() as s:
        s.service.answers = lambda message: None
        await s.host.bench(bench.EnterStandby())
        await s.host.timeline.wait("SLEEP_ENTER")
        await s.host.timeline.wait("PUSH_LOST")


@virtual
async def test_a_connection_that_the_device_has_lost_is_made_again() -> None:
    async with scene() as s:
        app = await s.app()
        await s.host.fall_asleep()
        (key,) = s.host.driver.connections
        s.host.driver.device_wakes("KA_TIMEOUT", key)
        await s.host.timeline.wait("PUSH_LOST")
        await s.host.timeline.wait("PUSH_CONNECTED", after=s.host.timeline.told.index(s.host.timeline.find("PUSH_LOST")[0]))
        await s.host.timeline.wait("SLEEP_ENTER", after=len(s.host.timeline.told))
        assert len(s.host.driver.connections) == 1
        await s.host.settle()
        await _wakes(s, b"news")
        assert contents(app) == [b"news"]


@virtual
async def test_a_device_without_a_place_for_the_line_is_asked_again_before_the_next_sleep() -> None:
    async with fake_host() as host:
        host.driver.fails["reserve"] = DeviceError(64, 5, "FULL", "a connection")
        service = FakePushService()
        host.network.dial = service.dial
        await host.bench(bench.UsePushService("192.0.2.20", 5230))
        s = Scene(host, service)
        app = await s.app()
        assert (await host.timeline.wait("PUSH_DEAF")).places == {}
        await host.fall_asleep()
        assert host.driver.asleep_with == []
        service.post("mail", b"later")
        await asyncio.sleep(60)
        assert not app.tasks
        del host.driver.fails["reserve"]
        await host.bench(bench.ExitStandby())
        await service.until_acknowledged()
        await host.fall_asleep()
        await _wakes(s, b"now")
        assert contents(app) == [b"later", b"now"]
        assert host.system.owners.places == {"the push client": 1}
        service.close()


@virtual
async def test_a_host_that_is_shut_down_leaves_nothing_in_the_device_and_takes_its_leave() -> None:
    async with scene() as s:
        await s.host.bench(bench.Shutdown())
        await s.service.until(lambda: bool(s.service.all(Goodbye)))
        await s.host.settle()
        assert not s.host.driver.connections
        assert not s.host.supervisor.stored


@virtual
async def test_an_app_that_asks_as_the_host_falls_asleep_has_its_answer() -> None:
    async with scene() as s:
        app = await s.app()
        await s.host.bench(bench.EnterStandby())
        await s.service.until(lambda: not s.service.power.screen_on)
        while not s.host.driver.entries:
            await asyncio.sleep(0.0001)
        app.go_on()
        assert (await app.call(CreatePushChannel())).uri


# -- the line ------------------------------------------------------------------------------------------------------------


@virtual
async def test_what_comes_again_and_numbers_that_go_back_are_done_once() -> None:
    async with scene() as s:
        app = await s.app()
        await s.post(b"1")
        for number in (1, 0, 1):
            s.service.say(Notify(number, "mail", b"again"))
        await s.post(b"2")
        assert contents(app) == [b"1", b"2"]


@virtual
async def test_a_service_that_was_started_anew_counts_from_the_beginning() -> None:
    async with scene() as s:
        app = await s.app()
        await s.post(b"1")
        s.service.name, s.service.number = "second", 0
        s.service.hang_up()
        await s.host.timeline.wait("PUSH_CONNECTED", after=len(s.host.timeline.told))
        await s.post(b"2")
        assert contents(app) == [b"1", b"2"]


@virtual
async def test_it_is_made_again_at_once_and_then_with_longer_and_longer_waits() -> None:
    async with scene() as s:
        s.service.refuses = True
        await asyncio.sleep(60)
        s.service.hang_up(reset=True)
        await asyncio.sleep(1000)
        s.service.refuses = False
        hellos = len(s.service.all(Hello))
        await asyncio.sleep(LONGEST_WAIT_S)
        assert len(s.service.all(Hello)) == hellos + 1


@virtual
async def test_a_service_that_has_gone_without_a_word_is_missed_while_the_user_is_there() -> None:
    async with scene() as s:
        s.service.answers = lambda message: None
        await asyncio.sleep(16 * 60)
        assert s.host.timeline.find("PUSH_LOST")


@virtual
async def test_a_service_that_is_away_for_days_is_found_all_the_same() -> None:
    async with scene() as s:
        s.service.refuses = True
        s.service.hang_up()
        await asyncio.sleep(2000 * LONGEST_WAIT_S)
        s.service.refuses = False
        await s.host.timeline.wait("PUSH_CONNECTED", after=len(s.host.timeline.told))


@virtual
async def test_without_a_network_nobody_is_called() -> None:
    async with scene() as s:
        dialled: list[Any] = []
        s.host.network.become(NO_LINK)
        s.service.hang_up()
        s.host.network.connect = lambda *to: dialled.append(to)  # type: ignore[method-assign, assignment]
        await asyncio.sleep(1000)
        assert not dialled


@virtual
async def test_it_is_made_again_at_once_when_the_network_is_back() -> None:
    async with scene() as s:
        s.host.network.become(NO_LINK)
        s.service.hang_up()
        await asyncio.sleep(1000)
        s.host.network.become(CONNECTED)
        at_s = s.host.now_s
        told = await s.host.timeline.wait("PUSH_CONNECTED", after=len(s.host.timeline.told))
        assert told.at_s - at_s < 0.1


GARBAGE = {
    "too long": LENGTH.pack(FRAME_BYTES + 1),
    "nothing": LENGTH.pack(0),
    "no map": LENGTH.pack(1) + b"\xc0",
    "noise": LENGTH.pack(5) + b"\xff\xfe\xfd\xfc\xfb",
    "twice welcome": frame(Welcome("first", 0)),
    "half": frame(Notify(1, "mail", b"x" * 100))[:50],
    "half a length": b"\0\0",
}


@pytest.mark.parametrize("what", GARBAGE)
@virtual
async def test_garbage_ends_the_line_and_hurts_nobody(what: str) -> None:
    async with scene() as s:
        app = await s.app()
        s.service.say_bytes(GARBAGE[what])
        await s.host.timeline.wait("PUSH_LOST")
        await s.host.timeline.wait("PUSH_CONNECTED", after=len(s.host.timeline.told))
        await s.post(b"news")
        assert contents(app) == [b"news"]


@pytest.mark.parametrize("hang_up", [False, True])
@virtual
async def test_half_a_frame_costs_no_more_than_its_time(hang_up: bool) -> None:
    """Nor does the loop look at it again and again meanwhile."""
    async with scene() as s:
        began_s = s.host.now_s
        s.service.say_bytes(GARBAGE["half"])
        await s.host.settle()
        if hang_up:
            s.service.hang_up()
        told = await s.host.timeline.wait("PUSH_LOST")
        assert (told.at_s - began_s < 1) if hang_up else (FRAME_S <= told.at_s - began_s < FRAME_S + 1)


@virtual
async def test_nor_does_half_a_frame_keep_the_host_awake_for_longer() -> None:
    """The host tries to sleep again and again meanwhile, which an unread byte does not let it."""
    async with scene() as s:
        await s.host.fall_asleep()
        (key,) = s.host.driver.connections
        s.service.say_bytes(GARBAGE["half"])
        s.host.driver.not_idle = NotIdle(key, "50 bytes unread")
        s.host.driver.device_wakes("TCP_DATA", key)
        began_s = s.host.now_s
        told = await s.host.timeline.wait("PUSH_LOST")
        assert FRAME_S <= told.at_s - began_s < FRAME_S + 1
        s.host.driver.not_idle = None
        await s.host.timeline.wait("SLEEP_ENTER", after=len(s.host.timeline.told))


@virtual
async def test_a_frame_in_pieces_is_whole() -> None:
    async with scene() as s:
        app = await s.app()
        whole = frame(Notify(1, "mail", b"x" * 3000))
        for at in range(0, len(whole), 500):
            s.service.say_bytes(whole[at : at + 500])
            await asyncio.sleep(0.5)
        await s.host.settle()
        assert contents(app) == [b"x" * 3000]


# -- channels ------------------------------------------------------------------------------------------------------------


@virtual
async def test_a_channel_is_asked_of_the_service() -> None:
    async with scene() as s:
        app = await s.app()
        info = await app.call(CreatePushChannel("alternate", "chat"))
        assert info.uri == "http://push.example/mail/chat"
        await app.call(ClosePushChannel("alternate", "chat"))


@virtual
async def test_an_answer_to_the_system_before_is_nobodys() -> None:
    async with scene() as s:
        app = await s.app()

        def answer(message: FromHost) -> None:
            if isinstance(message, OpenChannel):
                for request in range(100):
                    s.service.say(ChannelOpened(request, "http://push.example/stale", 1))
            s.service.answer(message)

        s.service.answers = answer
        assert (await app.call(CreatePushChannel())).uri == "http://push.example/mail/"


@virtual
async def test_without_connectivity_it_raises_at_once() -> None:
    async with scene() as s:
        app = await s.app()
        s.host.network.become(NO_LINK)
        with pytest.raises(HostError) as raised:
            await app.call(CreatePushChannel())
        assert raised.value.hresult is HResult.FAIL
        s.host.network.become(CONNECTED)
        await app.call(CreatePushChannel())


@virtual
async def test_a_service_that_is_down_makes_it_raise_and_one_that_does_not_answer_too() -> None:
    async with scene() as s:
        app = await s.app()
        s.service.answers = lambda message: None
        with pytest.raises(HostError, match="does not answer"):
            await app.call(CreatePushChannel())
        s.service.refuses = True
        s.service.hang_up()
        with pytest.raises(HostError, match="FAIL"):
            await app.call(CreatePushChannel())


@virtual
async def test_an_app_hears_that_nobody_answers_before_it_gives_up_the_call() -> None:
    async with scene() as s:
        app = await s.app()

        async def slowly(address: str, port: int) -> socket.socket:
            await asyncio.sleep(9)
            return s.service.dial()

        s.host.network.connect = slowly  # type: ignore[method-assign]
        s.service.answers = lambda message: None
        s.service.hang_up()
        await asyncio.sleep(1)
        began_s = s.host.now_s
        with pytest.raises(HostError) as raised:
            await app.call(CreatePushChannel())
        assert raised.value.hresult is HResult.FAIL
        assert s.host.now_s - began_s < CALL_TIMEOUT_S


@virtual
async def test_the_service_hears_that_an_app_is_gone_now_or_later() -> None:
    async with scene() as s:
        await s.host.bench(bench.InstallPackage(Manifest("mail", entry="its:App"), []))
        s.service.refuses = True
        s.service.hang_up()
        await s.host.bench(bench.UninstallPackage("mail"))
        s.service.refuses = False
        await s.service.until(lambda: bool(s.service.all(CloseApp)))
        assert s.service.all(CloseApp)[0].app == "mail"
