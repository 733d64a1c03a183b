"""A bad app hurts nobody but itself: each misdeed has an error of its own, and the others' channels wake the host as before."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest

from rig.bench import Bench
from rig.clock import Clock
from rig.config import BenchConfig, StandbyConfig
from rig.net import userns
from rig.peers import PushConnection
from rig.standby.app_handle import AppHandle
from rig.standby.system.channels.setup import CHANNELS_PER_APP, KEPT_TOKENS_BYTES
from rig.standby.system.tasks.registry import REGISTRATIONS_PER_APP
from rig.standby.system.tasks.scheduler import RUNS_PER_APP
from rig.standby.wire import app_channels, app_tasks, from_app
from rig.standby.wire.bench import EnterStandby
from rig.standby.wire.line import FDS, HEADER, MESSAGE_BYTES, What
from rig.standby.wire.triggers import ChannelKeepAlive
from rig.suite.scene import Scene
from tests.standby.bad_app import DESCRIPTORS, ENDS
from tests.standby.messages import KINDS, is_call, is_message, right, wrong

BAD = "tests.standby.bad_app:BadApp"
LONG = Clock(minute_us=500_000)
"""The good app's keep-alive is due after twelve real minutes, and wakes no host that a push is to wake."""
encode = msgspec.msgpack.Encoder().encode


class World:
    """A bench with one good app, which has a hardware channel."""

    def __init__(self, bench: Bench) -> None:
        self.scene = Scene(bench)
        self.host = bench.host
        self.timeline = bench.timeline
        self.good: PushConnection = self.scene.open_hardware()
        self._pushed = 0

    @contextlib.contextmanager
    def bad_app(self) -> Iterator[AppHandle]:
        """One that has a hardware channel "bad"; ended with the block, if it is not before. Then all must be as it was."""
        after = self.timeline.mark()
        app = self.host.start_app("bad", BAD)
        try:
            self.scene.open_hardware("bad", app=app)
            yield app
        finally:
            self.end(app, after)
        self.check(after)

    def end(self, app: AppHandle, after: int) -> None:
        app.close()
        pid = self.timeline.wait("APP_READY", app=app.name, after=after).pid
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        self.timeline.wait("APP_TERMINATED", app=app.name, after=after)

    def check(self, after: int) -> None:
        """No exception in the system; no slot of the bad app; the good app's channel wakes the host and its task runs."""
        assert self.timeline.find("SERVICE_FAULT", after=after) == []
        assert self.timeline.find("SLOT_FREE", app="bad", after=after) != []
        assert len(self.scene.device.slots()) == 1
        asleep = self.scene.sleep()
        self._pushed += 1
        self.scene.push_and_run(self.good, b"%d" % self._pushed)
        self.timeline.wait("NIC_WAKE", app="chat", after=asleep)
        self.host.exit_standby()

    def descriptors(self) -> int:
        """How many the system has open."""
        return len(list(Path(f"/proc/{self.host.pid}/fd").iterdir()))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    if not userns.privileged():
        pytest.skip(userns.refusal().cause)
    config = BenchConfig(standby=StandbyConfig(), clock=LONG)
    with Bench(config, tmp_path_factory.mktemp("bad_apps")) as bench:
        yield World(bench)


def asked(app: AppHandle, bodies: list[bytes]) -> list[str]:
    """What each of these calls gets for an answer."""
    return [answer for some in batched(bodies) for answer in app.call("say", bodies=some, call=True, timeout_s=30.0)]


def told(app: AppHandle, bodies: list[bytes]) -> None:
    """These notices; returns when the system has taken them."""
    for some in batched(bodies):
        app.call("say", bodies=some, call=False, timeout_s=30.0)
    assert app.call("still_served")


def batched(bodies: list[bytes]) -> Iterator[list[bytes]]:
    """As the test's own line takes them."""
    for at in range(0, len(bodies), 10):
        yield bodies[at : at + 10]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if is_call(kind)], ids=lambda kind: kind.__name__)
def test_each_wrong_call_has_an_error_of_its_own(world: World, kind: type[Any]) -> None:
    with world.bad_app() as app:
        bodies = list(wrong(kind, "bad"))
        for (what, body), answer in zip(bodies, asked(app, [body for _, body in bodies]), strict=True):
            if not is_message(body, call=True):
                assert answer == "INVALID_ARG", f"{kind.__name__} {what}"
            assert answer != "UNEXPECTED", f"{kind.__name__} {what}"
        assert app.call("still_served")


def test_wrong_notices_are_passed_over(world: World) -> None:
    with world.bad_app() as app:
        for kind in KINDS:
            told(app, [body for _, body in wrong(kind, "bad") if not is_message(body, call=False)])


@pytest.mark.parametrize("channel", ["inbox", "none's", ""])
def test_what_it_says_of_others_channels_finds_none(world: World, channel: str) -> None:
    """The good app's is "inbox", and a channel belongs to its app."""
    with world.bad_app() as app:
        for kind in KINDS:
            if not is_call(kind) or "channel" not in kind.__struct_fields__ or kind is app_channels.ConstructChannel:
                continue
            assert asked(app, [encode(right(kind, channel))]) == ["ELEMENT_NOT_FOUND"], kind.__name__
        told(app, [encode(from_app.ReadBegin(channel)), encode(from_app.ReadCompleted(channel, 1, True))])
    assert world.timeline.find("TRANSPORT_ERROR", app="chat") == []


@pytest.mark.parametrize("descriptors", [[name] for name in DESCRIPTORS] + [["a file"] * FDS, []], ids="+".join)
def test_a_transport_that_is_none_is_refused_and_closed(world: World, descriptors: list[str]) -> None:
    with world.bad_app() as app:
        app.call("say", bodies=[encode(app_channels.ConstructChannel("c", 30, False))], call=True)
        app.call(
            "say",
            bodies=[encode(app_channels.UsingTransport("c", 7)), encode(app_channels.ConnectBegin("c", 7, "h", 1))],
            call=True,
        )
        before = world.descriptors()
        end = encode(app_channels.ConnectEnd("c", 7))
        assert app.call("say_with", body=end, descriptors=descriptors) == "INVALID_ARG"
        assert asked(app, [encode(app_channels.WaitForPushEnabled("c"))]) == ["ILLEGAL_METHOD_CALL"]
        assert world.descriptors() == before


def test_a_connection_that_the_device_could_not_keep_and_a_second_one_are_refused(world: World) -> None:
    with world.bad_app() as app:
        assert app.call("connect_to_itself") == ["ok", "ok", "ok", "ILLEGAL_METHOD_CALL", "ok"]
        assert world.timeline.find("SLOT_DENY", app="bad")[-1].status == "SYSTEM_ERROR"


def test_descriptors_that_nobody_asked_for_are_closed(world: World) -> None:
    with world.bad_app() as app:
        before = world.descriptors()
        for kind in KINDS:
            if is_call(kind) and kind is not app_channels.ConnectEnd:
                app.call("say_with", body=encode(right(kind, "bad")), descriptors=["a file"] * FDS)
        assert app.call("say_with", body=encode(right(from_app.AppReady, "bad")), descriptors=["a file"] * 100) == "INVALID_ARG"
        assert app.call("send_descriptors", count=1000) > FDS
        assert app.call("still_served")
        assert world.descriptors() <= before


@pytest.mark.parametrize(
    "datagrams",
    [
        [b"x", b"\0" * 8, b"\xff" * 9],
        [
            HEADER.pack(what, number) + body
            for what in (0, *What, 7, 255)
            for number in (0, 1, 2**64 - 1)
            for body in (b"", b"\xc0")
        ],
        [HEADER.pack(What.CALL, number) + encode(app_tasks.RequestAccess()) for number in (0, 1, 1, 10**6, 2**64 - 1)],
        [HEADER.pack(What.NOTICE, 0) + b"\x91" * 10_000],
    ],
    ids=["torn", "of every kind and number", "numbers out of turn", "deep"],
)
def test_datagrams_that_are_no_messages_are_passed_over(world: World, datagrams: list[bytes]) -> None:
    with world.bad_app() as app:
        app.call("send", datagrams=datagrams)
        assert app.call("still_served")


def test_messages_longer_than_any_may_be_are_passed_over(world: World) -> None:
    with world.bad_app() as app:
        app.call("send_long", bytes_each=[MESSAGE_BYTES, MESSAGE_BYTES + 1, MESSAGE_BYTES + 50_000])
        assert app.call("still_served")


def test_what_one_app_may_hold_has_an_end(world: World) -> None:
    with world.bad_app() as app:
        channels = asked(app, [encode(app_channels.ConstructChannel(f"c{n}", 30, True)) for n in range(100)])
        assert channels == ["ok"] * (CHANNELS_PER_APP - 1) + ["OUT_OF_MEMORY"] * (101 - CHANNELS_PER_APP)
        tasks = asked(
            app, [encode(app_tasks.RegisterTask("t", "e", ChannelKeepAlive("bad"))) for _ in range(REGISTRATIONS_PER_APP + 5)]
        )
        assert (tasks[0], tasks[-5:]) == ("ok", ["OUT_OF_MEMORY"] * 5)
        tokens = {**right(app_channels.SetPayload, "bad"), "payload": {"data": b"1234", "token": {"offset": 0, "len": 4}}}
        for count, answer in ((KEPT_TOKENS_BYTES, "ok"), (KEPT_TOKENS_BYTES + 4, "INVALID_ARG")):
            tokens["payload"]["tokens"] = bytes(count)
            assert asked(app, [encode(tokens)]) == [answer]


def test_runs_that_it_never_finishes_are_ordered_no_more(world: World) -> None:
    with world.bad_app() as app:
        app.call("never_finish_a_task")
        after = world.timeline.mark()
        told(app, [encode(from_app.ReadBegin("bad")), encode(from_app.ReadCompleted("bad", 1, False))] * (RUNS_PER_APP + 1))
        assert "runs of its tasks" in world.timeline.wait("USAGE_FAULT", app="bad", after=after).what
        assert world.scene.app.call("network_keep_alive_minutes", channel="inbox") > 0


def test_it_is_ready_once(world: World) -> None:
    with world.bad_app() as app:
        after = world.timeline.mark()
        assert asked(app, [encode(from_app.AppReady())] * 3) == ["ok"] * 3
        assert world.timeline.find("APP_READY", after=after) == []


def test_completions_and_tasks_that_never_began_count_for_nothing(world: World) -> None:
    """A count that went below nothing would let the host sleep while a completion is under way."""
    with world.bad_app() as app:
        never = [from_app.ReadCompleted("bad", 1, False), from_app.ReadCompleted(None, 9, True), app_tasks.TaskDone(4711, "x")]
        after = world.timeline.mark()
        told(app, [encode(notice) for notice in never * 5])
        assert world.timeline.find("RUN_ENTER", app="bad", after=after) == []
        told(app, [encode(from_app.ReadBegin("bad"))])
        world.host._call(EnterStandby())
        assert world.timeline.find("APP_SUSPEND", app="bad", after=after) == []
        world.host.exit_standby()


def test_a_flood_of_notices_leaves_others_their_answers(world: World) -> None:
    with world.bad_app() as app:
        app.call("flood_notices")
        good = world.scene.app
        for _ in range(100):
            assert good.call("network_keep_alive_minutes", channel="inbox") > 0
        app.call("stop_flood", timeout_s=20.0)


def test_an_app_that_reads_nothing_is_ended(world: World) -> None:
    with world.bad_app() as app:
        after = world.timeline.mark()
        app.call("ask_and_read_nothing")
        for _ in range(20):
            assert world.scene.app.call("network_keep_alive_minutes", channel="inbox") > 0
        world.timeline.wait("APP_TERMINATED", app="bad", after=after)


@pytest.mark.parametrize("how", ENDS)
def test_an_app_that_ends_leaves_nothing(world: World, how: str) -> None:
    before = world.descriptors()
    with world.bad_app() as app:
        after = world.timeline.mark()
        app.call("end_by", how=how)
        world.timeline.wait("APP_TERMINATED", app="bad", after=after)
    assert world.descriptors() == before


def test_an_app_that_stops_itself_is_carried_along(world: World) -> None:
    with world.bad_app() as app:
        after = world.timeline.mark()
        pid = world.timeline.find("APP_READY", app="bad")[-1].pid
        os.kill(pid, signal.SIGSTOP)
        world.scene.sleep()
        world.scene.push_and_run(world.good, b"while the other is stopped")
        world.host.exit_standby()
        world.timeline.wait("APP_RESUME", app="bad", after=after)
        assert app.call("still_served")


def test_apps_that_ask_at_once_all_get_their_own_answers(world: World) -> None:
    bodies = [body for _, body in wrong(app_tasks.RegisterTask, "bad")]
    with world.bad_app() as app, ThreadPoolExecutor() as pool:
        answers = pool.submit(asked, app, bodies)
        for _ in range(50):
            assert world.scene.app.call("network_keep_alive_minutes", channel="inbox") > 0
        assert len(answers.result()) == len(bodies)
