"""Capture of every wire-side port, into a pcapng file and for assertions.

A raw socket on each port sees each frame that crosses it once, in either direction, with the kernel's time stamp. The
sockets are bound when the constructor returns, so no frame after that is missed; whoever asks for frames first lets
the kernel finish what is on its way, so that a frame sent before the question is in the answer. Otherwise a thread
empties the sockets, at most every WRITE_INTERVAL_S: stamps are the kernel's, so laziness costs no accuracy. Where the
thread itself would disturb what is measured, there is none: the kernel keeps the frames until somebody asks.
The kernel begins to stamp what arrives some time after the first socket of the machine has asked for it, and until then a stamp
is of the moment of reading: the constructor waits for it.
The kernel takes the outer VLAN tag out of a frame before a packet socket sees it, and tells it beside: it is put back, as it
was on the wire.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import socket
import struct
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, NamedTuple

from rig.clock import WAIT_S, Deadline
from rig.net.backlog import Backlogs
from rig.net.frame_words import describe
from rig.net.namespace import SOL_PACKET, Namespace
from rig.net.socket_filter import attach_filter
from rig.net.vlan_tag import PACKET_AUXDATA, with_tag
from rig.readable import readable

SO_TIMESTAMPNS = 35
PACKET_STATISTICS = 6
"""socket.h, if_packet.h"""

ANCILLARY_BYTES = 128
"""A time stamp and the auxiliary data, each behind a header of its own."""

WRITE_INTERVAL_S = 0.02
"""How old a frame may be before it is in the file: what a SIGKILL can lose."""

FRAME_LIMIT_BYTES = 1 << 16
"""Longer than any frame of an interface whose segmentation offloads are off."""

MEMORY_LIMIT_BYTES = 64 << 20
"""For the frames kept for assertions, all ports together; the oldest are forgotten first, the file keeps them."""

MOST_TOLD = 12
"""Frames that came instead of the one that was waited for: the newest."""

LINKTYPE_ETHERNET = 1
NANOSECONDS = b"\x09"
"""pcapng option if_tsresol: 10^-9 s."""


class CapturedFrame(NamedTuple):
    """`t_ns`: CLOCK_MONOTONIC; `data`: the whole Ethernet frame, without FCS."""

    t_ns: int
    data: bytes


GOOD_READING_NS, MOST_READINGS = 2_000, 50
"""Two clocks read one after the other: a reading takes 0.2 µs when nothing comes between."""


class CaptureTimeout(AssertionError):
    """A frame that was waited for did not come."""


class Capture:
    """Records the given ports of a namespace from construction to `close()`. Thread-safe."""

    def __init__(
        self,
        wire: Namespace,
        ports: Mapping[str, str],
        path: Path | None = None,
        comment: str = "",
        keep: bytes = b"",
        background: bool = True,
    ) -> None:
        """`ports`: interface name -> description. `path`: pcapng file to write, none if None. `keep`: a classic BPF program
        of 8-byte instructions; the kernel drops what it does not pass. Without one every frame is kept. `background`: False
        for no thread; the caller asks before a port's buffer of RECEIVE_BUFFER_BYTES is full, and looks at `dropped`."""
        self._writer = _PcapngWriter(path, ports, comment) if path is not None else None
        self._sockets = {port: _open(wire, port, keep) for port in ports}
        _wait_stamped(wire)
        self._frames: dict[str, deque[CapturedFrame]] = {port: deque() for port in ports}
        self._forgotten = dict.fromkeys(ports, 0)
        self._dropped = dict.fromkeys(ports, 0)
        self._kept_bytes = 0
        self._backlogs = Backlogs()
        self._closed = False
        self._clocks = _Clocks()
        self._write_error: OSError | None = None
        self._lock = threading.RLock()
        self._stop = threading.Event()
        self._stop_fd = os.eventfd(0, os.EFD_CLOEXEC)
        """The same for a thread that waits for frames."""
        self._thread = threading.Thread(target=self._work, name="rig-capture", daemon=True) if background else None
        if self._thread is not None:
            self._thread.start()

    def frames(self, port: str, *, after: int = 0) -> list[CapturedFrame]:
        """Frames of a port in order, from number `after` on (see `mark`)."""
        with self._lock:
            self._catch_up()
            kept = self._frames[port]
            return list(kept)[max(0, after - self._forgotten[port]) :]

    def mark(self, port: str) -> int:
        """The number of the next frame: pass it as `after` to see only what comes."""
        with self._lock:
            self._catch_up()
            return self._forgotten[port] + len(self._frames[port])

    def wait_for(
        self, port: str, predicate: Callable[[bytes], object], timeout_s: float = WAIT_S, *, after: int = 0, what: str = "a frame"
    ) -> CapturedFrame:
        """The first frame from number `after` on that satisfies `predicate`. Raises CaptureTimeout."""
        deadline = Deadline(timeout_s)
        position = after
        while True:
            expired = deadline.expired  # read before looking: what came before the end counts
            with self._lock:
                new = self.frames(port, after=position)
                position = self._forgotten[port] + len(self._frames[port])
            for frame in new:
                if predicate(frame.data):
                    return frame
            if expired:
                came = [describe(frame.data) for frame in self.frames(port, after=after)]
                others = "".join(f"\n    {words}" for words in came[-MOST_TOLD:])
                raise CaptureTimeout(f"{what} did not come on {port} within {timeout_s} s; {len(came)} others did{others}")
            readable(self._sockets[port].fileno(), min(deadline.remaining_s, WRITE_INTERVAL_S))

    @property
    def is_whole(self) -> bool:
        """Whether every frame since the beginning is kept: it goes on, the kernel had room, none was forgotten."""
        return not self._closed and not any(self.dropped.values()) and not any(self._forgotten.values())

    @property
    def dropped(self) -> dict[str, int]:
        """Frames that the kernel could not keep, by port: 0 unless the machine was very busy."""
        with self._lock:
            for port, sock in self._sockets.items():
                if not self._closed:
                    self._dropped[port] += struct.unpack("II", sock.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[1]
            return dict(self._dropped)

    def close(self) -> None:
        """Take what is there, finish the file. Frames stay available. A second call does nothing. Raises OSError when the
        file is not whole, everything else being closed."""
        if self._stop.is_set():
            return
        self._stop.set()
        os.eventfd_write(self._stop_fd, 1)
        if self._thread is not None:
            self._thread.join()
        os.close(self._stop_fd)
        with self._lock:
            self._catch_up()
            dropped = self.dropped
            _close_together(self._sockets.values())
            self._backlogs.close()
            self._closed = True
            self._write(lambda writer: writer.finish(dropped))
            self._write(lambda writer: writer.close(), always=True)
        if self._write_error is not None:
            raise self._write_error

    def __enter__(self) -> Capture:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _work(self) -> None:
        """Not at the first frame: what comes with it, such as a wake, has the processor then."""
        with select.epoll() as poll:
            poll.register(self._stop_fd, select.EPOLLIN)
            for sock in self._sockets.values():
                poll.register(sock, select.EPOLLIN)
            while poll.poll() and not self._stop.wait(WRITE_INTERVAL_S):
                with self._lock:
                    self._drain()

    def _catch_up(self) -> None:
        if not self._closed:
            self._backlogs.drain()
            self._drain()

    def _drain(self) -> None:
        """Empty the sockets. In the file frames of different ports are ordered by time within one call."""
        new = [(stamp, port, data) for port, sock in self._sockets.items() for stamp, data in _read_all(sock)]
        if not new:
            return
        new.sort(key=lambda item: item[0])
        to_monotonic_ns = self._clocks.realtime_to_monotonic_ns()
        for stamp_ns, port, data in new:
            self._frames[port].append(CapturedFrame(stamp_ns + to_monotonic_ns, data))
            self._kept_bytes += len(data)
        self._write(lambda writer: writer.add(new))
        self._forget()

    def _write(self, act: Callable[[_PcapngWriter], None], *, always: bool = False) -> None:
        """A file that takes no more ends the writing, not the capture; `close` tells. `always`: also after that."""
        if self._writer is None or (self._write_error is not None and not always):
            return
        try:
            act(self._writer)
        except OSError as error:
            self._write_error = self._write_error or error

    def _forget(self) -> None:
        while self._kept_bytes > MEMORY_LIMIT_BYTES:
            port = max(self._frames, key=lambda name: len(self._frames[name]))
            self._kept_bytes -= len(self._frames[port].popleft().data)
            self._forgotten[port] += 1


def write_frames(path: Path, port: str, frames: Iterable[CapturedFrame]) -> None:
    """A pcapng file of one port's frames that somebody has kept. Raises OSError."""
    to_realtime_ns = -_read_both()[1]
    writer = _PcapngWriter(path, {port: port}, "")
    try:
        writer.add([(frame.t_ns + to_realtime_ns, port, frame.data) for frame in frames])
    finally:
        writer.close()


class _PcapngWriter:
    """One section, one interface block a port, nanosecond stamps (CLOCK_REALTIME)."""

    def __init__(self, path: Path, ports: Mapping[str, str], comment: str) -> None:
        from pcapng import blocks
        from pcapng.writer import FileWriter

        options = {"shb_userappl": "rig"} | ({"opt_comment": comment} if comment else {})
        self._section: Any = blocks.SectionHeader(options=options)
        self._numbers = {port: number for number, port in enumerate(ports)}
        for port, description in ports.items():
            interface = {"if_name": port, "if_description": description, "if_tsresol": NANOSECONDS}
            self._section.new_member(blocks.InterfaceDescription, link_type=LINKTYPE_ETHERNET, snaplen=0, options=interface)
        self._packet_kind, self._statistics_kind = blocks.EnhancedPacket, blocks.InterfaceStatistics
        self._file: BinaryIO = path.open("wb")
        with warnings.catch_warnings():  # the library warns of its own way of writing if_tsresol
            warnings.simplefilter("ignore", DeprecationWarning)
            self._writer: Any = FileWriter(self._file, self._section)
        try:
            self._file.flush()
        except OSError:
            with contextlib.suppress(OSError):  # the same again
                self._file.close()
            raise

    def add(self, frames: list[tuple[int, str, bytes]]) -> None:
        for stamp_ns, port, data in frames:
            block = self._section.new_member(self._packet_kind, interface_id=self._numbers[port])
            block.timestamp_high, block.timestamp_low = stamp_ns >> 32, stamp_ns & 0xFFFFFFFF
            block.packet_data = data
            self._writer.write_block(block)
        self._file.flush()

    def finish(self, dropped: Mapping[str, int]) -> None:
        """How many frames are missing, by port."""
        now_ns = time.time_ns()
        for port, count in dropped.items():
            block = self._section.new_member(
                self._statistics_kind, interface_id=self._numbers[port], options={"isb_ifdrop": count}
            )
            block.timestamp_high, block.timestamp_low = now_ns >> 32, now_ns & 0xFFFFFFFF
            self._writer.write_block(block)

    def close(self) -> None:
        """The descriptor goes also when what is still buffered finds no room."""
        self._file.close()


def _open(wire: Namespace, port: str, keep: bytes) -> socket.socket:
    sock = wire.packet_socket(port, outgoing=True)
    if keep:
        attach_filter(sock, keep)
    sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    sock.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    sock.setblocking(False)
    return sock


def _wait_stamped(wire: Namespace) -> None:
    """Until what comes has its stamp before it is read. A kernel that never does that is borne with."""
    deadline = Deadline(WAIT_S)
    with wire.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.connect(sock.getsockname())
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        while not deadline.expired:
            sock.send(b"")
            arrived_ns = time.time_ns()
            if _stamp_ns(sock.recvmsg(0, ANCILLARY_BYTES)[1]) <= arrived_ns:
                return


def _close_together(sockets: Iterable[socket.socket]) -> None:
    """Each close of a packet socket waits some 10 ms, until no processor is handing it a frame: for all of them at once."""
    closing = [threading.Thread(target=sock.close) for sock in sockets]
    for thread in closing:
        thread.start()
    for thread in closing:
        thread.join()


def _read_all(sock: socket.socket) -> list[tuple[int, bytes]]:
    """(CLOCK_REALTIME ns, frame) of everything that waits in a socket."""
    frames: list[tuple[int, bytes]] = []
    while True:
        try:
            data, ancillary, _, _ = sock.recvmsg(FRAME_LIMIT_BYTES, ANCILLARY_BYTES)
        except BlockingIOError:
            return frames
        except OSError as error:
            if error.errno != errno.ENETDOWN:  # the port went down: said once, what came before it is still there
                raise
            continue
        frames.append((_stamp_ns(ancillary), with_tag(data, ancillary)))


class _Clocks:
    """What to add to CLOCK_REALTIME to get CLOCK_MONOTONIC. It changes when the machine's time is set, and otherwise stays as it
    was while a new reading cannot tell the difference: else frames of two readings would change their order."""

    def __init__(self) -> None:
        self._offset_ns: int | None = None

    def realtime_to_monotonic_ns(self) -> int:
        error_ns, offset_ns = _read_both()
        if self._offset_ns is None or abs(offset_ns - self._offset_ns) > error_ns:
            self._offset_ns = offset_ns
        return self._offset_ns


def _read_both() -> tuple[int, int]:
    """(how far off it may be, the difference): the best of some readings, as this thread may lose the processor in one."""
    best = (1 << 62, 0)
    for _ in range(MOST_READINGS):
        before_ns = time.monotonic_ns()
        real_ns = time.time_ns()
        after_ns = time.monotonic_ns()
        best = min(best, (after_ns - before_ns, (before_ns + after_ns) // 2 - real_ns))
        if best[0] <= GOOD_READING_NS:
            break
    return best


def _stamp_ns(ancillary: list[tuple[int, int, bytes]]) -> int:
    for level, kind, value in ancillary:
        if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
            seconds, nanoseconds = struct.unpack("qq", value)
            return int(seconds) * 1_000_000_000 + int(nanoseconds)
    return time.time_ns()
