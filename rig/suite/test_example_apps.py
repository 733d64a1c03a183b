"""The apps that people learn from (apps/README.md): each is installed, launched, and lives one whole life."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from websockets.frames import Opcode

from rig.bench import Bench
from rig.clock import WAIT_S, Deadline
from rig.peers.http import HttpServer
from rig.peers.http_file import HttpFile
from rig.peers.websocket import WebSocketServer
from rig.standby.api import ApplicationTriggerResult
from rig.standby.app_handle import AppHandle

APPS = Path(__file__).parent / "apps"
UNHURRIED = pytest.mark.bench_config(minute_us=2_000_000)
"""The app's own keep-alive, each 15 or 30 minutes, is not to come before what the test does, however slow the machine is."""
LETTERS = b"Dear reader,\nit works.\n.\n"


def launched(bench: Bench, manifest: str) -> AppHandle:
    return bench.host.launch(bench.host.install(APPS / manifest).name)


@UNHURRIED
def test_messenger(bench: Bench) -> None:
    """A message while the app is used, one while the machine sleeps, a server that closes, a slot that is taken away."""
    messenger, server, timeline = launched(bench, "messenger.xml"), bench.server, bench.timeline
    assert messenger.call("sign_in", host=server.address, port=server.port)
    server.push(b"hello\n")
    timeline.wait("Message", text="hello")

    asleep = bench.host.enter_standby()
    server.push(b"are you asleep?\n")
    timeline.wait("NIC_WAKE", after=asleep.seq)
    message = timeline.wait("Message", text="are you asleep?", after=asleep.seq)
    timeline.wait("SLEEP_ENTER", after=message.seq)
    bench.host.exit_standby()
    messenger.call("send", text="not any more")
    assert server.connection().wait_received(13) == b"not any more\n"

    connections = len(server.connections)
    server.connection().finish()
    timeline.wait("Reconnected", connected=True)
    server.connection(connections).push(b"I am back\n")
    timeline.wait("Message", text="I am back")

    reset, connections = timeline.mark(), len(server.connections)
    bench.host.levers.session_switch()
    timeline.wait("Reset", reason="FAST_USER_SWITCHED", set_up=True, after=reset)
    server.connection(connections).push(b"welcome back\n")  # the app may be connected before its server has taken it
    timeline.wait("Message", text="welcome back")
    messenger.call("sign_out")
    assert messenger.call("messages") == ["hello", "are you asleep?", "I am back", "welcome back"]


def test_chat(bench: Bench, websocket_server: WebSocketServer) -> None:
    """A line while the app is used, one while the machine sleeps, pings of the system, a server that closes, another network."""
    chat, timeline = launched(bench, "chat.xml"), bench.timeline
    assert chat.call("join", uri=websocket_server.url("/room"))
    connection = websocket_server.connection()
    connection.push_text("hello")
    timeline.wait("Line", text="hello")

    asleep = bench.host.enter_standby()
    connection.push_text("grüße im Schlaf")
    line = timeline.wait("Line", text="grüße im Schlaf", after=asleep.seq)
    timeline.wait("SLEEP_ENTER", after=line.seq)
    connection.wait_frame(Opcode.PING, timeout_s=60)
    bench.host.exit_standby()
    chat.call("say", line="awake")
    assert connection.wait_frame(Opcode.TEXT).payload == b"awake"

    connection.close_with(1001, "server restarts")
    closed = timeline.wait("Closed", code=1001)
    assert timeline.wait("Rejoined", after=closed.seq).connected
    websocket_server.connection(1).push_text("I am back")
    timeline.wait("Line", text="I am back")

    bench.host.levers.set(internet=False)
    away = timeline.mark()
    bench.host.levers.set(internet=True)
    assert timeline.wait("Rejoined", after=away).connected
    timeline.wait("RUN_EXIT", task="network", after=away)
    newest = websocket_server.connection()
    newest.push_text("another network")
    timeline.wait("Line", text="another network")
    chat.call("leave")
    newest.wait_closed()
    assert newest.close_code == 1000
    assert chat.call("lines") == ["hello", "grüße im Schlaf", "I am back", "another network"]


def test_mail(bench: Bench) -> None:
    """Fetched when the time has come and the network is there; by a process of its own, which fails alone."""
    mail, server, timeline = launched(bench, "mail.toml"), bench.server, bench.timeline
    bench.host.levers.set(internet=False)  # before the first half hour begins
    assert mail.call("sign_in", host=server.address, port=server.port)
    assert mail.call("sign_in", host=server.address, port=server.port), "nothing is registered twice"
    assert len(timeline.find("REGISTER", app="mail")) == 3

    timeline.wait("TASK_PENDING", app="mail", task="fetch")
    assert not timeline.find("RUN_ENTER", app="mail", task="fetch")
    bench.host.levers.set(internet=True)
    fetched = 0
    for task in ("fetch", "back"):
        timeline.wait("RUN_ENTER", app="mail", task=task)
    for _ in range(2):
        connection = server.connection(fetched)
        assert connection.wait_received(6) == b"FETCH\n"
        connection.push(LETTERS)
        fetched += 1
    timeline.wait("Mail heard", task="fetch", failures=0)
    timeline.wait("Mail heard", task="back", failures=0)
    assert mail.call("letters") == 2 * ["Dear reader,", "it works."]

    connection = server.connection(fetched)
    after = timeline.mark()
    connection.finish()
    timeline.wait("Mail heard", task="fetch", failures=1, after=after)
    assert mail.call("failures") == ["ConnectionError: the server went away"]
    mail.call("sign_out")


def test_uploader(bench: Bench) -> None:
    """Cancelled on the way, taken up where it was; finished although the user closes the app."""
    uploader, server, timeline = launched(bench, "uploader.toml"), bench.server, bench.timeline
    file = bench.artefacts / "holiday.jpg"
    file.write_bytes(bytes(range(256)) * 16)
    where: dict[str, Any] = {"path": str(file), "host": server.address, "port": server.port}

    assert uploader.call("upload", **where) == ApplicationTriggerResult.ALLOWED
    connection = server.connection()
    assert connection.wait_received(1024) == file.read_bytes()[:1024]
    assert uploader.call("upload", **where) == ApplicationTriggerResult.CURRENTLY_RUNNING
    uploader.call("cancel")
    sent = timeline.wait("CANCEL_SENT", app="uploader", reason="ABORT")
    timeline.wait("CANCEL_HANDLED", app="uploader", after=sent.seq)
    connection.push(b"OK\n")
    over = timeline.wait("Upload over")
    assert over.outcome == "InterruptedError: cancelled after 1024 of 4096 bytes", "it looks after each part, and has heard of it"
    assert uploader.call("state")[0] == 25

    assert uploader.call("upload", **where) == ApplicationTriggerResult.ALLOWED
    connection = server.connection(1)
    connection.wait_received(1024)
    uploader.close_by_user()
    for come in range(1024, 3 * 1024 + 1, 1024):
        assert connection.wait_received(come) == file.read_bytes()[1024 : 1024 + come]
        connection.push(b"OK\n")
    run = timeline.wait("RUN_EXIT", app="uploader", after=over.seq)
    assert run.fault is None


def test_podcast(bench: Bench, http_server: HttpServer) -> None:
    """One after another; the user closes the app in the middle of one, and starts it again; a task puts them in their place."""
    podcast, timeline = launched(bench, "podcast.toml"), bench.timeline
    news = HttpFile(bytes(range(256)) * 400, stops_at=50_000)
    http_server.on("/news", news)
    http_server.on("/music", HttpFile(b"la " * 1000))
    addresses = {name: http_server.url(f"/{name}") for name in ("news", "lost", "music")}
    assert podcast.call("fetch", episodes=addresses)
    timeline.wait("Episode", name="news", status="RUNNING")
    wait_for(lambda: podcast.call("progress").get("news"), [50_000, len(news.data)])
    assert podcast.call("preview", name="news") == news.data[:50_000]
    assert len(http_server.requests()) == 1, "one after another"

    podcast.close_by_user()
    http_server.request(0).connection.wait_closed()
    assert len(http_server.requests()) == 1
    podcast = bench.host.launch("podcast")
    assert http_server.request(1).header("Range") == "bytes=50000-", "where it was"
    timeline.wait("Episode over", name="news", outcome="there")
    assert timeline.wait("Episode over", name="lost").outcome.startswith("NOT_FOUND")
    timeline.wait("Episode over", name="music", outcome="there")
    assert timeline.wait("RUN_EXIT", app="podcast", task="sort").fault is None
    assert podcast.call("episodes") == ["music", "news"]

    bench.host.levers.set(cost="fixed")
    again = timeline.mark()
    assert podcast.call("fetch", episodes={"music": addresses["music"]})
    timeline.wait("Episode", name="music", status="PAUSED_COSTED_NETWORK", after=again)
    assert podcast.call("skip", name="music")
    timeline.wait("Episode over", name="music", outcome="skipped")
    timeline.wait("RUN_EXIT", app="podcast", task="sort", after=again)
    assert podcast.call("episodes") == ["music", "news"]


def test_headlines(bench: Bench) -> None:
    """One while the user looks, one while the machine sleeps, one after the app has ended; a URI that is closed."""
    with bench.peers.push_service() as service:
        bench.host.use_push_service(service)
        headlines, timeline = launched(bench, "headlines.toml"), bench.timeline
        uri = headlines.call("subscribe")
        service.delivered(service.post(uri, b"Rain"))
        timeline.wait("Headline shown", text="Rain")

        asleep = bench.host.enter_standby()
        service.delivered(service.post(uri, b"Storm"))
        kept = timeline.wait("RUN_EXIT", task="keep", after=asleep.seq)
        timeline.wait("SLEEP_ENTER", after=kept.seq)
        headlines.terminate()
        service.delivered(service.post(uri, b"Sun"))
        timeline.wait("TASK_END", task="keep", after=asleep.seq, count=2)
        bench.host.exit_standby()

        headlines = bench.host.launch("headlines")
        assert headlines.call("unread") == ["Storm", "Sun"]
        assert headlines.call("unread") == []
        assert headlines.call("subscribe") == uri
        headlines.call("unsubscribe")
        assert service.post(uri, b"Snow").code in (404, 410)
        assert not timeline.find("APP_FAULT")


@UNHURRIED
def test_presence(bench: Bench) -> None:
    """Heard by the app while it is used, by its task while it is suspended, asleep and ended; a server that closes is called
    again."""
    presence, server, timeline = launched(bench, "presence.toml"), bench.server, bench.timeline
    port = presence.call("sign_in", host=server.address, port=server.port, name="Eve")
    with bench.peers.udp_peer() as neighbour:
        to = (bench.network.topology.host.ip4, port)
        assert server.connection().wait_received(10) == b"HELLO Eve\n"
        server.push(b"+Ann\n+B")
        timeline.wait("Presence heard", who=["Ann"])
        neighbour.send(b"Zoe", to)
        timeline.wait("Presence heard", who=["Ann", "Zoe"])

        presence.suspend()
        server.push(b"ob\n-Ann\n")
        neighbour.send(b"-Zoe", to)
        timeline.wait("RUN_EXIT", task="watch", count=2)
        asleep = bench.host.enter_standby()
        server.push(b"+Kim\n")
        timeline.wait("NIC_WAKE", after=asleep.seq)
        run = timeline.wait("RUN_EXIT", task="watch", after=asleep.seq)
        timeline.wait("SLEEP_ENTER", after=run.seq)
        server.connection().finish()
        assert server.connection(1).wait_received(10) == b"HELLO Eve\n", "by the task, in connected standby"
        timeline.wait("RUN_EXIT", task="watch", count=2, after=asleep.seq)

        bench.host.exit_standby()
        back = timeline.mark()
        presence.resume()
        timeline.wait("OWNERSHIP_TO_APP", instance=presence.instance, count=2, after=back)
        neighbour.send(b"Max", to)
        timeline.wait("Presence heard", who=["Bob", "Kim", "Max"], after=back)

    presence.close_by_user()
    connections, after = len(server.connections), timeline.mark()
    server.push(b"-Kim\n")
    timeline.wait("RUN_EXIT", task="watch", after=after)
    server.connection().finish()
    assert server.connection(connections).wait_received(10) == b"HELLO Eve\n", "by the task: no app runs"
    timeline.wait("RUN_EXIT", task="watch", count=2, after=after)
    assert not [run for run in timeline.find("RUN_EXIT", task="watch") if run.fault is not None]
    presence = bench.host.launch("presence")
    here(presence, ["Bob", "Max"])
    server.connection().push(b"+Ann\n")
    timeline.wait("Presence heard", who=["Ann", "Bob", "Max"])
    presence.call("sign_out")
    server.connection().wait_closed()


def here(presence: AppHandle, names: list[str]) -> None:
    """In a moment: the app or a task is just about to hear it."""
    wait_for(lambda: presence.call("who_is_here"), names)


def wait_for(look: Callable[[], Any], wanted: Any) -> None:
    deadline = Deadline(WAIT_S)
    while (seen := look()) != wanted:
        assert not deadline.expired, seen
        deadline.pause()
