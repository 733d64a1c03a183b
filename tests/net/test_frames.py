"""Built frames: right by default, wrong only where a mutation says so."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from rig.errors import UsageError
from rig.inject import Flow, Injector, frames
from rig.inject import batch as batch_module
from rig.inject.batch import MAX_FRAMES

if TYPE_CHECKING:
    from rig.net.capture import Capture
    from rig.net.network import Network

V4 = Flow("02:00:00:00:01:20", "02:00:00:00:01:10", "192.0.2.20", "192.0.2.10", 5000, 40000)
WITHIN_A_TICK_US = 50.0
"""Several frames in each of the sender's ticks, and several times what a call takes: who does not wait is early."""
V6 = Flow("02:00:00:00:01:20", "02:00:00:00:01:10", "2001:db8::20", "2001:db8::10", 5000, 40000)


@pytest.mark.parametrize("flow", [V4, V6])
def test_a_segment_reads_back_as_it_was_written(flow: Flow) -> None:
    data = frames.tcp_segment(flow, 1000, 2000, "PA", b"push", timestamps=(7, 9))
    assert frames.tcp_fields(data) == (1000, 2000, "PA", b"push")
    assert frames.tcp_fields(frames.pad(data, 200, filler=0xAA)) == (1000, 2000, "PA", b"push")
    assert frames.tcp_fields(frames.tcp_segment(flow, 1, 2, "R")) == (1, 2, "R", b"")
    assert checksum_of(data) == checksum_of(data, again=True)
    assert frames.corrupt_checksum(data) != data


def test_an_arp_request_is_a_short_frame_padded_to_the_minimum() -> None:
    data = frames.arp_request(V4)
    assert data == bytes.fromhex(
        "ffffffffffff 020000000120 0806"  # to all, from the server, ARP
        "0001 0800 06 04 0001"  # Ethernet, IPv4, request
        "020000000120 c0000214 000000000000 c000020a" + "00" * 18  # who has .10? tell .20; padding
    )
    assert frames.arp_request(V4, unicast=True)[:6] == bytes.fromhex("020000000110")


def test_a_neighbour_solicitation_goes_to_the_solicited_node_group() -> None:
    data = frames.neighbour_solicitation(V6)
    assert data[:6] == bytes.fromhex("3333ff000010")
    assert data[38:54] == bytes.fromhex("ff0200000000000000000001ff000010")
    assert (data[21], data[54]) == (255, 135)  # hop limit, type


def test_a_magic_packet() -> None:
    data = frames.magic_packet(V4.src_mac, V4.dst_mac, password=b"secret")
    assert data == bytes.fromhex("ffffffffffff 020000000120 0842") + b"\xff" * 6 + bytes.fromhex("020000000110") * 16 + b"secret"


def test_flows_turn_round_and_change_ports() -> None:
    assert V4.reversed.reversed == V4
    assert V4.reversed.src_ip == "192.0.2.10"
    assert V4.with_ports(dst_port=1) == Flow(V4.src_mac, V4.dst_mac, V4.src_ip, V4.dst_ip, 5000, 1)


def test_what_is_no_ip_is_refused() -> None:
    with pytest.raises(ValueError, match="no IP frame: type 0806"):
        frames.transport(frames.arp_request(V4))


def test_a_burst_keeps_its_pace_and_tells_when(flat: Network) -> None:
    data = frames.udp_datagram(V4, b"paced")
    with Injector.on(flat.server) as server, flat.capture() as capture:
        start_ns = time.monotonic_ns()
        times_ns = server.burst([data] * 20, interval_us=1000)
        assert len([frame for frame in capture.frames("ps") if frame.data == data]) == 20
    assert times_ns == sorted(times_ns)
    assert times_ns[-1] - start_ns >= 19_000_000
    with Injector.on(flat.server) as server, pytest.raises(UsageError, match="RIG-C02"):
        server.burst([data] * 100, interval_us=1_000_000)


def numbered(count: int) -> list[bytes]:
    """Frames of every length between the shortest and 250 bytes, none like another."""
    return [frames.udp_datagram(V4, b"%08d" % n + bytes(n % 200)) for n in range(count)]


def sent_by_server(capture: Capture) -> list[bytes]:
    """Its UDP datagrams, as they were at its port of the switch."""
    return [f.data for f in capture.frames("ps") if f.data[6:14] == bytes.fromhex("0200000001200800") and f.data[23] == 17]


def test_a_burst_without_an_interval_goes_out_in_batches_in_order(flat: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    sent, libc, calls = numbered(MAX_FRAMES * 3 + 1), batch_module._libc, []

    def counted(*arguments: Any) -> Any:
        calls.append(libc.sendmmsg(*arguments))
        return calls[-1]

    monkeypatch.setattr(batch_module, "_libc", SimpleNamespace(sendmmsg=counted))
    with Injector.on(flat.server) as server, flat.capture() as capture:
        times_ns = server.burst(sent)
        assert sent_by_server(capture) == sent
    assert calls == [MAX_FRAMES] * 3 + [1]
    assert [times_ns.count(t_ns) for t_ns in sorted(set(times_ns))] == calls
    assert times_ns == sorted(times_ns)


def test_no_frame_of_a_fast_burst_is_early(flat: Network) -> None:
    """Nor forgotten. That it keeps up is the machine's affair, and a figure of `rig bench`."""
    sent = numbered(3000)
    with Injector.on(flat.server) as server, flat.capture() as capture:
        start_ns = time.monotonic_ns()
        times_ns = server.burst(sent, interval_us=WITHIN_A_TICK_US)
        assert sent_by_server(capture) == sent
    assert len(times_ns) == len(sent)
    assert all(t_ns - start_ns >= number * WITHIN_A_TICK_US * 1000 for number, t_ns in enumerate(times_ns))


def test_a_burst_ends_at_a_frame_that_the_interface_refuses(flat: Network) -> None:
    good = numbered(5)
    with Injector.on(flat.server) as server, flat.capture() as capture:
        with pytest.raises(OSError, match="Message too long"):
            server.burst([*good, bytes(3000), *good])
        assert sent_by_server(capture) == good
        assert server.burst([]) == []


def checksum_of(frame: bytes, *, again: bool = False) -> Any:
    """The TCP checksum as it stands, or as scapy computes it again."""
    from scapy.layers.inet import TCP
    from scapy.layers.l2 import Ether

    packet = Ether(frame)
    if again:
        del packet[TCP].chksum
        packet = Ether(bytes(packet))
    return packet[TCP].chksum
