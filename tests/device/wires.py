"""Devices whose wire is a socket of this process: no network, no namespace, no privilege."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

from rig.device.factory import emulated
from rig.device.images import kind_of
from rig.device.pipe_line import PipeLine
from rig.device.prepared import prepared_flash
from rig.device.process_device import ProcessDevice
from rig.device.qemu import QemuDevice
from rig.device.reference_device import ReferenceDevice

LEAST_BUFFER = 1
"""Bytes that a socket is asked to hold; the kernel makes it some KiB with all that it keeps of each."""


class Wire:
    """The other end of a device's wire. `stream`: QEMU's framing, each frame behind its length of 4 bytes."""

    def __init__(self, sock: socket.socket, *, stream: bool) -> None:
        self._sock = sock
        self._stream = stream
        self._rest = b""

    def send(self, frame: bytes) -> None:
        self._sock.sendall(len(frame).to_bytes(4, "big") + frame if self._stream else frame)

    def take(self) -> list[bytes]:
        """All frames that the device has sent by now."""
        frames = []
        with contextlib.suppress(BlockingIOError):
            while True:
                frames.append(self._sock.recv(65536, socket.MSG_DONTWAIT))
        return self._split(b"".join(frames)) if self._stream else frames

    def _split(self, data: bytes) -> list[bytes]:
        data, frames = self._rest + data, []
        while len(data) >= 4 and len(data) >= (end := 4 + int.from_bytes(data[:4], "big")):
            frames.append(data[4:end])
            data = data[end:]
        self._rest = data
        return frames


class TightLine(PipeLine):
    """A socket instead of the pipes: it holds a few bytes of what the device says, and takes one more for each that was read."""

    def __init__(self) -> None:
        self.ours, self._theirs = socket.socketpair()
        self._theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, LEAST_BUFFER)
        self._theirs.setblocking(False)
        self.stdin = self.stdout = self._theirs.fileno()
        self.port_fds = (self.ours.fileno(),)
        self.port = f"fd://{self.ours.fileno()}"

    def close(self) -> None:
        self.ours.close()
        self._theirs.close()


class TightQemu(QemuDevice):
    """The emulated board, with a line that waits for its reader."""

    def _new_line(self) -> TightLine:
        self.tight_line = TightLine()
        return self.tight_line


class SocketQemu(QemuDevice):
    """The emulated board with a stream socket for a cable."""

    def __init__(self, cable: socket.socket, name: str = "qemu") -> None:
        super().__init__(flash=prepared_flash(name), name=name)
        self._cable = cable

    def _nic(self) -> tuple[str, int]:
        return f"socket,fd={self._cable.fileno()}", self._cable.fileno()


def _on(cable: socket.socket, name: str) -> ProcessDevice:
    if kind_of(name) == "qemu":
        return SocketQemu(cable, name)
    return ReferenceDevice(cable) if name == "reference" else emulated(name, eth=cable, flash=prepared_flash(name))


@contextlib.contextmanager
def wired(name: str) -> Iterator[tuple[ProcessDevice, Wire]]:
    """A running device of this name and its wire."""
    stream = kind_of(name) == "qemu"
    how = socket.SOCK_STREAM if stream else socket.SOCK_SEQPACKET
    ours, theirs = socket.socketpair(socket.AF_UNIX, how)
    with ours, theirs:
        device = _on(theirs, name)
        with device:
            yield device, Wire(ours, stream=stream)
