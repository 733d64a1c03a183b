"""The runtime of an app's process: its threads live as long as the process, and the system hears of every end."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.net import userns
from rig.standby.api import ReadOperation
from rig.standby.api.byte_stream import ByteStream
from rig.standby.api.posted_read import PostedRead
from rig.standby.app.crew import Crew
from rig.standby.app.faults import AppFaults
from rig.standby.app.posted_reads import PostedReads
from rig.standby.nic import handoff
from rig.standby.wire import app_channels, app_tasks, from_app
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.line import HEADER, What
from rig.standby.wire.to_app import RunTask, TransportFailed
from rig.standby.wire.triggers import ChannelPush
from rig.timeline import Timeline
from tests.standby.app_process import INSTANCE, AppProcess, server
from tests.standby.small_apps import ENDS


@pytest.fixture
def timeline(tmp_path: Path) -> Iterator[Timeline]:
    timeline = Timeline(tmp_path / "timeline.jsonl")
    yield timeline
    timeline.close()


@pytest.fixture
def app(timeline: Timeline) -> Iterator[AppProcess]:
    with AppProcess(timeline) as app:
        yield app


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with server() as sock:
        yield sock


def connected(app: AppProcess, listener: socket.socket, *, bound: bool = False) -> socket.socket:
    """The server's end."""
    app.ask("connect", port=listener.getsockname()[1], bound=bound)
    return listener.accept()[0]


def read_one(app: AppProcess, peer: socket.socket, data: bytes, end: str = "") -> from_app.ReadCompleted:
    app.ask("post_read", end=end)
    peer.send(data)
    app.expect(from_app.ReadBegin)
    return app.expect(from_app.ReadCompleted)


def run_one(app: AppProcess, number: int, entry_point: str) -> str | None:
    app.tell(RunTask(number, "", "task", entry_point, ChannelPush("c")))
    done = app.expect(app_tasks.TaskDone)
    assert done.instance == number
    return done.fault


@pytest.mark.parametrize("end", ENDS)
def test_a_read_handler_that_raises_completes_its_read_and_the_next_is_handled(
    app: AppProcess, listener: socket.socket, end: str
) -> None:
    with connected(app, listener) as peer:
        assert not read_one(app, peer, b"first,", end).over
        fault = app.timeline.wait("APP_FAULT", app="small", where="read completion")
        assert app.timeline.wait("READ_COMPLETE_EXIT").seq > fault.seq
        records = [*map(app.timeline.wait, ("READ_POST", "READ_COMPLETE_ENTER", "READ_COMPLETE_EXIT")), fault]
        assert [record.instance for record in records] == [INSTANCE] * 4
        read_one(app, peer, b"second")
        assert app.ask("read_so_far") == "first,second"


@pytest.mark.parametrize("end", ENDS)
def test_a_run_that_raises_is_done_with_its_reason_and_the_next_one_runs(app: AppProcess, end: str) -> None:
    app.ask("set_end", end=end)
    fault = run_one(app, 1, "raises")
    assert fault == app.timeline.wait("RUN_EXIT", instance=1, app_instance=INSTANCE).fault
    assert app.timeline.find("RUN_ENTER", instance=1, app_instance=INSTANCE)
    assert fault is not None
    assert run_one(app, 2, "fine") is None


def test_a_run_without_an_entry_point_is_done_with_that_reason(app: AppProcess) -> None:
    app.ask("forget_entry_point")
    assert "no entry point 'raises'" in (run_one(app, 1, "raises") or "")
    assert run_one(app, 2, "fine") is None


def test_an_instance_ordered_twice_runs_once(app: AppProcess) -> None:
    assert run_one(app, 5, "fine") is None
    app.tell(RunTask(5, "", "task", "fine", ChannelPush("c")))
    assert run_one(app, 6, "fine") is None
    assert app.ask("runs") == [5, 6]


@pytest.mark.parametrize(
    "datagram",
    [
        b"x",
        HEADER.pack(What.NOTICE, 0) + b"\x81\xa4type\xa9NewNotice",
        HEADER.pack(What.NOTICE, 0) + b"\xc1",
        HEADER.pack(What.CALL, 1) + b"\x80",
        HEADER.pack(What.RESULT, 4711) + b"\xc0",
        HEADER.pack(What.FAULT, 4711) + b"\xc0",
        HEADER.pack(99, 1) + b"\xc0",
    ],
    ids=["short", "unknown notice", "no msgpack", "a call", "a result of nothing", "a fault that is none", "of no kind"],
)
def test_a_message_that_the_app_does_not_know_leaves_it_hearing(app: AppProcess, datagram: bytes) -> None:
    app.line.sock.send(datagram)
    assert run_one(app, 1, "fine") is None


def test_a_transport_that_the_peer_has_reset_can_be_said_to_have_failed(app: AppProcess, listener: socket.socket) -> None:
    peer = connected(app, listener, bound=True)
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()
    app.tell(TransportFailed("c"))
    app.tell(TransportFailed("of another app"))
    assert run_one(app, 1, "fine") is None


def test_a_read_on_a_socket_that_was_closed_behind_the_api_completes_with_an_error(
    app: AppProcess, listener: socket.socket
) -> None:
    with connected(app, listener):
        app.ask("post_read_on_closed")
        app.expect(from_app.ReadBegin)
        assert app.expect(from_app.ReadCompleted).over
        assert app.timeline.wait("READ_COMPLETE_EXIT").status == "ERROR"
    assert run_one(app, 1, "fine") is None


def test_the_system_hears_of_a_read_before_its_data_is_taken(timeline: Timeline) -> None:
    """It may stop the app in between, and must know that it is not idle."""
    crew = Crew(AppFaults("small", INSTANCE, timeline))
    completed: list[PostedRead] = []
    left: list[bytes] = []
    ours, theirs = socket.socketpair()
    with ours, theirs:
        reads = PostedReads(crew, lambda notice: left.append(ours.recv(10, socket.MSG_PEEK)), completed.append)
        theirs.send(b"data")
        reads.post(ReadOperation(ByteStream(ours), 10, lambda o: None, lambda o: None, socket_id=1, channel_id=None))
        crew.turn()
    assert left == [b"data"]
    assert isinstance(completed[0], ReadOperation)
    assert completed[0].data == b"data"


@pytest.mark.skipif(not userns.privileged(), reason="TCP_REPAIR needs CAP_NET_ADMIN")
def test_a_read_of_a_transport_that_is_given_up_in_repair_waits_until_it_is_the_hosts_again(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_connection(listener.getsockname()) as sock, listener.accept()[0]:
        read = ReadOperation(ByteStream(sock), 100, lambda _: None, lambda _: None, socket_id=1, channel_id=None)
        handoff.freeze(sock)
        sock.shutdown(socket.SHUT_RDWR)
        monkeypatch.setattr(time, "sleep", lambda _s: handoff.thaw(sock))  # the driver comes while it waits
        read.receive()
    assert (read.get_results(), read.over) == (b"", True)


def test_closing_twice_is_closing_once(app: AppProcess, listener: socket.socket) -> None:
    with connected(app, listener) as peer:
        app.ask("post_read", end="")
        app.ask("close_twice")
        assert peer.recv(1) == b""
        assert app.timeline.wait("READ_COMPLETE_EXIT").status == "CANCELED"


def test_a_connection_that_the_system_does_not_take_is_closed(app: AppProcess, listener: socket.socket) -> None:
    def refuse(end: app_channels.ConnectEnd) -> None:
        raise HostError(HResult.ELEMENT_NOT_FOUND, "the channel was closed meanwhile")

    app.answers[app_channels.ConnectEnd] = refuse
    with pytest.raises(HostError, match="closed meanwhile"):
        app.ask("connect", port=listener.getsockname()[1], bound=True)
    peer, _ = listener.accept()
    with peer:
        assert peer.recv(1) == b""
    assert not app.ask("connected")


def test_a_connect_that_fails_on_the_way_is_told(app: AppProcess) -> None:
    with pytest.raises(HostError, match="UnicodeError"):
        app.ask("connect", port=1, bound=True, host="x" * 100)
    assert app.expect(app_channels.ConnectEnd).error is not None
    assert not app.ask("connected")


def test_a_port_that_is_none_is_refused_before_anything_is_asked_for(app: AppProcess) -> None:
    with pytest.raises(HostError, match="port 70000, 0 to 65535 allowed"):
        app.ask("connect", port=70_000)


def test_a_socket_of_no_channel_is_not_the_systems(app: AppProcess, listener: socket.socket) -> None:
    connected(app, listener).close()
    app.ask("connect_elsewhere", port=listener.getsockname()[1])
    assert app.expect(app_channels.ConnectBegin).channel == "c"


def test_a_flush_of_a_transport_that_is_closed_returns(app: AppProcess, listener: socket.socket) -> None:
    with connected(app, listener, bound=True):
        app.ask("flush")
        app.ask("close_twice")
        app.ask("flush")


def test_a_method_that_exits_is_a_fault_for_its_caller(app: AppProcess) -> None:
    with pytest.raises(HostError, match="SystemExit: 3"):
        app.ask("leave_by", end="SystemExit")
    assert run_one(app, 1, "fine") is None
