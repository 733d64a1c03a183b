"""The three sockets that an app may give to the broker; the test is the system, and has what it is given."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.standby.api import StreamSocket
from rig.standby.wire import app_sockets
from rig.standby.wire.app_sockets import SocketTaken, TransferSocket
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.socket_enums import SocketActivityConnectedStandbyAction as Action
from rig.standby.wire.socket_enums import SocketActivityKind as Kind
from tests.standby.app_process import PATIENCE_S
from tests.standby.socket_app import TASK
from tests.standby.socket_world import KINDS, World, app_and_server, udp


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with app_and_server(tmp_path) as world:
        yield world


@pytest.mark.parametrize("kind", KINDS)
def test_a_socket_that_was_given_is_the_brokers(world: World, kind: str) -> None:
    port = world.open(kind)
    world.app.ask("transfer", socket=kind, context="c")
    told = world.app.expect(TransferSocket)
    assert (told.id, told.kind, told.task_id, told.context, told.keep_alive_ms) == (kind, KINDS[kind], TASK, b"c", 0)
    own = world.given[kind]
    assert (own.getpeername() if kind == "stream" else own.getsockname())[1] == port
    for method in ("bind", "connect", "cancel_io", "close", "enable", "transfer"):
        if method in ("cancel_io", "close"):
            world.app.ask(method, socket=kind)
        elif (method, kind) not in (("bind", "stream"), ("connect", "listener")):
            more = {"port": world.port} if method == "connect" else {}
            assert world.refused(method, socket=kind, **more) is HResult.ILLEGAL_METHOD_CALL
    assert own.getsockname(), "and it is open still"


@pytest.mark.parametrize("kind", ["stream", "datagram"])
def test_a_keep_alive_time_goes_with_streams_and_datagram_sockets(world: World, kind: str) -> None:
    world.open(kind)
    world.app.ask("transfer", socket=kind, context="c", minutes=15)
    assert world.app.expect(TransferSocket).keep_alive_ms == 15 * 60 * 1000


def test_a_listener_has_no_transfer_with_a_time(world: World) -> None:
    world.open("listener")
    with pytest.raises(HostError, match="TypeError"):
        world.app.ask("transfer", socket="listener", context="c", minutes=15)
    world.app.ask("transfer", socket="listener", context="c")


def test_a_stream_with_a_posted_read_is_not_given(world: World) -> None:
    """SAT-008."""
    world.open("stream")
    world.app.ask("post_read")
    assert world.refused("transfer", socket="stream") is HResult.ILLEGAL_METHOD_CALL
    assert not world.given
    world.app.ask("cancel_io", socket="stream")
    world.app.ask("transfer", socket="stream")
    assert world.given


def test_a_stream_that_somebody_writes_to_is_not_given(world: World) -> None:
    world.open("stream")
    world.app.ask("write_in_thread", count=64 << 20)
    world.app.ask("wait_for_full_socket")
    assert world.refused("transfer", socket="stream") is HResult.ILLEGAL_METHOD_CALL
    world.app.ask("cancel_io", socket="stream")
    world.app.ask("transfer", socket="stream")


@pytest.mark.parametrize("kind", KINDS)
def test_one_that_the_broker_refuses_goes_on_as_before(world: World, kind: str) -> None:
    def refuse(call: TransferSocket) -> None:
        raise HostError(HResult.NO_SLOT, "no room")

    port = world.open(kind)
    world.app.answers[TransferSocket] = refuse
    assert world.refused("transfer", socket=kind) is HResult.NO_SLOT
    if kind == "datagram":
        with udp() as peer:
            peer.sendto(b"still here", ("127.0.0.1", port))
            world.heard(f"127.0.0.1:{peer.getsockname()[1]} still here")
    elif kind == "listener":
        with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as client:
            assert client.recv(100) == b"hello"
    else:
        world.app.ask("write", data="still here")


@pytest.mark.parametrize("kind", KINDS)
def test_enabling_comes_before_bind_and_connect(world: World, kind: str) -> None:
    if kind == "stream":
        world.connected()
    else:
        world.app.ask("bind", socket=kind)
    assert world.refused("enable", socket=kind) is HResult.ILLEGAL_METHOD_CALL
    assert world.refused("transfer", socket=kind) is HResult.ILLEGAL_METHOD_CALL


def test_what_waited_with_the_broker_comes_to_a_handler_of_the_task(world: World) -> None:
    """SAT-022."""
    port = world.open("datagram")
    world.app.ask("transfer", socket="datagram")
    with udp() as peer:
        for data in (b"waking", b"second"):
            peer.sendto(data, ("127.0.0.1", port))
        world.app.ask("take", kind="datagram")
        assert world.app.expect(SocketTaken).id == "datagram"
        source = f"127.0.0.1:{peer.getsockname()[1]}"
        world.heard(f"{source} second")
        assert world.app.ask("what_was_heard") == [f"{source} waking", f"{source} second"]
    world.app.ask("transfer", socket="datagram")


def test_a_connection_that_waited_with_the_broker_comes_to_a_handler_of_the_task(world: World) -> None:
    port = world.open("listener")
    world.app.ask("transfer", socket="listener")
    with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as client:
        world.app.ask("take", kind="listener")
        assert client.recv(100) == b"hello"
        world.heard("connection")
        world.app.ask("enable_accepted")
        assert world.given["accepted"].getpeername() == client.getsockname()


def test_bytes_that_waited_with_the_broker_are_read_in_the_task(world: World) -> None:
    world.app.ask("enable", socket="stream")
    peer = world.connected()
    world.app.ask("transfer", socket="stream")
    peer.send(b"waking")
    world.app.ask("take", kind="stream")
    world.app.ask("read_in_thread", count=100)
    world.heard("read waking")


def test_a_socket_whose_transfer_nobody_has_answered_in_time_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """The line keeps the call with its descriptor, for the next system: two owners would each get some of the bytes."""

    class Silent:
        def call(self, call: object, fds: object = ()) -> None:
            raise TimeoutError

    monkeypatch.setattr("rig.standby.api.session._current", Silent())
    ours, theirs = socket.socketpair()
    taken = app_sockets.TakenSocket(Kind.STREAM_SOCKET, TASK, Action.DO_NOT_WAKE, None, 0, 1)
    stream = StreamSocket.from_broker(ours, taken)
    with theirs, pytest.raises(TimeoutError):
        stream.transfer_ownership("stream")
    with pytest.raises(HostError, match="given to the broker"):
        stream.write(b"late")
    assert ours.fileno() == -1
