"""The three kinds of sockets of an app: what comes to them, and what of it is cancelled."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.standby.wire.from_app import ReadBegin, ReadCompleted
from rig.standby.wire.hresult import HostError, HResult
from tests.standby.app_process import PATIENCE_S, server
from tests.standby.socket_world import World, app_and_server, udp


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with app_and_server(tmp_path) as world:
        yield world


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
    world.app.timeline.wait("APP_FAULT", where="read completion")
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
