"""Lines between the processes of a host: what is torn, too long or of another kind is said, and no descriptor stays open."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest

from rig.errors import BenchError, DeviceError
from rig.standby.wire import line as wire
from rig.standby.wire.app_channels import ConstructChannel
from rig.standby.wire.faults import InternalFault, Refused, error_of, fault_of
from rig.standby.wire.from_app import FromApp, ReadBegin
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.line import HEADER, MESSAGE_BYTES, Line, Malformed, What

Ends = tuple[Line[FromApp], Line[FromApp]]


@pytest.fixture
def ends() -> Iterator[Ends]:
    ours, theirs = (Line[FromApp](sock, FromApp) for sock in wire.pair())
    yield ours, theirs
    ours.close()
    theirs.close()


def test_a_message_comes_as_it_went(ends: Ends) -> None:
    call = ConstructChannel("chat", 30, True)
    ends[0].send_call(7, call)
    received = ends[1].receive()
    assert received is not None
    assert (received.what, received.number, received.body) == (What.CALL, 7, call)


def test_a_message_too_long_is_not_sent(ends: Ends) -> None:
    with pytest.raises(HostError, match=f"at most {MESSAGE_BYTES}"):
        ends[0].send_notice(ReadBegin("x" * MESSAGE_BYTES))
    ends[1].sock.setblocking(False)
    with pytest.raises(BlockingIOError):
        ends[1].receive()


def test_a_datagram_too_long_is_refused_with_its_number(ends: Ends) -> None:
    ends[0].sock.send(HEADER.pack(What.CALL, 9) + b"x" * MESSAGE_BYTES)
    with pytest.raises(Malformed, match="more than") as refused:
        ends[1].receive()
    assert refused.value.number == 9


@pytest.mark.parametrize(
    "body", [b"", b"\xc1", b"\x80", b"\x81\xa4type\xa4None", b"\x93\x01\x02\x03", b"\x91" * 5000], ids=lambda body: body[:8].hex()
)
def test_a_body_that_is_no_message_is_refused(ends: Ends, body: bytes) -> None:
    ends[0].sock.send(HEADER.pack(What.CALL, 3) + body)
    with pytest.raises(Malformed) as refused:
        ends[1].receive()
    assert refused.value.number == 3


def test_a_notice_is_no_call(ends: Ends) -> None:
    ends[0].sock.send(wire.datagram(What.CALL, 4, ReadBegin("chat")))
    with pytest.raises(Malformed, match="ReadBegin sent as a call"):
        ends[1].receive()


def test_descriptors_that_nobody_takes_are_closed(ends: Ends) -> None:
    read_end, write_end = os.pipe()
    ends[0].send_call(1, ConstructChannel("chat", 30, True), [write_end, write_end])
    os.close(write_end)
    received = ends[1].receive()
    assert received is not None
    with received.descriptors:
        assert len(received.descriptors) == 2
    assert os.read(read_end, 1) == b"", "the pipe's other end is still open"
    os.close(read_end)


def test_descriptors_of_what_is_refused_are_closed(ends: Ends) -> None:
    read_end, write_end = os.pipe()
    wire.send_datagram(ends[0].sock, b"x", [write_end])
    os.close(write_end)
    with pytest.raises(Malformed):
        ends[1].receive()
    assert os.read(read_end, 1) == b"", "the pipe's other end is still open"
    os.close(read_end)


def test_more_descriptors_than_allowed_are_refused(ends: Ends) -> None:
    with socket.socket() as one:
        wire.send_datagram(ends[0].sock, wire.datagram(What.NOTICE, 0, ReadBegin("chat")), [one.fileno()] * (wire.FDS + 3))
    with pytest.raises(Malformed, match="descriptors"):
        ends[1].receive()


@pytest.mark.parametrize(
    "error",
    [HostError(HResult.NO_SLOT, "none free"), BenchError("RIG-B03", "silent", "wait"), DeviceError(64, 5, "BUSY", "commit")],
    ids=lambda error: type(error).__name__,
)
def test_an_error_keeps_its_class_and_words(error: HostError | BenchError) -> None:
    crossed = error_of(fault_of(error, "Anything"))
    assert type(crossed) is type(error)
    assert str(crossed) == str(error)


def test_an_hresult_that_is_not_known_here_fails_with_its_number() -> None:
    """Of a newer system: an app's input thread goes on."""
    error = error_of(Refused(0x80070002, "no such file"))
    assert isinstance(error, HostError)
    assert (error.hresult, error.text) == (HResult.FAIL, "0x80070002: no such file")


def test_what_nobody_foresaw_is_internal() -> None:
    crossed = error_of(fault_of(KeyError("chat"), "Suspend"))
    assert isinstance(crossed, InternalFault)
    assert crossed.exit_code == 3
    assert "Suspend: KeyError: 'chat'" in str(crossed)
