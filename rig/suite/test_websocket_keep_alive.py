"""The system's own keep-alive task of WebSocket channels: named in code and manifest, one control frame each interval."""

from __future__ import annotations

from typing import Any

import pytest
from websockets.frames import Opcode

from rig.manifest.manifest import BackgroundTasksExtension, Manifest, TaskType
from rig.standby.api.websockets import WEB_SOCKET_KEEP_ALIVE
from rig.suite.websocket_app import PUSH
from rig.suite.websocket_scene import KINDS, WEBSOCKET_APP, WebSocketScene

MINUTES = 15
INTERVALS = 3
CONTROL = (Opcode.PING, Opcode.PONG)
NAME = "declared"


def declared(*entry_points: str, executable: str | None = "declared.exe", types: frozenset[TaskType] | None = None) -> Manifest:
    """The push task's entry point, and these."""
    channel = frozenset({TaskType.CONTROL_CHANNEL})
    others = [BackgroundTasksExtension(name, types or channel, executable) for name in entry_points]
    return Manifest(NAME, entry=WEBSOCKET_APP, extensions=(BackgroundTasksExtension(PUSH, channel, "declared.exe"), *others))


@pytest.mark.requirement("CWS-009", "CWS-011")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("frame", ["ping", "pong"])
@pytest.mark.host_alone
def test_each_interval_one_control_frame_leaves_and_no_code_of_the_app_runs(
    sockets: WebSocketScene, kind: str, frame: str
) -> None:
    """A ping, or an unsolicited pong where the socket is set to that (B-07). Its pong runs no push task. A machine that is busy
    may be late for any of them, and never early; that none is left out, tests of virtual time see."""
    interval_s = sockets.bench.config.clock.minutes_s(MINUTES)
    how = {} if frame == "ping" else {"keep_alive_frame": "pong"}
    connection = sockets.registered(kind=kind, minutes=MINUTES, **how)
    granted = sockets.timeline.wait("SLOT_GRANT")
    after = sockets.timeline.mark()
    sent = [sockets.timeline.wait("KA_TX", count=n, frame=frame) for n in range(1, INTERVALS + 1)]
    for number in range(INTERVALS):
        seen = connection.wait_frame(*CONTROL, count=number + 1)
        assert seen.opcode == {"ping": Opcode.PING, "pong": Opcode.PONG}[frame]
        assert seen.fin
        assert seen.masked
        assert not seen.reserved
        assert len(seen.payload) <= 125
    passed = [(one.t_ns - granted.t_ns) / 1e9 / interval_s for one in sent]
    assert all(intervals > number - 0.1 for number, intervals in enumerate(passed, 1)), passed
    order = [r.event for r in sockets.between(granted, sent[-1]) if r.event in ("RUN_ENTER", "KA_TX", "RUN_EXIT")]
    assert order == [*(INTERVALS - 1) * ["RUN_ENTER", "KA_TX", "RUN_EXIT"], "RUN_ENTER", "KA_TX"], "one each run"
    runs = sockets.timeline.find("RUN_ENTER", after=after)
    assert {run.kind for run in runs} == {"keepalive"}
    assert not [r for r in sockets.timeline.records(after) if r.src == "app:sockets" and r.event[0].islower()]
    assert not sockets.timeline.find("READ_COMPLETE_ENTER", after=after)


@pytest.mark.requirement("CWS-009", "CWS-011")
def test_in_connected_standby_the_host_wakes_for_it_and_sleeps_again_behind_the_pong(sockets: WebSocketScene) -> None:
    interval_s = sockets.bench.config.clock.minutes_s(MINUTES)
    connection = sockets.registered(minutes=MINUTES)
    asleep = sockets.sleep()
    for number in range(1, INTERVALS + 1):
        run = sockets.timeline.wait("RUN_EXIT", kind="keepalive", count=number, after=asleep, timeout_s=10 * interval_s)
        sockets.timeline.wait("SLEEP_ENTER", after=run.seq)
        connection.wait_frame(Opcode.PING, count=number)
    assert not sockets.timeline.find("NIC_WAKE", after=asleep), "the pong came while the host was awake"
    assert not sockets.timeline.find("RUN_ENTER", kind="push", after=asleep)
    sockets.host.exit_standby()
    sockets.message_and_run(connection, b"alive")


@pytest.mark.requirement("CWS-009")
@pytest.mark.host_alone
def test_without_the_task_no_control_frame_leaves(sockets: WebSocketScene) -> None:
    """The negative control, and what CWS-010 says of code without the entry point."""
    interval_s = sockets.bench.config.clock.minutes_s(MINUTES)
    connection = sockets.registered(minutes=MINUTES, keep_alive=None)
    sockets.timeline.assert_none("RUN_ENTER", kind="keepalive", timeout_s=2 * interval_s)
    assert not connection.received(*CONTROL)


@pytest.mark.requirement("CWS-010")
@pytest.mark.host_alone
def test_declared_in_code_and_manifest_it_works(sockets: WebSocketScene) -> None:
    interval_s = sockets.bench.config.clock.minutes_s(MINUTES)
    sockets.host.install(declared(WEB_SOCKET_KEEP_ALIVE))
    app = sockets.host.launch(NAME)
    connection = sockets.registered(app=app, minutes=MINUTES)
    connection.wait_frame(Opcode.PING, timeout_s=10 * interval_s)


@pytest.mark.requirement("CWS-010")
@pytest.mark.parametrize(
    "manifest",
    [
        declared(),
        declared(WEB_SOCKET_KEEP_ALIVE, executable=None),
        declared(WEB_SOCKET_KEEP_ALIVE, types=frozenset({TaskType.SYSTEM_EVENT, TaskType.TIMER})),
        declared("Windows.Sockets.WebSocketKeepAlive"),
    ],
    ids=["nothing", "no executable", "other types", "short name"],
)
@pytest.mark.host_alone
def test_without_its_declaration_the_set_up_fails(sockets: WebSocketScene, manifest: Manifest) -> None:
    sockets.host.install(manifest)
    app = sockets.host.launch(NAME)
    assert not sockets.register(app=app)
    assert "CLASS_NOT_REGISTERED" in sockets.timeline.wait("helper-failed").words
    assert not sockets.timeline.find("CONNECT_BEGIN")


@pytest.mark.requirement("CWS-010")
@pytest.mark.parametrize("name", ["Windows.Sockets.WebSocketKeepAlive", "windows.networking.sockets.websocketkeepalive"])
@pytest.mark.host_alone
def test_the_class_has_one_name(sockets: WebSocketScene, name: str) -> None:
    """B-08: the short form that a page has fails the look-up of the class, declared or not."""
    assert not sockets.register(keep_alive=name)
    assert "CLASS_NOT_REGISTERED" in sockets.timeline.wait("helper-failed").words
    sockets.host.install(declared(name))
    assert not sockets.register(app=sockets.host.launch(NAME), keep_alive=name)
    assert not sockets.timeline.find("CONNECT_BEGIN")


@pytest.mark.requirement("CWS-012")
@pytest.mark.parametrize("when", ["before connect", "after connect"])
@pytest.mark.host_alone
def test_a_pong_interval_of_the_sockets_own_changes_nothing_on_a_channel(sockets: WebSocketScene, when: str) -> None:
    interval_s = sockets.bench.config.clock.minutes_s(MINUTES)
    short_s = interval_s / 5
    how: dict[str, Any] = {"desired_unsolicited_pong_interval_s": short_s} if when == "before connect" else {}
    connection = sockets.registered(minutes=MINUTES, **how)
    if not how:
        setting = "desired_unsolicited_pong_interval_s"
        sockets.ws.call("set_control", name="inbox", setting=setting, value=short_s)
    sockets.timeline.wait("KA_TX", count=INTERVALS, timeout_s=10 * INTERVALS * interval_s)
    frames = connection.received(*CONTROL)
    assert [frame.opcode for frame in frames] == [Opcode.PING] * INTERVALS


@pytest.mark.requirement("CWS-012")
@pytest.mark.host_alone
def test_a_pong_interval_holds_for_a_socket_without_a_channel(sockets: WebSocketScene) -> None:
    """The negative control."""
    sockets.ws.call("connect", name="plain", uri=sockets.server.url(), desired_unsolicited_pong_interval_s=0.05)
    connection = sockets.server.connection()
    connection.wait_frame(Opcode.PONG, count=3)
    assert not connection.received(Opcode.PING)
    sockets.ws.call("close", name="plain")
    connection.wait_closed()
