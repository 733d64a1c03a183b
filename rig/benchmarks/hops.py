"""What a wake of this design costs on this machine at the least: `floor.py` with every hop that a wake has, and nothing else.

The frame goes to a device, a process of its own, which tells the driver over a serial line and yields the wire; the driver says
that the host is awake, puts the host's port into the bridge (the gate), continues the app, and tells it; the app's next line is
the end, as it has a standing order for what it does then. Each of them is a few lines of Python that do nothing but wait, pass on
and do their one system call: no TCP, no messages to check, no timeline, no power, no tasks, and no system beside them.

What a wake takes beyond this is the host's own work; what this takes beyond the floor, no work on the host can save.
"""

from __future__ import annotations

import os
import pty
import signal
import socket
import struct
import time
import tty
from collections.abc import Callable
from contextlib import ExitStack

from rig.benchmarks.floor import ETHERTYPE, FRAME_BYTES, STOPPED_S, TIMEOUT_S, child
from rig.errors import BenchError
from rig.net import topology
from rig.net.capture import Capture
from rig.net.device_port import DEVICE_IFNAME
from rig.net.machines import NEAR_IFNAME
from rig.net.network import Network
from rig.timeline import POLL_S

ROUNDS = 300

DEVICE = """
import os, socket, sys
packets, line = socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2])
while True:
    frame = packets.recv(2048)
    if frame[12:14] == b"\\x88\\xb5":
        os.write(line, frame[14:22])
        os.read(line, 64)
        os.write(line, b"yes")
"""
DRIVER = """
import os, signal, socket, sys
from rig.net.gate import Gate
from rig.process import go_before_others
line, told, app, orders = int(sys.argv[1]), *(socket.socket(fileno=int(fd)) for fd in sys.argv[2:5])
gate, pid = Gate(int(sys.argv[5]), sys.argv[6]), int(sys.argv[7])
go_before_others(2)
while orders.recv(64):
    gate.close()
    told.send(b"closed")
    number = os.read(line, 64)
    os.write(line, b"awake")
    gate.join()
    os.kill(pid, signal.SIGCONT)
    app.send(number)
    os.read(line, 64)
    gate.steer_to_host()
"""
APP = """
import socket, sys, time
line, told = (socket.socket(fileno=int(fd)) for fd in sys.argv[1:3])
while True:
    number = line.recv(64)
    told.send(number + time.monotonic_ns().to_bytes(8, "big"))
"""


def run(rounds: int, progress: Callable[[int], None]) -> list[float]:
    """One time for each round, ms. Raises BenchError."""
    times_ms = []
    with ExitStack() as stack:
        chain = _Chain(stack)
        for number in range(rounds):
            times_ms.append(chain.wake(number))
            progress(number + 1)
    return times_ms


class _Chain:
    """Three processes, and a network of their own."""

    def __init__(self, stack: ExitStack) -> None:
        keep = stack.enter_context
        network = keep(Network(topology.load("flat")))
        self._port = network.topology.server.port
        self._capture: Capture = keep(network.capture(background=False))
        self._head = b"\xff" * 6 + b"\x02" * 6 + ETHERTYPE
        self._sends = keep(network.server.packet_socket(NEAR_IFNAME, receive=False))
        packets = keep(network.wire.packet_socket(DEVICE_IFNAME))
        packets.setblocking(True)
        device_line, line = pty.openpty()
        for fd in (device_line, line):
            stack.callback(os.close, fd)
        tty.setraw(line)
        self._told, tells = _pair(stack)
        self._orders, ordered = _pair(stack)
        to_app, from_driver = _pair(stack)
        keep(child(DEVICE, [packets.fileno(), device_line]))
        self._app = keep(child(APP, [from_driver.fileno(), tells.fileno()]))
        wire, mac = network.wire.fd, network.topology.host.mac
        self._closed, closed = _pair(stack)
        for ours in (self._told, self._closed):
            ours.settimeout(TIMEOUT_S)
        fds = [line, closed.fileno(), to_app.fileno(), ordered.fileno(), wire]
        keep(child(DRIVER, fds, mac, self._app.pid))

    def wake(self, number: int) -> float:
        self._orders.send(b"sleep")
        self._answer(self._closed)
        self._app.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self._app.pid, os.WSTOPPED | os.WEXITED)
        until_s = time.monotonic() + STOPPED_S
        while time.monotonic() < until_s:
            time.sleep(POLL_S)  # as floor.py has it
        mark, message = self._capture.mark(self._port), struct.pack(">Q", number)
        self._sends.send((self._head + message).ljust(FRAME_BYTES, b"\0"))
        answer = self._answer(self._told)
        frame = self._capture.wait_for(self._port, lambda data: data[14:22] == message, after=mark)
        return (int.from_bytes(answer[8:], "big") - frame.t_ns) / 1e6

    def _answer(self, sock: socket.socket) -> bytes:
        try:
            return sock.recv(64)
        except TimeoutError:
            text = f"a frame did not come through all processes of a bare wake in {TIMEOUT_S:g} s"
            raise BenchError("RIG-R25", text, "rig doctor") from None


def _pair(stack: ExitStack) -> tuple[socket.socket, socket.socket]:
    """The first is ours, or a process's; no wait for it is for ever."""
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in ends:
        stack.enter_context(end)
    return ends
