"""Capture: every frame once for each port it crosses, stamped by the kernel, in a file that opens cleanly."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rig.inject import frames
from rig.inject.injector import Injector
from rig.mac import mac_bytes
from rig.net import capture as capture_module
from rig.net.capture import CaptureTimeout
from tests.open_files import open_files

if TYPE_CHECKING:
    from rig.net.network import Network

TSHARK = shutil.which("tshark")


def flow(network: Network) -> frames.Flow:
    host, server = network.topology.host, network.topology.server
    return frames.Flow(server.mac, host.mac, server.ip4, host.ip4, 5000, 40000)


def unanswered(network: Network, text: bytes) -> bytes:
    """From the server to the host, of a type that no kernel knows: a datagram that nobody takes has an ICMP error in answer, with
    the datagram in it, as often as the kernel's limit of them allows."""
    macs = [mac_bytes(machine.mac) for machine in (network.topology.host, network.topology.server)]
    return b"".join(macs) + b"\x88\xb5" + text.ljust(46)


def test_a_frame_appears_once_on_each_port_that_it_crosses(flat: Network) -> None:
    data = frames.udp_datagram(flow(flat), b"numbered 1")
    with flat.capture() as capture, Injector.on(flat.server) as server:
        before_ns = time.monotonic_ns()
        sent_ns = server.send(data)
        after_ns = time.monotonic_ns()
        seen = {port: [f for f in capture.frames(port) if f.data == data] for port in flat.ports}
        assert {port: len(found) for port, found in seen.items()} == {"ph": 1, "ps": 1, "pn": 0}
        assert before_ns <= sent_ns <= seen["ps"][0].t_ns + 50_000  # two clocks are read one after the other
        assert seen["ps"][0].t_ns <= seen["ph"][0].t_ns <= after_ns + 50_000
        flat.gate().close()
        server.send(data)
        assert [len([f for f in capture.frames(port) if f.data == data]) for port in ("ph", "ps", "pn")] == [1, 2, 1]
        assert capture.dropped == {"ph": 0, "ps": 0, "pn": 0}


def test_it_begins_when_the_kernel_stamps_what_arrives(flat: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """It does so a moment after the machine's first socket has asked: till then the frame that is read later is the later one."""
    kernels, late = capture_module._stamp_ns, iter([True, True, True])

    def stamp_ns(ancillary: list[tuple[int, int, bytes]]) -> int:
        return time.time_ns() if next(late, False) else kernels(ancillary)

    monkeypatch.setattr(capture_module, "_stamp_ns", stamp_ns)
    with flat.capture():
        assert next(late, None) is None


def test_what_the_native_device_and_the_gate_send_is_captured(flat: Network) -> None:
    out = frames.udp_datagram(flow(flat).reversed, b"from the device")
    with flat.capture() as capture:
        flat.gate().close()
        flat.device.eth.send(out)
        flat.gate().inject(frames.udp_datagram(flow(flat), b"put back"))
        assert [f.data for f in capture.frames("pn")].count(out) == 1
        assert [f.data for f in capture.frames("ps")].count(out) == 1
        assert b"put back" in capture.frames("ph")[0].data


@pytest.mark.parametrize("kind", [0x8100, 0x88A8])
def test_a_tagged_frame_is_captured_as_it_was_on_the_wire(flat: Network, kind: int) -> None:
    """On the port where it comes in, and on the one where it goes out; an untagged one gets no tag."""
    plain = unanswered(flat, b"nobody answers this")
    tagged = [frames.tagged(plain, vid, priority=3, kind=kind) for vid in (0, 5, 4095)]
    double = frames.tagged(tagged[1], 7, kind=0x88A8)
    with flat.capture() as capture, Injector.on(flat.server) as server:
        sent = [*tagged, plain, double]
        server.burst(sent)
        for port in ("ps", "ph"):
            assert [f.data for f in capture.frames(port) if b"nobody answers" in f.data] == sent


def test_waiting_sees_what_was_there_and_what_comes_and_names_what_did_not(flat: Network) -> None:
    with flat.capture() as capture, Injector.on(flat.server) as server:
        server.send(unanswered(flat, b"early"))
        assert b"early" in capture.wait_for("ph", lambda data: b"early" in data).data
        mark = capture.mark("ph")
        with pytest.raises(CaptureTimeout, match=r"a second early did not come on ph within 0\.05 s"):
            capture.wait_for("ph", lambda data: b"early" in data, 0.05, after=mark, what="a second early")
        server.send(unanswered(flat, b"late"))
        assert b"late" in capture.wait_for("ph", lambda data: b"late" in data, after=mark).data
    assert capture.frames("ph")  # also after close


def test_without_a_thread_the_kernel_keeps_the_frames_until_somebody_asks(flat: Network, tmp_path: Path) -> None:
    path = tmp_path / "net.pcapng"
    with flat.capture(path, background=False) as capture, Injector.on(flat.server) as server:
        size_bytes = path.stat().st_size
        sent = [frames.udp_datagram(flow(flat), b"%d" % number) for number in range(300)]
        server.burst(sent)
        assert "rig-capture" not in {thread.name for thread in threading.enumerate()}
        assert path.stat().st_size == size_bytes
        assert [frame.data for frame in capture.frames("ps") if frame.data in sent] == sent
        assert capture.dropped["ps"] == 0
        assert path.stat().st_size > size_bytes


def test_memory_is_bounded_and_marks_survive_forgetting(flat: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture_module, "MEMORY_LIMIT_BYTES", 1000)
    with flat.capture() as capture, Injector.on(flat.server) as server:
        for number in range(100):
            server.send(unanswered(flat, bytes([number])))
        mark = capture.mark("ps")
        assert len(capture.frames("ps")) < 20
        server.send(new := unanswered(flat, b"new"))
        assert [frame.data for frame in capture.frames("ps", after=mark)] == [new]


def test_frames_cross_the_bridge_unchanged_however_odd(flat: Network) -> None:
    """A bridge with netfilter strips padding and drops bad IP headers; ours must not."""
    good = frames.udp_datagram(flow(flat), b"x")
    odd = [
        frames.pad(good, 200, filler=0xAA),
        frames.corrupt_ip_checksum(good),
        frames.corrupt_checksum(good),
        frames.flip_bits(good, 14, 0xF0),  # not IP version 4
        frames.truncate(good, 30),
        good[:16] + b"\xff\xff" + good[18:],  # an IP length beyond the frame
    ]
    with flat.capture() as capture, Injector.on(flat.server) as server:
        flat.gate().close()
        server.burst(odd)
        crossed = [frame.data for frame in capture.frames("pn")]
    assert [data for data in crossed if data[12:14] == b"\x08\x00"] == odd


def test_checksums_on_the_wire_are_right(flat: Network) -> None:
    """What offloads left on would break: a host's own segments, as a raw socket sees them."""
    import socket

    with flat.capture() as capture, flat.server.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.bind((flat.topology.server.ip4, 5000))
        listener.listen()
        with flat.host.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
            client.connect((flat.topology.server.ip4, 5000))
            client.sendall(b"x" * 20_000)
        segments = [frame.data for frame in capture.frames("ph") if frame.data[23] == frames.IPPROTO_TCP and frame.data[12] == 8]
    assert len(segments) > 10
    assert max(map(len, segments)) <= 1514
    assert all(tcp_checksum_holds(data) for data in segments)


@pytest.mark.skipif(TSHARK is None, reason="tshark is not installed: make test installs it")
def test_the_file_opens_in_tshark_with_names_and_nanoseconds(flat: Network, tmp_path: Path) -> None:
    path = tmp_path / "net.pcapng"
    with flat.capture(path), Injector.on(flat.server) as server:
        server.burst([frames.udp_datagram(flow(flat), b"%d" % number) for number in range(300)])
    fields = ["-T", "fields", "-e", "frame.interface_name", "-e", "frame.time_epoch", "-e", "udp.checksum.status"]
    command = [str(TSHARK), "-o", "udp.check_checksum:TRUE", "-Y", "udp.dstport == 40000 and not icmp", "-r", str(path), *fields]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    ports = [row[0] for row in rows]
    assert (len(ports), ports.count("ps"), ports.count("ph")) == (600, 300, 300)
    assert {row[2] for row in rows} == {"1"}  # good
    assert len({row[1][-3:] for row in rows}) > 50  # the last three digits are alive
    warnings = [line for line in done.stderr.splitlines() if "Running as user" not in line]
    assert warnings == []


def tcp_checksum_holds(frame: bytes) -> bool:
    """RFC 9293: one's complement sum over pseudo header and segment is ffff."""
    ip = frame[14:]
    header, total = (ip[0] & 15) * 4, int.from_bytes(ip[2:4], "big")
    segment = ip[header:total]
    data = ip[12:20] + bytes([0, ip[9]]) + len(segment).to_bytes(2, "big") + segment + b"\0" * (len(segment) % 2)
    value = sum(int.from_bytes(data[i : i + 2], "big") for i in range(0, len(data), 2))
    while value >> 16:
        value = (value & 0xFFFF) + (value >> 16)
    return value == 0xFFFF


@pytest.mark.parametrize("from_the_start", [True, False])
def test_a_file_that_finds_no_room_is_told_and_closed(flat: Network, tmp_path: Path, from_the_start: bool) -> None:
    flat.capture(tmp_path / "first.pcapng").close()  # imports and caches are open now
    before = open_files()
    with pytest.raises(OSError, match="No space left"):
        _fill(flat, Path("/dev/full") if from_the_start else tmp_path / "wire.pcapng")
    assert open_files() == before


def _fill(net: Network, path: Path) -> None:
    """A capture whose disk is full when its frame comes."""
    with net.capture(path) as capture, Path("/dev/full").open("wb") as full:
        assert capture._writer is not None
        os.dup2(full.fileno(), capture._writer._file.fileno())
        with net.server.packet_socket("eth0", receive=False) as sock:
            sock.send(bytes(12) + b"\x88\xb5" + bytes(46))
        capture.wait_for("ps", lambda data: data[12:14] == b"\x88\xb5")


def test_readings_of_two_clocks_that_tell_no_difference_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that lost the processor between the clocks does not move frames; a time that was set does."""
    readings = iter([(1_000, 500_000), (40_000, 533_000), (1_000, 500_900), (1_000, 9_000_000)])
    monkeypatch.setattr(capture_module, "_read_both", lambda: next(readings))
    clocks = capture_module._Clocks()
    assert [clocks.realtime_to_monotonic_ns() for _ in range(4)] == [500_000, 500_000, 500_000, 9_000_000]
