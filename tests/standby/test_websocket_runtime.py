"""WebSockets in an app's process, with the test in the place of the system: it hears of every receive, and that each is over."""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rig.clock import Deadline
from rig.peers.websocket import WebSocketConnection, WebSocketServer
from rig.standby.wire import app_tasks
from rig.standby.wire.from_app import ReadBegin, ReadCompleted, ReadWithoutEffect
from rig.timeline import Timeline
from tests.standby.app_process import PATIENCE_S, AppProcess

ROUNDS = 12
KINDS = ("stream", "message")


class Here:
    """In place of a namespace: this one."""

    def socket(self, family: int, kind: int) -> socket.socket:
        return socket.socket(family, kind)


@pytest.fixture
def timeline(tmp_path: Path) -> Iterator[Timeline]:
    timeline = Timeline(tmp_path / "timeline.jsonl")
    yield timeline
    timeline.close()


@pytest.fixture
def app(timeline: Timeline) -> Iterator[AppProcess]:
    with AppProcess(timeline, "tests.standby.websocket_small_app:WebSocketSmallApp") as app:
        app.answers[app_tasks.GetAccess] = lambda _: 0
        yield app


@pytest.fixture
def server(timeline: Timeline) -> Iterator[WebSocketServer]:
    here: Any = Here()
    with WebSocketServer(here, "127.0.0.1", timeline.writer("server")) as server:
        yield server


def connected(app: AppProcess, server: WebSocketServer, kind: str, channel: str | None = None) -> WebSocketConnection:
    before = len(server.connections)
    app.ask("connect", uri=server.url(), kind=kind, channel=channel)
    connection = server.connection(before)
    connection.wait_open()
    return connection


def notices(app: AppProcess) -> list[Any]:
    """Of receives, up to now."""
    app.ask("say_something")
    app.expect(app_tasks.GetAccess)
    return [said for said in app._passed_over if isinstance(said, (ReadBegin, ReadCompleted, ReadWithoutEffect))]


def assert_none_is_open(app: AppProcess) -> None:
    """Each that began is over: else the host would be awake for it for ever."""
    said = notices(app)
    begun = sum(isinstance(notice, ReadBegin) for notice in said)
    assert begun == len(said) - begun
    assert not app.timeline.find("APP_FAULT")


@pytest.mark.parametrize("kind", KINDS)
def test_closed_at_any_moment_by_two_threads_each_receive_is_over_once(
    app: AppProcess, server: WebSocketServer, timeline: Timeline, kind: str
) -> None:
    for number in range(ROUNDS):
        connection = connected(app, server, kind)
        talking = threading.Event()
        talking.set()

        def talk(connection: WebSocketConnection = connection, talking: threading.Event = talking) -> None:
            for count in itertools.count():
                if not talking.is_set():
                    return
                try:
                    connection.push(b"%d" % count * 100)
                    connection.ping(b"%d" % count)
                except Exception:  # it is closing
                    return

        talker = threading.Thread(target=talk, daemon=True)
        talker.start()
        app.ask("close_beside", delay_s=number * 0.004)
        connection.wait_closed()
        talking.clear()
        talker.join(PATIENCE_S)
        assert connection.close_code == 1000
    posted = len(timeline.find("READ_POST"))
    deadline = Deadline(PATIENCE_S)
    while len(timeline.find("READ_COMPLETE_EXIT")) < posted and not deadline.expired:
        deadline.pause()
    assert len(timeline.find("READ_COMPLETE_ENTER")) == len(timeline.find("READ_COMPLETE_EXIT")) == posted
    assert_none_is_open(app)


@pytest.mark.parametrize("kind", KINDS)
def test_pings_pongs_and_pieces_are_told_as_without_effect(app: AppProcess, server: WebSocketServer, kind: str) -> None:
    connection = connected(app, server, kind, channel="c")
    connection.ping(b"one")
    app.expect(ReadBegin)
    app.expect(ReadWithoutEffect)
    connection.pong(b"two")
    app.expect(ReadBegin)
    app.expect(ReadWithoutEffect)
    connection.push_raw(b"\x82\x05he")
    app.expect(ReadBegin)
    app.expect(ReadWithoutEffect)
    connection.push_raw(b"llo")
    app.expect(ReadBegin)
    assert not app.expect(ReadCompleted).over
    connection.close_with(1001)
    app.expect(ReadBegin)
    assert app.expect(ReadCompleted).over


@pytest.mark.parametrize("kind", KINDS)
def test_messages_that_came_together_are_an_event_each_and_one_stream(
    app: AppProcess, server: WebSocketServer, kind: str
) -> None:
    """The kernel has none of them any more when the second is asked for."""
    connection = connected(app, server, kind, channel="c")
    connection.push_raw(b"\x82\x03one\x82\x03two\x89\x00\x82\x05three")
    for _ in range({"stream": 1, "message": 3}[kind]):
        app.expect(ReadBegin)
        assert not app.expect(ReadCompleted).over
    assert app.ask("received_bytes") == len("onetwothree")


@pytest.mark.parametrize(
    ("kind", "methods"), [("stream", ("read_async", "write")), ("message", ("send", "add_message_received"))]
)
def test_strange_arguments_are_refused_and_the_connection_goes_on(
    app: AppProcess, server: WebSocketServer, kind: str, methods: tuple[str, ...]
) -> None:
    connection = connected(app, server, kind)
    for method in (*methods, "connect", "add_closed", "close"):
        assert app.ask("strange", call=method) == []
    app.ask("say", data=b"still here")
    deadline = Deadline(PATIENCE_S)
    while connection.received()[-1:] == [] or connection.received()[-1].payload != b"still here":
        assert not deadline.expired, connection.received()
        deadline.pause()
    assert connection.error is None
