"""The gate: every unicast frame reaches exactly one side (edge case 89's core)."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import struct
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rig.clock import WAIT_S, Deadline
from rig.mac import mac_bytes
from rig.net.gate import Gate
from rig.readable import readable

if TYPE_CHECKING:
    from rig.net.network import Network

TOGGLES = 200
STREAM_FRAMES = 20_000
STREAM_HZ = 5_000
TEST_ETHERTYPE = 0x88B5
"""IEEE 802 local experimental: no stack answers it, so nothing but the stream is on the wire."""


def test_each_frame_arrives_on_exactly_one_side(flat: Network) -> None:
    gate = flat.gate()
    host, device = Receiver(flat.host.packet_socket("eth0")), Receiver(flat.device.eth)
    late = 0
    with sending(flat, STREAM_FRAMES, 1 / STREAM_HZ) as sender:
        for _ in range(TOGGLES):
            gate.close()
            host.read()
            device.await_new()  # the stream goes on and reaches the device
            late += host.read()
            gate.open()
            device.read()
            host.await_new(sender)
            late += device.read()
        sender.wait()
    host.read()
    device.read()
    both = sorted(host.numbers + device.numbers)
    assert both == list(range(STREAM_FRAMES))  # none lost, none doubled
    assert min(len(host.numbers), len(device.numbers)) >= TOGGLES // 2  # the gate did move under the stream
    assert late == 0  # after close() nothing reaches the host, after open() nothing reaches the device
    assert host.numbers == sorted(host.numbers)
    assert device.numbers == sorted(device.numbers)


def test_toggling_as_fast_as_possible_under_a_flood_loses_nothing(flat: Network) -> None:
    gate = flat.gate()
    host, device = Receiver(flat.host.packet_socket("eth0")), Receiver(flat.device.eth)
    with sending(flat, STREAM_FRAMES, 0) as sender:
        while sender.running():
            gate.close()
            gate.open()
            host.read()
            device.read()
    host.read()
    device.read()
    assert sorted(host.numbers + device.numbers) == list(range(STREAM_FRAMES))


def test_a_closed_gate_cuts_the_host_off_and_the_device_hears_its_frames(flat: Network) -> None:
    gate = flat.gate()
    server = flat.server.packet_socket("eth0")
    from_host = flat.host.packet_socket("eth0", receive=False)
    gate.close()
    from_host.send(frame(flat.topology.server.mac, flat.topology.host.mac, 1))
    assert Receiver(server).read() == 0
    gate.open()
    from_host.send(frame(flat.topology.server.mac, flat.topology.host.mac, 2))
    receiver = Receiver(server)
    receiver.await_new()
    assert receiver.numbers == [2]


def test_inject_reaches_the_host_through_a_closed_gate(flat: Network) -> None:
    gate, host = flat.gate(), Receiver(flat.host.packet_socket("eth0"))
    gate.close()
    before_ns = time.monotonic_ns()
    sent_ns = gate.inject(frame(flat.topology.host.mac, flat.topology.server.mac, 7))
    host.await_new()
    assert host.numbers == [7]
    assert before_ns <= sent_ns <= time.monotonic_ns()


def test_closing_and_opening_twice_changes_nothing_and_the_state_is_the_kernels(flat: Network) -> None:
    gate = flat.gate()
    other = Gate(os.dup(flat.wire.fd), flat.topology.host.mac)  # as another process makes it, from a descriptor
    assert gate.state == "open"
    for _ in range(2):
        gate.close()
        assert (gate.state, other.state) == ("closed", "closed")
    for _ in range(2):
        other.open()
        assert (gate.is_open, other.is_open) == (True, True)
    other.release()


def test_a_frame_with_the_hosts_source_address_does_not_move_the_gate(flat: Network) -> None:
    gate, device = flat.gate(), Receiver(flat.device.eth)
    server = flat.server.packet_socket("eth0", receive=False)
    gate.close()
    server.send(frame(flat.topology.server.mac, flat.topology.host.mac, 1))  # a liar: learning would move the host here
    server.send(frame(flat.topology.host.mac, flat.topology.server.mac, 2))
    device.await_new()
    assert device.numbers == [2]


def test_moving_the_gate_takes_less_than_a_millisecond(flat: Network) -> None:
    gate = flat.gate()
    times_ms: list[float] = []
    for _ in range(100):
        for move in (gate.close, gate.open):
            start_s = time.perf_counter()
            move()
            times_ms.append((time.perf_counter() - start_s) * 1e3)
    assert sorted(times_ms)[len(times_ms) // 2] < 1  # measured 0.07 ms; the median, as a busy machine may stop any one


def frame(destination: str, source: str, number: int) -> bytes:
    header = mac_bytes(destination) + mac_bytes(source) + struct.pack("!H", TEST_ETHERTYPE)
    return (header + struct.pack("!I", number)).ljust(60, b"\0")


class Receiver:
    """Numbers of the stream's frames that arrived at a socket, in order."""

    def __init__(self, sock: socket.socket) -> None:
        self.numbers: list[int] = []
        self._sock = sock

    def read(self) -> int:
        """Take what is there now; how many of the stream's frames."""
        before = len(self.numbers)
        with contextlib.suppress(BlockingIOError):
            while True:
                data = self._sock.recv(2048, socket.MSG_DONTWAIT)
                if data[12:14] == struct.pack("!H", TEST_ETHERTYPE):
                    self.numbers.append(struct.unpack_from("!I", data, 14)[0])
        return len(self.numbers) - before

    def await_new(self, sender: Sender | None = None) -> None:
        """Read until at least one frame of the stream has come, or the sender has sent all."""
        deadline = Deadline(WAIT_S)
        while not self.read() and (sender is None or sender.running()):
            assert not deadline.expired, "no frame of the stream came"
            readable(self._sock.fileno(), 0.05)


class Sender:
    """A process that sends the stream, on a processor of its own where there is one."""

    def __init__(self, pid: int) -> None:
        self._pid = pid

    def running(self) -> bool:
        if self._pid and os.waitpid(self._pid, os.WNOHANG)[0]:
            self._pid = 0
        return self._pid != 0

    def wait(self) -> None:
        if self._pid:
            os.waitpid(self._pid, 0)
            self._pid = 0

    def stop(self) -> None:
        if self._pid:
            os.kill(self._pid, signal.SIGKILL)
            self.wait()


@contextlib.contextmanager
def sending(network: Network, count: int, interval_s: float) -> Iterator[Sender]:
    """The server sends `count` numbered frames to the host's address."""
    sock = network.server.packet_socket("eth0", receive=False)
    frames = [frame(network.topology.host.mac, network.topology.server.mac, number) for number in range(count)]
    pid = os.fork()
    if pid == 0:
        try:
            for data in frames:
                sock.send(data)
                sent_s = time.monotonic()
                while time.monotonic() < sent_s + interval_s:
                    pass
        finally:
            os._exit(0)
    sender = Sender(pid)
    try:
        yield sender
    finally:
        sender.stop()
