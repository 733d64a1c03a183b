"""One end of a line between two processes: typed messages, one a SEQPACKET datagram, descriptors beside them.

One send is one message, so that two threads or a SIGSTOP in the middle never tear one. In front of the msgpack body stand what
it is and its number; the number is known even when the body makes no sense, so that the fault finds its caller.
"""

from __future__ import annotations

import array
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Generic, TypeVar

import msgspec

from rig.decoders import decoder_of
from rig.standby.wire.descriptors import Descriptors
from rig.standby.wire.faults import Fault
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.message import Call, Notice

In = TypeVar("In")

MESSAGE_BYTES = 128 * 1024
"""Upper bound of one message; below the kernel's default socket buffer of 208 KiB."""
FDS = 4
"""Most descriptors that one message carries."""
HEADER = struct.Struct("<BQ")
"""What it is, and the number of the call."""

_encoder = msgspec.msgpack.Encoder()


class What(IntEnum):
    """What a datagram is. The number of a result or a fault is its call's; that of a notice is 0 where nobody counts."""

    CALL = 1
    RESULT = 2
    FAULT = 3
    NOTICE = 4
    ACKNOWLEDGED = 5
    """No body: all calls and notices up to that number are done."""
    RESUME = 6
    """No body: the receiver is a new one; send again what is behind that number."""
    RESUMED = 7
    """No body: that has been sent."""


_KINDS = frozenset(What)


class Malformed(Exception):
    """A datagram that is no message. `what` and `number` are those of its header, None and 0 when it has none. `hresult`: what
    it is refused with; the fault may be the receiver's."""

    def __init__(self, what: What | None, number: int, text: str, hresult: HResult = HResult.INVALID_ARG) -> None:
        super().__init__(text)
        self.what = what
        self.number = number
        self._hresult = hresult

    def as_host_error(self) -> HostError:
        return HostError(self._hresult, str(self))


@dataclass(frozen=True)
class Received(Generic[In]):
    """`body`: In of a call or notice, bytes (not yet decoded) of a result, a Fault, None where there is none."""

    what: What
    number: int
    body: Any
    descriptors: Descriptors


class Line(Generic[In]):
    """`incoming` is the union of the calls and notices that the other side may send."""

    def __init__(self, sock: socket.socket, incoming: Any) -> None:
        self.sock = sock
        self._incoming: msgspec.msgpack.Decoder[In] = decoder_of(incoming)

    def fileno(self) -> int:
        return self.sock.fileno()

    def send_call(self, number: int, call: Call[Any], fds: Sequence[int] = ()) -> None:
        self._send(What.CALL, number, call, fds)

    def send_result(self, number: int, result: Any) -> None:
        self._send(What.RESULT, number, result)

    def send_fault(self, number: int, fault: Fault) -> None:
        self._send(What.FAULT, number, fault)

    def send_notice(self, notice: Notice, fds: Sequence[int] = ()) -> None:
        self._send(What.NOTICE, 0, notice, fds)

    def _send(self, what: What, number: int, body: Any, fds: Sequence[int] = ()) -> None:
        send_datagram(self.sock, datagram(what, number, body), fds)

    def receive(self) -> Received[In] | None:
        """The next message; None when the other side is gone. Raises Malformed, with its descriptors closed; BlockingIOError or
        TimeoutError as the socket is set."""
        try:
            data, fds, flags = receive_with_fds(self.sock, FDS)
        except (ConnectionResetError, BrokenPipeError):
            return None
        descriptors = Descriptors(fds)
        if not data:  # an empty datagram cannot be told from the end; it may bring descriptors all the same
            descriptors.close()
            return None
        try:
            return self._checked(data, flags, descriptors)
        except Malformed:
            descriptors.close()
            raise

    def peek(self) -> Received[In] | None:
        """The next message, which stays where it is, without its descriptors. As `receive` otherwise."""
        data, _, flags, _ = self.sock.recvmsg(MESSAGE_BYTES, 0, socket.MSG_PEEK)
        return self._checked(data, flags & ~socket.MSG_CTRUNC, Descriptors()) if data else None

    def _checked(self, data: bytes, flags: int, descriptors: Descriptors) -> Received[In]:
        if len(data) < HEADER.size:
            raise Malformed(None, 0, f"a message of {len(data)} bytes")
        tag, number = HEADER.unpack_from(data)
        if tag not in _KINDS:
            raise Malformed(None, 0, f"a message of kind {tag}")
        what = What(tag)
        if flags & socket.MSG_TRUNC:
            raise Malformed(what, number, f"a message of more than {MESSAGE_BYTES} bytes")
        if flags & socket.MSG_CTRUNC and len(descriptors) == FDS:
            raise Malformed(what, number, f"a message with more than {FDS} descriptors")
        if flags & socket.MSG_CTRUNC:
            raise Malformed(what, number, "the receiver of its descriptors may open no more", HResult.OUT_OF_MEMORY)
        return Received(what, number, self._decoded(what, number, data[HEADER.size :]), descriptors)

    def _decoded(self, what: What, number: int, body: bytes) -> Any:
        try:
            match what:
                case What.RESULT:
                    return body
                case What.FAULT:
                    return decoder_of(Fault).decode(body)
                case What.ACKNOWLEDGED | What.RESUME | What.RESUMED:
                    return None
                case What.CALL | What.NOTICE:
                    message = self._incoming.decode(body)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise Malformed(what, number, f"no message: {error}") from None
        if isinstance(message, Call) != (what is What.CALL):
            raise Malformed(what, number, f"{type(message).__name__} sent as a {what.name.lower()}")
        return message

    def close(self) -> None:
        self.sock.close()


def datagram(what: What, number: int, body: Any = None) -> bytes:
    """Raises HostError INVALID_ARG for what is too long or cannot be sent."""
    try:
        data = HEADER.pack(what, number) + _encoder.encode(body)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise HostError(HResult.INVALID_ARG, f"cannot be sent: {error}") from None
    if len(data) > MESSAGE_BYTES:
        raise HostError(HResult.INVALID_ARG, f"a message of {len(data)} bytes, at most {MESSAGE_BYTES} can be sent")
    return data


def send_datagram(sock: socket.socket, data: bytes, fds: Sequence[int] = ()) -> None:
    """Raises OSError when the other side is gone, BlockingIOError when it does not read and the socket does not block."""
    if fds:
        sock.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))])
    else:
        sock.send(data)


def receive_with_fds(sock: socket.socket, most: int) -> tuple[bytes, list[int], int]:
    """One datagram, its descriptors, recvmsg's flags. As `socket.recv_fds`, which ignores the flags that it is given: no program
    that this process executes gets the descriptors, and keeps a line open."""
    numbers = array.array("i")
    space = socket.CMSG_LEN(most * numbers.itemsize)
    data, ancillary, flags, _ = sock.recvmsg(MESSAGE_BYTES, space, socket.MSG_CMSG_CLOEXEC)
    for level, kind, content in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            numbers.frombytes(content[: len(content) - len(content) % numbers.itemsize])
    return data, list(numbers), flags


def pair() -> tuple[socket.socket, socket.socket]:
    """Two connected ends."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
