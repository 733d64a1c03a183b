"""The three sockets that an app may give to the broker; the test is the system, and has what it is given."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rig.standby.api import StreamSocket
from rig.standby.wire import app_sockets
from rig.standby.wire.app_sockets import SocketTaken, TransferSocket
from rig.standby.wire.descriptors import WithDescriptors
from rig.standby.wire.from_app import ReadBegin, ReadCompleted
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.socket_enums import SocketActivityConnectedStandbyAction as Action
from rig.standby.wire.socket_enums import SocketActivityKind as Kind
from rig.timeline import Timeline
from tests.standby.app_process import PATIENCE_S, AppProcess, server
from tests.standby.socket_app import TASK

KINDS = {"stream": Kind.STREAM_SOCKET, "datagram": Kind.DATAGRAM_SOCKET, "listener": Kind.STREAM_SOCKET_LISTENER}


class World:
    """An app, a server, and what the app has given to the broker."""

    def __init__(self, app: AppProcess, listener: socket.socket) -> None:
        self.app = app
        self.listener = listener
        self.given: dict[str, socket.socket] = {}
        self.peers: list[socket.socket] = []
        app.answers[TransferSocket] = self._transfer
        app.answers[app_sockets.ListSockets] = self._list
        app.answers[app_sockets.TakeSocket] = self._take

    @property
    def port(self) -> int:
        port: int = self.listener.getsockname()[1]
        return port

    def connected(self) -> socket.socket:
        """The server's end of the stream."""
        self.app.ask("connect", socket="stream", port=self.port)
        peer = self.listener.accept()[0]
        peer.settimeout(PATIENCE_S)
        self.peers.append(peer)
        return peer

    def open(self, kind: str) -> int:
        """Enabled and open; its port, or the stream's server's."""
        self.app.ask("enable", socket=kind)
        if kind == "stream":
            self.connected()
            return self.port
        port: int = self.app.ask("bind", socket=kind)
        return port

    def heard(self, words: str) -> None:
        self.app.timeline.wait("Heard", words=words)

    def refused(self, method: str, **arguments: Any) -> HResult:
        with pytest.raises(HostError) as refused:
            self.app.ask(method, **arguments)
        return refused.value.hresult

    def _transfer(self, call: TransferSocket) -> None:
        fd = self.app.brought.take()
        assert fd is not None
        self.given[call.id] = socket.socket(fileno=fd)

    def _list(self, call: app_sockets.ListSockets) -> list[app_sockets.BrokeredSocketInfo]:
        if call.behind:
            return []
        return [app_sockets.BrokeredSocketInfo(name, KINDS[name], TASK, None, 1) for name in self.given]

    def _take(self, call: app_sockets.TakeSocket) -> WithDescriptors:
        taken = app_sockets.TakenSocket(KINDS[call.id], TASK, Action.DO_NOT_WAKE, None, 0, 1)
        return WithDescriptors(taken, [self.given[call.id].fileno()])


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    timeline = Timeline(tmp_path / "timeline.jsonl")
    with AppProcess(timeline, "socket_app:SocketApp") as app, server() as listener:
        world = World(app, listener)
        yield world
        for sock in (*world.given.values(), *world.peers):
            sock.close()
    timeline.close()


def udp() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    sock.settimeout(PATIENCE_S)
    return sock


# -- what comes by itself --------------------------------------------------------------------------------------------------


def test_datagrams_come_to_the_handler_in_order_with_their_source(world: World) -> None:
    port = world.app.ask("bind", socket="datagram")
    with udp() as peer:
        for number in range(3):
            peer.sendto(b"%d" % number, ("127.0.0.1", port))
        source = f"127.0.0.1:{peer.getsockname()[1]}"
        for number in range(3):
            world.heard(f"{source} {number}")
        assert world.app.ask("what_was_heard") == [f"{source} {number}" for number in range(3)]
        assert world.app.expect(ReadBegin).channel is None
        assert world.app.expect(ReadCompleted).channel is None, "the system knows that the handler has returned"
        world.app.ask("send_to", data="back", port=peer.getsockname()[1])
        assert peer.recvfrom(100) == (b"back", ("127.0.0.1", port))


@pytest.mark.parametrize("host", ["::", "::1", "localhost", ""])
def test_datagrams_and_connections_over_each_family(world: World, host: str) -> None:
    """One socket has one; without a host it is IPv4."""
    ports = {kind: world.app.ask("bind", socket=kind, host=host) for kind in ("datagram", "listener")}
    own = "::1" if host.startswith("::") else "127.0.0.1"
    family = socket.AF_INET6 if own == "::1" else socket.AF_INET
    if host == "localhost":
        own = str(socket.getaddrinfo(host, 0, type=socket.SOCK_DGRAM)[0][4][0])
        family = socket.AF_INET6 if ":" in own else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as peer:
        peer.bind((own, 0))
        peer.settimeout(PATIENCE_S)
        peer.sendto(b"news", (own, ports["datagram"]))
        world.heard(f"{own}:{peer.getsockname()[1]} news")
        world.app.ask("send_to", data="back", host=own, port=peer.getsockname()[1])
        assert peer.recvfrom(100)[0] == b"back"
    with socket.create_connection((own, ports["listener"]), PATIENCE_S) as client:
        assert client.recv(100) == b"hello"


@pytest.mark.parametrize("kind", ["datagram", "listener"])
def test_a_port_that_somebody_has_is_refused_and_another_one_may_be_tried(world: World, kind: str) -> None:
    with udp() as other, server() as listening:
        taken = (other if kind == "datagram" else listening).getsockname()[1]
        with pytest.raises(HostError, match="Address already in use"):
            world.app.ask("bind_to", socket=kind, port=taken)
    assert world.app.ask("bind", socket=kind) > 0


def test_a_connected_datagram_socket_hears_its_peer_alone_and_of_its_refusals(world: World) -> None:
    with udp() as peer, udp() as other:
        world.app.ask("connect", socket="datagram", port=peer.getsockname()[1])
        world.app.ask("send", data="hello")
        data, own = peer.recvfrom(100)
        other.sendto(b"not for you", own)
        peer.sendto(b"for you", own)
        world.heard(f"127.0.0.1:{peer.getsockname()[1]} for you")
        assert data == b"hello"
        assert len(world.app.ask("what_was_heard")) == 1
    world.app.ask("send", data="anybody?")
    world.heard(f"error {errno.ECONNREFUSED}")


def test_a_writer_stores_one_datagram(world: World) -> None:
    world.app.ask("bind", socket="datagram")
    with udp() as peer:
        world.app.ask("write_datagram", port=peer.getsockname()[1])
        assert peer.recv(100) == b"\0\2h\xc3\xa9"


def test_an_empty_datagram_is_one(world: World) -> None:
    port = world.app.ask("bind", socket="datagram")
    with udp() as peer:
        peer.sendto(b"", ("127.0.0.1", port))
        world.heard(f"127.0.0.1:{peer.getsockname()[1]} ")


def test_connections_come_to_the_handler_as_sockets(world: World) -> None:
    port = world.app.ask("bind", socket="listener")
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as client:
            assert client.recv(100) == b"hello"
    assert world.app.timeline.wait("Heard", words="connection", count=3)


def test_a_handler_that_raises_has_its_connection_closed_and_the_next_one_is_served(world: World) -> None:
    port = world.app.ask("bind", socket="listener")
    world.app.ask("fail", times=1)
    with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as client:
        assert client.recv(100) == b""
    with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as client:
        assert client.recv(100) == b"hello"
    assert len(world.app.timeline.find("APP_FAULT", where="read completion")) == 1


def test_a_handler_that_raises_has_had_its_datagram_and_the_next_one_comes(world: World) -> None:
    port = world.app.ask("bind", socket="datagram")
    world.app.ask("fail", times=1)
    with udp() as peer:
        for data in (b"one", b"two"):
            peer.sendto(data, ("127.0.0.1", port))
        world.heard(f"127.0.0.1:{peer.getsockname()[1]} two")
    assert len(world.app.ask("what_was_heard")) == 1


def test_without_handlers_connections_wait_in_the_kernel_or_are_closed(world: World) -> None:
    """One that was about to be accepted is closed; none hangs."""
    port = world.app.ask("bind", socket="listener")
    world.app.ask("remove_handlers")
    with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as client:
        assert client.recv(100) == b""


@pytest.mark.parametrize("kind", ["datagram", "listener"])
def test_handlers_come_before_bind(world: World, kind: str) -> None:
    world.app.ask("bind", socket=kind)
    assert world.refused("add_handler_late", socket=kind) is HResult.ILLEGAL_METHOD_CALL
    assert world.refused("bind", socket=kind) is HResult.ILLEGAL_METHOD_CALL


def test_a_socket_that_the_app_closes_behind_the_api_ends_in_one_fault_at_most(world: World) -> None:
    world.app.ask("bind", socket="datagram")
    world.app.ask("close_kernels", socket="datagram")
    assert world.app.ask("what_was_heard") == []
    begun = world.app.timeline.find("READ_POST")
    world.app.ask("cancel_io", socket="datagram")
    assert len(world.app.timeline.find("READ_POST")) <= len(begun) + 1


# -- I/O that waits ----------------------------------------------------------------------------------------------------


def test_reads_are_over_when_cancel_io_returns_and_their_handlers_may_still_run(world: World) -> None:
    world.connected()
    world.app.ask("handlers_wait")
    world.app.ask("post_read")
    world.app.ask("cancel_io", socket="stream")
    assert world.app.ask("pending_status") == "CANCELED"
    world.heard("read CANCELED ")
    assert not world.app.timeline.find("READ_COMPLETE_EXIT"), "its handler still runs"
    world.app.ask("go_on")
    world.app.timeline.wait("READ_COMPLETE_EXIT", status="CANCELED")


def test_a_read_that_a_thread_waits_for_is_cancelled_too(world: World) -> None:
    world.connected()
    world.app.ask("read_in_thread", count=10)
    world.app.timeline.wait("READ_POST")
    world.app.ask("cancel_io", socket="stream")
    world.heard("read HostError CANCELLED (0x800704C7): read is CANCELED")


@pytest.mark.parametrize("reader", [False, True])
def test_a_thread_that_waits_for_a_read_is_not_held_up_by_handlers(world: World, reader: bool) -> None:
    """It may be the handler itself that waits."""
    peer = world.connected()
    world.app.ask("handlers_wait")
    world.app.ask("post_read")
    peer.send(b"news")
    world.heard("read COMPLETED news")
    world.app.ask("read_in_thread", count=10, reader=reader)
    peer.send(b"data")
    world.heard("read data")


def test_a_slow_handler_of_one_socket_holds_up_no_other_one(world: World) -> None:
    peer = world.connected()
    ports = {kind: world.app.ask("bind", socket=kind) for kind in ("datagram", "listener")}
    world.app.ask("handlers_wait")
    with udp() as sender:
        sender.sendto(b"news", ("127.0.0.1", ports["datagram"]))
        world.heard(f"127.0.0.1:{sender.getsockname()[1]} news")
    world.app.ask("post_read")
    peer.send(b"data")
    world.heard("read COMPLETED data")
    with socket.create_connection(("127.0.0.1", ports["listener"]), PATIENCE_S) as client:
        assert client.recv(100) == b"hello"


def test_a_write_that_waits_is_cancelled_and_what_the_kernel_has_is_sent(world: World) -> None:
    """The peer reads nothing meanwhile, and gets exactly what was taken (SAT-009)."""
    peer = world.connected()
    world.app.ask("write_in_thread", count=64 << 20)
    world.app.ask("wait_for_full_socket")
    world.app.ask("cancel_io", socket="stream")
    world.heard(f"write {errno.ECANCELED}")
    came = bytearray()
    while len(came) < 1 << 20:
        came += peer.recv(1 << 20)
    world.app.ask("write", data="last")
    world.app.ask("close", socket="stream")
    while data := peer.recv(1 << 20):
        came += data
    assert 0 < len(came) < 64 << 20
    assert came.endswith(b"\0last")


def test_after_cancel_io_nothing_is_taken_from_the_kernel(world: World) -> None:
    port = world.open("datagram")
    world.app.ask("cancel_io", socket="datagram")
    with udp() as peer:
        peer.sendto(b"later", ("127.0.0.1", port))
        world.app.ask("transfer", socket="datagram")
        assert world.given["datagram"].recv(100, socket.MSG_DONTWAIT) == b"later"


# -- to the broker and back --------------------------------------------------------------------------------------------


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
