"""What must be refused, and what must survive: sockets that are not idle, states that do not fit, buffers that are full."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import pytest

from rig.clock import Deadline
from rig.device.numbers import ARM_ALL, FrameFlag, OffloadRc, OffloadType, Power, SlotFlag
from rig.device.offload_types import BufferedFrame, Pattern, PowerReply, ProtocolOffload, TcpSlot
from rig.errors import BenchError, DeviceError
from rig.inject.frames import Flow, magic_packet, udp_datagram
from rig.net.tcp_info import TCP_ESTABLISHED, tcp_info
from rig.standby.api import ControlChannelTriggerStatus as Status
from rig.standby.nic import handoff
from rig.standby.nic.next_hop import NextHops
from rig.standby.nic.registry import Registry
from rig.standby.nic.tcp_slots import TcpSlots
from rig.suite import forged
from rig.suite.offload_room import OF_FLAT_HOST
from rig.suite.scene import Scene

HOST_SEQ, SERVER_SEQ = 1_000_000, 2_000_000
TOO_MANY = 12
TCP_MD5SIG = 14

CLOSING: dict[str, tuple[str, ...]] = {
    "FIN_WAIT1": ("cut off", "host"),
    "FIN_WAIT2": ("host",),
    "CLOSE_WAIT": ("server",),
    "LAST_ACK": ("server", "cut off", "host"),
    "CLOSE": ("host", "server"),
}
"""State of the host's socket: who has closed for writing before, and whether the host was off the wire then. A socket that is
in TIME_WAIT is CLOSE to its process."""
TCP_STATES = {"ESTABLISHED": TCP_ESTABLISHED, "FIN_WAIT1": 4, "FIN_WAIT2": 5, "CLOSE": 7, "CLOSE_WAIT": 8, "LAST_ACK": 9}
"""tcp_states.h"""


def refused(call: Callable[[], object]) -> OffloadRc:
    with pytest.raises(DeviceError) as caught:
        call()
    return OffloadRc(caught.value.rc)


@contextmanager
def device_asleep(scene: Scene) -> Iterator[PowerReply]:
    """The device in D3 and the gate closed, with no host in between; all of it back at the end."""
    device, gate = scene.device, scene.bench.network.gate()
    prepared = device.prepare(epoch=device.status().epoch, arm=ARM_ALL, mac=scene.host_mac)
    gate.close()
    try:
        yield device.commit(prepared.epoch)
    finally:
        device.host_awake(device.status().epoch)
        gate.open()
        device.release()


# -- 90: sockets that are not idle ---------------------------------------------------------------------------------------


@pytest.mark.edge(90)
def test_a_socket_with_unread_bytes_is_not_idle_and_stays_as_it_was(scene: Scene) -> None:
    with forged.connection(scene.bench, HOST_SEQ, SERVER_SEQ) as ends:
        ends.server.sendall(b"unread")
        ends.host.settimeout(5)
        assert ends.host.recv(6, socket.MSG_PEEK | socket.MSG_WAITALL) == b"unread"
        with pytest.raises(handoff.NotIdle, match="6 bytes unread, 0 unacknowledged"):
            handoff.freeze(ends.host)
        assert ends.host.recv(6) == b"unread"
        assert_works(ends)


@pytest.mark.edge(90)
def test_a_socket_with_unsent_bytes_is_not_idle_and_sends_them(scene: Scene) -> None:
    """Cut off from the wire, the bytes stay with the kernel; they arrive once the gate is open, sent by nobody else."""
    gate = scene.bench.network.gate()
    with forged.connection(scene.bench, HOST_SEQ, SERVER_SEQ) as ends:
        assert_works(ends)
        gate.close()
        ends.host.sendall(b"unsent")
        with pytest.raises(handoff.NotIdle, match="0 bytes unread, 6 unacknowledged"):
            handoff.freeze(ends.host)
        gate.open()
        ends.server.settimeout(10)
        assert ends.server.recv(6, socket.MSG_WAITALL) == b"unsent"
        assert_works(ends)


@pytest.mark.edge(48, 90)
@pytest.mark.parametrize("state", CLOSING)
def test_a_socket_that_is_closing_is_not_idle(scene: Scene, state: str) -> None:
    """Whoever closes, and however far it has come. The socket is as it was: a direction that is open works on."""
    gate = scene.bench.network.gate()
    with forged.connection(scene.bench, HOST_SEQ, SERVER_SEQ) as ends:
        assert_works(ends)
        for step in CLOSING[state]:
            if step == "cut off":
                wait_for_state(ends.host, "CLOSE_WAIT" if state == "LAST_ACK" else "ESTABLISHED")
                gate.close()
            else:
                getattr(ends, step).shutdown(socket.SHUT_WR)
        wait_for_state(ends.host, state)
        with pytest.raises(handoff.NotIdle, match="not ESTABLISHED"):
            handoff.freeze(ends.host)
        gate.open()
        if "server" not in CLOSING[state]:
            assert_says(ends.server, ends.host)
        if "host" not in CLOSING[state]:
            assert_says(ends.host, ends.server)


@pytest.mark.edge(48, 90)
def test_an_idle_socket_is_frozen(scene: Scene) -> None:
    """The control of those above."""
    with forged.connection(scene.bench, HOST_SEQ, SERVER_SEQ) as ends:
        frozen = handoff.freeze(ends.host)
        assert (frozen.snd_nxt, frozen.rcv_nxt) == (HOST_SEQ, SERVER_SEQ)
        handoff.thaw(ends.host)
        assert_works(ends)


def wait_for_state(sock: socket.socket, state: str) -> None:
    """The kernel's, by its name in tcp_states.h."""
    deadline = Deadline(10)
    while (now := tcp_info(sock).state) != TCP_STATES[state]:
        assert not deadline.expired, f"state {now}, not {state}"
        deadline.pause()


def assert_works(ends: forged.Forged) -> None:
    """Bytes go both ways, between two kernels."""
    assert_says(ends.host, ends.server)
    assert_says(ends.server, ends.host)


def assert_says(source: socket.socket, sink: socket.socket) -> None:
    source.sendall(b"ping")
    sink.settimeout(10)
    assert sink.recv(4, socket.MSG_WAITALL) == b"ping"


# -- 96: a full buffer ---------------------------------------------------------------------------------------------------


@pytest.mark.edge(96)
def test_a_full_buffer_keeps_the_waking_frame_and_counts_what_it_loses(scene: Scene) -> None:
    scene.device.add_pattern(Pattern.magic(1))
    plan = scene.bench.network.topology
    flow = Flow(plan.next_hop.mac, plan.host.mac, plan.server.ip4, plan.host.ip4, 4000, 9)
    waking = magic_packet(plan.next_hop.mac, plan.host.mac, dst_mac=plan.host.mac)
    room = scene.device.capabilities().buffered_frames
    behind = [udp_datagram(flow, b"frame %d" % n) for n in range(room + TOO_MANY)]
    with device_asleep(scene):
        before = scene.device.counters()
        scene.bench.inject.burst([waking, *behind], interval_us=200)
        scene.wait_received_by_device(before, 1 + len(behind))
        kept: list[BufferedFrame] = []
        acked = lost = 0
        while (drained := scene.device.drain(acked)).frames:
            kept += drained.frames
            acked, lost = drained.frames[-1].index, drained.lost
        counted = scene.device.counters()
        assert [frame.data for frame in kept if frame.data in (waking, *behind)] == [waking, *behind][: len(kept)]
        assert kept[0].data == waking
        assert [bool(frame.flags & FrameFlag.WAKE) for frame in kept] == [True] + [False] * (len(kept) - 1)
        assert len(kept) == 1 + room
        assert lost == counted["rx_overflow"] - before["rx_overflow"] == TOO_MANY
        assert counted.get("buf_high_water", 1 + room) == 1 + room


# -- 44: options that the device does not speak -----------------------------------------------------------------------------


def sign(sock: socket.socket) -> None:
    """TCP_MD5SIG (struct tcp_md5sig): from now on the kernel signs every segment to the socket's peer."""
    address, port = sock.getpeername()
    peer = struct.pack("=HH4s", socket.AF_INET, socket.htons(port), socket.inet_aton(address)).ljust(128, b"\0")
    key = b"secret"
    sock.setsockopt(socket.IPPROTO_TCP, TCP_MD5SIG, peer + struct.pack("=BBHi80s", 0, 0, len(key), 0, key))


@pytest.mark.edge(44)
def test_a_connection_with_signatures_is_not_offloaded_and_why_is_said(scene: Scene) -> None:
    """The negative control is the same socket before it was signed."""
    scene.open_hardware()  # the host's kernel knows the server's address afterwards
    slots = TcpSlots(clock=scene.bench.config.clock, local_mac=scene.host_mac, learn_next_hop=False)
    registry = Registry(scene.device, slots, NextHops(), scene.timeline)
    with forged.connection(scene.bench, HOST_SEQ, SERVER_SEQ) as ends:

        def reserve() -> None:
            scene.bench.network.host.run(partial(registry.reserve, "signed", ends.host.dup(), {"channel": "signed"}, 15))

        reserve()
        registry.give_back("signed")
        before = [slot.ref for slot in scene.device.slots()]
        try:
            sign(ends.host)
        except OSError as error:
            pytest.skip(f"this kernel has no TCP_MD5SIG: {error}")
        with pytest.raises(BenchError, match="signs its segments") as caught:
            reserve()
        assert caught.value.code == "RIG-N13"
        assert [slot.ref for slot in scene.device.slots()] == before


@pytest.mark.edge(44)
@pytest.mark.parametrize("option", [SlotFlag.MD5, SlotFlag.AO, SlotFlag.FAST_OPEN])
def test_the_device_refuses_an_option_that_it_does_not_speak(scene: Scene, option: SlotFlag) -> None:
    row = {"local": "192.0.2.10", "remote": "192.0.2.20", "local_port": 1, "remote_port": 2, "next_hop_mac": scene.server_mac}
    numbers = dict.fromkeys(("snd_una", "snd_nxt", "snd_wl1", "snd_wnd", "max_snd_wnd", "rcv_nxt", "rcv_wnd", "rcv_wup"), 1)
    plain = TcpSlot(**row, **numbers, local_mac=scene.host_mac)  # type: ignore[arg-type]
    assert refused(lambda: scene.device.add_tcp_slot(replace(plain, flags=plain.flags | option))) is OffloadRc.UNSUPPORTED
    assert scene.device.slots() == ()
    scene.device.add_tcp_slot(plain)


# -- a way that is not the device's ------------------------------------------------------------------------------------------


def test_a_connection_through_another_interface_gets_no_hardware_slot(scene: Scene) -> None:
    """The way to a server on the machine itself is lo, as one into a VLAN of the host's would be that VLAN's interface: the
    device would speak where nobody listens. Then, the control, one through the device's interface."""
    with scene.bench.peers.push_server("host") as inside:
        assert scene.open("inside", server=inside) is Status.SYSTEM_ERROR
        refusal = scene.timeline.wait("NIC_REFUSED", channel="inside")
        assert "is through lo, and the device stands in for eth0" in refusal.error
        assert scene.device.slots() == ()
        scene.app.call("close_channel", channel="inside")
    scene.open_hardware("outside")
    assert len(scene.device.slots()) == 1


# -- 100: commands in the wrong state --------------------------------------------------------------------------------------


@pytest.mark.edge(100)
def test_asleep_only_the_way_back_to_full_power_is_open(scene: Scene) -> None:
    """No second entry, no change of the target, no late additions; the refusals change nothing."""
    device = scene.device
    with device_asleep(scene) as asleep:
        before = device.status()
        for target in (Power.D3, Power(4)):
            assert refused(lambda target=target: prepare(scene, target)) is OffloadRc.BAD_STATE  # type: ignore[misc]
        assert refused(lambda: device.commit(asleep.epoch)) is OffloadRc.BAD_STATE
        assert refused(lambda: device.abort(asleep.epoch)) is OffloadRc.BAD_STATE
        assert refused(device.release) is OffloadRc.BAD_STATE
        assert refused(lambda: device.host_awake(asleep.epoch - 1)) is OffloadRc.STALE_EPOCH
        assert refused(lambda: device.add_pattern(Pattern.magic(1))) is OffloadRc.NOT_ACCEPTED
        after = device.status()
        assert (after.power, after.owner, after.epoch) == (before.power, before.owner, before.epoch)


@pytest.mark.edge(100)
@pytest.mark.device_can(offload=OffloadType.ARP, offloads=OF_FLAT_HOST + 1)
def test_asleep_no_offload_is_taken(scene: Scene) -> None:
    offload = ProtocolOffload(id=1, ip="192.0.2.10", mac=scene.host_mac)
    with device_asleep(scene):
        before = scene.device.offloads()
        assert refused(lambda: scene.device.add_offload(offload)) is OffloadRc.NOT_ACCEPTED
        assert scene.device.offloads() == before
    assert not any(row.id == offload.id for row in before)
    scene.device.add_offload(offload)


@pytest.mark.edge(100)
def test_awake_there_is_nothing_to_commit_abort_or_release(scene: Scene) -> None:
    device, epoch = scene.device, scene.device.status().epoch
    for call in (device.commit, device.abort, device.host_awake):
        assert refused(lambda call=call: call(epoch)) is OffloadRc.BAD_STATE  # type: ignore[misc]
    assert refused(device.release) is OffloadRc.BAD_STATE
    assert device.status().epoch == epoch


@pytest.mark.edge(100)
def test_patterns_are_taken_until_prepare_and_not_later(scene: Scene) -> None:
    """From prepare on frames are captured, to be judged by what was armed then."""
    device = scene.device
    device.add_pattern(Pattern.magic(1))
    epoch = prepare(scene, Power.D3).epoch
    assert refused(lambda: device.add_pattern(Pattern.bitmap(2, b"x"))) is OffloadRc.NOT_ACCEPTED
    epoch = device.commit(epoch).epoch
    assert refused(lambda: device.add_pattern(Pattern.bitmap(2, b"x"))) is OffloadRc.NOT_ACCEPTED
    assert [pattern.id for pattern in device.patterns()] == [1]
    device.host_awake(epoch)
    device.release()
    device.add_pattern(Pattern.bitmap(2, b"x"))


def prepare(scene: Scene, target: Power) -> PowerReply:
    return scene.device.prepare(epoch=scene.device.status().epoch, arm=ARM_ALL, mac=scene.host_mac, target=target)


@pytest.mark.parametrize("arm", [8, 0xFFFFFFFF])
def test_a_sleep_for_reasons_that_the_device_does_not_know_is_refused(scene: Scene, arm: int) -> None:
    """And nothing half done: the next prepare, of all that it knows, is the first."""
    before = scene.device.status()
    with pytest.raises(DeviceError) as refused:
        scene.device.prepare(epoch=before.epoch, arm=arm, mac=scene.host_mac)
    assert refused.value.rc == OffloadRc.UNSUPPORTED
    now = scene.device.status()
    assert (now.power, now.epoch, now.arm) == (before.power, before.epoch, before.arm)
    scene.device.abort(prepare(scene, Power.D3).epoch)
