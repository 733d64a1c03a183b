"""Slots and protocol offloads inside a VLAN; edge case 54.

The host's kernel of this rig has no VLAN interface: slots are put by hand, and the injector plays the peer in the VLAN. The
judge is the capture, which shows tags as they were on the wire.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import pytest

from rig.clock import Deadline
from rig.device.numbers import ARM_ALL, FrameFlag, OffloadRc, OffloadType, PatternType, Power, SlotFlag
from rig.device.offload_types import Pattern, ProtocolOffload, SlotInfo, SlotRef, TcpSlot
from rig.errors import DeviceError
from rig.inject.frames import (
    Flow,
    arp_request,
    corrupt_ip_checksum,
    icmp_echo_request,
    tagged,
    tcp_fields,
    tcp_segment,
    udp_datagram,
    untagged,
)
from rig.suite.offload_room import OF_FLAT_HOST
from rig.suite.scene import Scene

pytestmark = [pytest.mark.edge(54), pytest.mark.device_can(slot_flag=SlotFlag.VLAN)]

VID, PRIORITY = 5, 3
TCI = PRIORITY << 13 | VID
LOCAL, REMOTE = "198.51.100.10", "198.51.100.20"
"""Of the network inside the VLAN: the machines of the topology have none of its addresses."""
PORTS = 40_000, 443
SND, RCV = 1_000_000, 5_000_000
NEVER_MS = 80_000_000
SERVICE_TAG = 0x88A8
"""IEEE 802.1ad: a VLAN of the provider's, with numbers of its own."""
DROP_ELIGIBLE = 1 << 12
"""The bit of a tag between priority and VID."""
PATTERN_ID = 540


def flow(scene: Scene) -> Flow:
    """From the peer in the VLAN to the host."""
    plan = scene.bench.network.topology
    return Flow(plan.next_hop.mac, plan.host.mac, REMOTE, LOCAL, PORTS[1], PORTS[0])


def slot(scene: Scene) -> TcpSlot:
    return TcpSlot(
        local=LOCAL, remote=REMOTE, local_port=PORTS[0], remote_port=PORTS[1], local_mac=scene.host_mac,
        next_hop_mac=scene.next_hop_mac, snd_una=SND, snd_nxt=SND, snd_wl1=RCV, snd_wnd=64_000, max_snd_wnd=64_000, rcv_nxt=RCV,
        rcv_wnd=64_000, rcv_wup=RCV, ka_idle_ms=NEVER_MS, vlan_tci=TCI,
    )  # fmt: skip


@dataclass
class Asleep:
    """The device in D3, with what it was given."""

    scene: Scene
    ref: SlotRef
    mark: int

    @property
    def state(self) -> SlotInfo:
        return self.scene.device.get_tcp_slot(self.ref)

    def sent(self) -> list[bytes]:
        """What the device sent so far for the host in the VLAN."""
        frames = self.scene.bench.capture.frames(self.scene.device_port, after=self.mark)
        return [frame.data for frame in frames if is_for_us(self.scene, frame.data)]

    def ask(self, *frames: bytes) -> tuple[list[bytes], dict[str, int]]:
        """(what it sent for them, what its counters rose by), once they are dealt with."""
        before, count = self.scene.device.counters(), len(self.sent())
        send_and_wait(self.scene, *frames)
        after = self.scene.device.counters()
        return self.sent()[count:], {name: after[name] - before[name] for name in after}


def is_for_us(scene: Scene, frame: bytes) -> bool:
    """The device's, in the name of the address in the VLAN: it may have to answer for the host's others meanwhile."""
    return frame[6:12] == scene.host_mac and socket.inet_aton(LOCAL) in frame


def send_and_wait(scene: Scene, *frames: bytes) -> None:
    """Until the device has dealt with them, whatever else it receives: a frame behind them is counted by itself."""
    last = corrupt_ip_checksum(udp_datagram(flow(scene), b"last"))
    before = scene.device.counters()["rx_bad_ip_csum"]
    scene.bench.inject.burst([*frames, last], interval_us=200)
    deadline = Deadline(10)
    while scene.device.counters()["rx_bad_ip_csum"] == before:
        assert not deadline.expired, "the device has not received what was sent"
        deadline.pause()


@contextmanager
def asleep(scene: Scene, given: TcpSlot) -> Iterator[Asleep]:
    """The gate closed and the device in the host's place; all of it back at the end."""
    device, gate = scene.device, scene.bench.network.gate()
    ref = device.add_tcp_slot(given)
    prepared = device.prepare(epoch=device.status().epoch, arm=ARM_ALL, mac=scene.host_mac)
    gate.close()
    try:
        mark = scene.bench.capture.mark(scene.device_port)
        device.commit(prepared.epoch)
        yield Asleep(scene, ref, mark)
    finally:
        device.host_awake(device.status().epoch)
        gate.open()
        device.release()


def mine(frame: bytes) -> bytes:
    """A frame of the device without its tag, which must be the slot's."""
    tci, plain = untagged(frame)
    assert tci == TCI
    return plain


def test_what_a_slot_sends_has_its_tag(scene: Scene) -> None:
    """Keep-alives, answers to the peer's, challenges; the peer has another priority."""
    probing = replace(slot(scene), ka_idle_ms=60_000, ka_intvl_ms=NEVER_MS)
    with asleep(scene, probing) as device:
        capture = scene.bench.capture
        probe = capture.wait_for(
            scene.device_port, lambda data: is_for_us(scene, data), after=device.mark, what="a keep-alive"
        ).data
        assert tcp_fields(mine(probe)) == (SND - 1, RCV, "A", b"")
        assert len(probe) == 60
        scene.device.update_tcp_slot(device.ref, ka_idle_ms=NEVER_MS)
        device.ask(tagged(tcp_segment(flow(scene), RCV, SND), VID, priority=7))
        assert (device.state.ka_acked, device.state.vlan_tci) == (1, TCI)
        asked = {
            "keep-alive": tcp_segment(flow(scene), RCV - 1, SND),
            "old data": tcp_segment(flow(scene), RCV - 4, SND, "PA", b"past"),
            "SYN": tcp_segment(flow(scene), 1, 0, "S"),
            "reset in the window": tcp_segment(flow(scene), RCV + 1, 0, "R"),
        }
        answers, _ = device.ask(*(tagged(frame, VID, priority=7) for frame in asked.values()))
        assert [tcp_fields(mine(answer)) for answer in answers] == [(SND, RCV, "A", b"")] * len(asked)
        assert scene.device.status().power is Power.D3


@pytest.mark.parametrize("bits", [0, DROP_ELIGIBLE, 7 << 13, 7 << 13 | DROP_ELIGIBLE], ids=["none", "DEI", "priority", "both"])
def test_the_bits_beside_the_vid_are_not_of_it(scene: Scene, bits: int) -> None:
    """IEEE 802.1Q 9.6: three bits of priority, one that says whether it may be dropped, and twelve of VID."""
    with asleep(scene, slot(scene)) as device:
        answers, rose = device.ask(tagged(tcp_segment(flow(scene), RCV - 1, SND), VID | bits))
        dropped = (
            f"keep-alive with TCI {VID | bits:#06x}: {len(answers)} answers, {rose['rx_vlan_drop']} dropped as of another VLAN"
        )
        assert [tcp_fields(mine(answer)) for answer in answers] == [(SND, RCV, "A", b"")], dropped


def test_a_providers_vlan_is_another_one(scene: Scene) -> None:
    """IEEE 802.1ad: the same VID under the EtherType of a service tag. The control is the test before."""
    with asleep(scene, slot(scene)) as device:
        frame = tagged(tcp_segment(flow(scene), RCV - 1, SND), VID, kind=SERVICE_TAG)
        answers, rose = device.ask(frame)
        dropped = rose["rx_vlan_drop"]
        got = f"keep-alive with tag {SERVICE_TAG:#06x}, VID {VID}: {len(answers)} answers, {dropped} dropped as of another VLAN"
        assert (len(answers), dropped) == (0, 1), got


def test_another_vid_none_or_two_tags_are_not_its(scene: Scene) -> None:
    """Then the right one, of full size: it wakes, and every byte of it is there."""
    near = tcp_segment(flow(scene), RCV, SND, "PA", b"news")
    foreign = [tagged(near, vid) for vid in (1, VID + 1, VID | 0x100, 4095)]
    stacked = [tagged(tagged(near, VID), VID, kind=SERVICE_TAG), tagged(tagged(near, 9), VID), tagged(tagged(near, VID), 0)]
    with asleep(scene, slot(scene)) as device:
        after = scene.timeline.mark()
        sent, rose = device.ask(*foreign, *stacked, near, tagged(near, 0, priority=7))
        scene.assert_no_wake(after)
        assert (sent, rose["rx_vlan_drop"], rose["rx_wake"]) == ([], len(foreign + stacked), 0)
        whole = tagged(tcp_segment(flow(scene), RCV, SND, "PA", bytes(range(256)) * 5 + bytes(180)), VID, priority=1)
        assert len(whole) == 1518
        scene.bench.inject.send(whole)
        wake = scene.timeline.wait("NIC_WAKE", after=after)
        assert (wake.reason, wake.original_bytes, wake.saved_bytes) == ("TCP_DATA", 1518, 1518)
        assert scene.device.drain(0).frames[0].data == whole


@pytest.mark.device_can(pattern=PatternType.UDP_PORT)
def test_patterns_do_not_look_into_a_vlan(scene: Scene) -> None:
    """Not even into one that a slot is in; the control is the same datagram without the tag."""
    scene.device.add_pattern(Pattern.udp(PATTERN_ID, 9))
    scene.device.add_pattern(Pattern.magic(PATTERN_ID + 1))
    magic = udp_datagram(flow(scene).with_ports(4000, 9), b"\xff" * 6 + scene.host_mac * 16)
    with asleep(scene, slot(scene)) as device:
        after = scene.timeline.mark()
        _, rose = device.ask(tagged(magic, VID), tagged(magic, VID + 1))
        scene.assert_no_wake(after)
        assert rose["rx_vlan_drop"] == 2
        scene.bench.inject.send(magic)
        assert scene.timeline.wait("NIC_WAKE", after=after).pattern_id == PATTERN_ID


@pytest.mark.device_can(offload=(OffloadType.ARP, OffloadType.ECHO), offloads=OF_FLAT_HOST + 2)
def test_offloads_answer_in_their_vlan_and_there_alone(scene: Scene) -> None:
    """Without ARP no peer of the VLAN would find the host for long."""
    for number, kind in enumerate((OffloadType.ARP, OffloadType.ECHO)):
        scene.device.add_offload(ProtocolOffload(id=number, ip=LOCAL, mac=scene.host_mac, type=kind, vlan_tci=TCI))
    questions = [arp_request(flow(scene)), icmp_echo_request(flow(scene), payload=b"ping" * 10)]
    with asleep(scene, slot(scene)) as device:
        astray = [frame for question in questions for frame in (question, tagged(question, 0), tagged(question, VID + 1))]
        sent, rose = device.ask(*astray)
        assert (sent, rose["rx_vlan_drop"], answered(scene)) == ([], 2, [0, 0])
        sent, _ = device.ask(*(tagged(question, VID, priority=6) for question in questions))
        arp, pong = (mine(frame) for frame in sent)
        assert (arp[12:14], arp[20:22], arp[22:28]) == (b"\x08\x06", b"\x00\x02", scene.host_mac)
        assert (pong[34], pong[42:82]) == (0, b"ping" * 10)
        assert answered(scene) == [1, 1]


def answered(scene: Scene) -> list[int]:
    """By the two offloads in the VLAN."""
    return [row.answered for row in scene.device.offloads() if row.id in (0, 1)]


def test_its_next_hop_is_believed_in_its_vlan(scene: Scene) -> None:
    moved = "02:00:00:00:01:aa"
    learning = replace(slot(scene), next_hop_ip=REMOTE, flags=slot(scene).flags | SlotFlag.LEARN_NEXT_HOP)
    with asleep(scene, learning) as device:
        news = arp_request(replace(flow(scene), src_mac=moved, dst_ip=REMOTE))
        device.ask(news, tagged(news, VID + 1))
        assert device.state.next_hop_moves == 0
        device.ask(tagged(news, VID))
        assert (device.state.next_hop_moves, device.state.next_hop_mac.hex(":")) == (1, moved)
        (answer,), _ = device.ask(tagged(tcp_segment(flow(scene), RCV - 1, SND), VID))
        assert mine(answer)[:6].hex(":") == moved


@pytest.mark.device_can(offloads=OF_FLAT_HOST + 1)
@pytest.mark.parametrize("tci", [0, 0xE000, 4095, 0xFFFF, 0x10000])
def test_a_vid_that_no_vlan_can_have_is_refused(scene: Scene, tci: int) -> None:
    """And with 1 and 4094, the control, both are taken."""
    arp = ProtocolOffload(id=1, ip=LOCAL, mac=scene.host_mac, vlan_tci=tci)
    for add in (lambda: scene.device.add_tcp_slot(replace(slot(scene), vlan_tci=tci)), lambda: scene.device.add_offload(arp)):
        with pytest.raises(DeviceError) as refused:
            add()
        assert refused.value.rc == OffloadRc.BAD_ARG
    assert (scene.device.slots(), [row for row in scene.device.offloads() if row.id == 1]) == ((), [])
    for vid in (1, 4094):
        scene.device.add_tcp_slot(replace(slot(scene), vlan_tci=vid))
    scene.device.add_offload(replace(arp, vlan_tci=4094))
    assert [row.vlan_tci for row in scene.device.slots()] == [1, 4094]


@pytest.mark.parametrize("reserved", [True, False])
def test_a_tagged_slot_captures_from_prepare_on(scene: Scene, reserved: bool) -> None:
    """Between prepare and commit nobody speaks: what comes in the VLAN then wakes at commit, also before the slot is there."""
    device, gate = scene.device, scene.bench.network.gate()
    if reserved:
        device.add_tcp_slot(slot(scene))
    prepared = device.prepare(epoch=device.status().epoch, arm=ARM_ALL, mac=scene.host_mac)
    gate.close()
    data = tcp_segment(flow(scene), RCV, SND, "PA", b"in between")
    send_and_wait(scene, tagged(data, VID + 1), tagged(data, VID))
    try:
        if not reserved:
            device.add_tcp_slot(slot(scene))
        with pytest.raises(DeviceError) as refused:
            device.commit(prepared.epoch)
        assert refused.value.rc == OffloadRc.WAKE_PENDING
        kept = [frame for frame in device.drain(0).frames if b"in between" in frame.data]
        assert [(frame.data, bool(frame.flags & FrameFlag.WAKE)) for frame in kept] == [
            (tagged(data, VID + 1), False),
            (tagged(data, VID), True),
        ]
    finally:
        gate.open()
        device.release()
