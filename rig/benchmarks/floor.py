"""What a wake costs on this machine at the least: from a frame on the wire to the first line of a stopped Python process that a
reader of a raw socket resumes, by SIGCONT and a message. No device, no TCP, no rig: machines differ by half, so the wake latency
is judged by how many times this it is.

The conditions are those of the wakes (cycles.py). There the app lies stopped for the linger time and the entry, 20 to 30 ms,
while little else runs than whoever looks for the record that the host sleeps, each POLL_S: by then processors have gone
to sleep and caches are other people's. A floor of rounds that follow at once upon one another is three to five times lower, and
nothing comes to it that was not running a moment ago. So each frame of the floor has that pause before it.
"""

from __future__ import annotations

import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from rig.children import start_child
from rig.config import StandbyConfig
from rig.errors import BenchError
from rig.net import topology
from rig.net.capture import Capture
from rig.net.machines import NEAR_IFNAME
from rig.net.network import HOST_IFNAME, Network
from rig.timeline import POLL_S

ETHERTYPE = b"\x88\xb5"
"""IEEE 802 local experimental: no stack answers it."""
FRAME_BYTES = 60
TIMEOUT_S = 5.0
STOPPED_S = StandbyConfig().linger_ms / 1000
"""How long the process lies stopped before its frame: at least so long does an app before it is woken."""

READER = """
import os, signal, socket, sys
packets, line = (socket.socket(fileno=int(fd)) for fd in sys.argv[1:3])
pid = int(sys.argv[3])
while True:
    frame = packets.recv(2048)
    if frame[12:14] == b"\\x88\\xb5":
        os.kill(pid, signal.SIGCONT)
        line.send(frame[14:22])
"""
SLEEPER = """
import socket, sys, time
line, told = (socket.socket(fileno=int(fd)) for fd in sys.argv[1:3])
while True:
    number = line.recv(64)
    told.send(number + time.monotonic_ns().to_bytes(8, "big"))
"""


def run(rounds: int, progress: Callable[[int], None]) -> list[float]:
    """One time for each round, ms. Raises BenchError."""
    times_ms = []
    with _Parts() as parts:
        for number in range(rounds):
            times_ms.append(parts.wake(number))
            progress(number + 1)
    return times_ms


class _Parts:
    """Two processes and a network of their own."""

    def __init__(self) -> None:
        self._stack = ExitStack()

    def __enter__(self) -> _Parts:
        try:
            self._build()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _build(self) -> None:
        keep = self._stack.enter_context
        network = keep(Network(topology.load("flat")))
        self._port = network.topology.server.port
        self._capture: Capture = keep(network.capture(background=False))
        self._head = b"\xff" * 6 + b"\x02" * 6 + ETHERTYPE
        self._sends = keep(network.server.packet_socket(NEAR_IFNAME, receive=False))
        packets = keep(network.host.packet_socket(HOST_IFNAME))
        packets.setblocking(True)
        line, sleepers = (keep(end) for end in socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET))
        self._told, tells = (keep(end) for end in socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET))
        self._told.settimeout(TIMEOUT_S)
        self._sleeper = keep(child(SLEEPER, [sleepers.fileno(), tells.fileno()]))
        keep(child(READER, [packets.fileno(), line.fileno()], self._sleeper.pid))

    def wake(self, number: int) -> float:
        self._sleeper.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self._sleeper.pid, os.WSTOPPED | os.WEXITED)
        until_s = time.monotonic() + STOPPED_S
        while time.monotonic() < until_s:
            time.sleep(POLL_S)  # the pause that is measured after, with the steps of who waits for SLEEP_ENTER
        mark, message = self._capture.mark(self._port), struct.pack(">Q", number)
        self._sends.send((self._head + message).ljust(FRAME_BYTES, b"\0"))
        try:
            answer = self._told.recv(64)
        except TimeoutError:
            raise BenchError(
                "RIG-R25", f"the process that a frame resumes said nothing in {TIMEOUT_S:g} s", "rig doctor"
            ) from None
        frame = self._capture.wait_for(self._port, lambda data: data[14:22] == message, after=mark)
        return (int.from_bytes(answer[8:], "big") - frame.t_ns) / 1e6


@contextmanager
def child(script: str, fds: list[int], *more: object) -> Iterator[subprocess.Popen[bytes]]:
    process = start_child([sys.executable, "-I", "-c", script, *map(str, (*fds, *more))], fds, dict(os.environ))
    try:
        yield process
    finally:
        process.kill()
        process.wait()
