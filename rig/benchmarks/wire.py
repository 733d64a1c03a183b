"""The filter of a running device over its own wire: the scene of rig.benchmarks.core (32 bitmap patterns, 16 connections, the
same frames), loaded into the device, with the device's own counters and state for a judge.

    frames a second   what the device took, sorted and counted while its wire carried more and more of them; the highest
    false wakes       near misses in bursts, at a quarter of that rate; after each burst the device must be asleep
    missed wakes      matching frames, one at a time; each must wake, and with the number of its pattern

All that lies between the sender and the counters is in the rate: the switch, the port, the device's own loop.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from rig.benchmarks.core import PATTERN_OFFSET, PATTERNS, FrameKind, Instructions, Progress, Scene, instructions
from rig.clock import Deadline
from rig.device.factory import create
from rig.device.images import kind_of
from rig.device.link import Link
from rig.device.numbers import ARM_ALL, FrameFlag, Power, SlotFlag, WakeReason
from rig.device.offload import OffloadClient
from rig.device.offload_types import Pattern, TcpSlot
from rig.device.prepared import prepared_flash
from rig.device.qemu import QEMU
from rig.device.tcp_slot import ALL_SLOT_FLAGS
from rig.inject.injector import Injector
from rig.net import topology
from rig.net.network import Network

SLOTS = 16
HOST_MAC, PEER_MAC = bytes.fromhex("020000000001"), bytes.fromhex("020000000002")
"""bench_scene.h, as are the slots' numbers."""

RATES_PER_S = (2_500, 5_000, 10_000, 20_000, 40_000, 80_000, 120_000, 160_000, 240_000, 320_000)
LEAD_S, WINDOW_S, REST_S = 0.2, 0.6, 0.3
"""Of each rate: until queues have filled, what is counted, and spare for the device's slow answers."""
BURST = 1000
NEAR_MISSES = 40_000
NEAR_MISSES_S = 20.0
"""At most: a busy machine's device looks at fewer of them."""
WAKES = 320
"""Ten for each pattern."""
EFFECT_S = 2.0
"""A wake takes milliseconds, the rest of a burst some tens."""
SETTLED_S = 0.03
"""The counters stand still: the device looks at frames whenever it has answered, so what is left in a queue moves them."""


@dataclass(frozen=True)
class WireFigures:
    """`near_misses`: those that the device's counters say it looked at; `matching`: those sent."""

    filter_frames_per_s: float
    filter_vs_libpcap_ratio: float
    """Beside libpcap's 32 programs over the same frames in this process, which no wire slows down."""
    missed_wakes: int
    matching: int
    false_wakes: int
    near_misses: int
    m3_instructions_per_frame: Instructions | None
    """None for a device that is no Cortex-M3."""


def run(name: str, progress: Progress, scale: float = 1.0) -> WireFigures:
    """About half a minute on native, a minute on qemu; `scale` shrinks the counts (a test's). Needs namespaces of its own.
    `name`: a kind of device, or KIND:VARIANT."""
    bursts, wakes = max(1, int(NEAR_MISSES * scale) // BURST), max(PATTERNS, int(WAKES * scale))
    with Scene() as scene, _sleeping(name, scene) as device:
        best_per_s = _highest_rate(device, scene, progress)
        false, seen = _near_misses(device, scene, bursts, best_per_s / 4, progress)
        missed = _matching(device, scene, wakes, progress)
        ratio = best_per_s / scene.libpcap_frames_per_s()
    counted = instructions() if kind_of(name) == "qemu" and shutil.which(QEMU) else None
    return WireFigures(round(best_per_s), round(ratio, 3), missed, wakes, false, seen, counted)


class _Device:
    """A device with the scene in it, asleep, and the wire."""

    def __init__(self, client: OffloadClient, inject: Injector) -> None:
        self.client = client
        self.inject = inject

    def load(self, scene: Scene) -> None:
        self.client.attach(1)
        for number in range(SLOTS):
            self.client.add_tcp_slot(_slot(40_000 + number))
        for number in range(PATTERNS):
            data, compared = scene.pattern(number)
            self.client.add_pattern(Pattern.bitmap(number, data, compared, PATTERN_OFFSET))

    def sleep(self) -> None:
        epoch = self.client.status().epoch
        epoch = self.client.prepare(epoch=epoch, arm=ARM_ALL, mac=HOST_MAC).epoch
        self.client.commit(epoch)

    def wake(self) -> None:
        """The host is back, and leaves slots and patterns as they are."""
        self.client.host_awake(self.client.status().epoch)
        self.client.release()

    def received(self) -> int:
        return self.client.counters()["rx_total"]


@contextmanager
def _sleeping(name: str, scene: Scene) -> Iterator[_Device]:
    kind = kind_of(name)
    with ExitStack() as stack:
        network = stack.enter_context(Network(topology.load("flat"), kind))
        network.gate().close()
        eth = network.device.eth if kind == "native" else None
        tap_fd = network.device.tap_fd if kind == "qemu" else None
        made = create(name, eth=eth, tap_fd=tap_fd, flash=prepared_flash(name))
        link = stack.enter_context(Link(stack.enter_context(made).port))
        device = _Device(OffloadClient(link), stack.enter_context(Injector.on(network.server)))
        device.load(scene)
        device.sleep()
        yield device


def _slot(port: int) -> TcpSlot:
    """scene_slot() of bench_scene.h."""
    flags = ALL_SLOT_FLAGS | SlotFlag.KEEP
    windows: dict[str, Any] = {"rcv_wnd": 8192, "rcv_wup": 5000, "snd_wnd": 65_535, "max_snd_wnd": 65_535, "snd_wl1": 0}
    ends: dict[str, Any] = {"local": "192.0.2.1", "remote": "192.0.2.2", "local_mac": HOST_MAC, "next_hop_mac": PEER_MAC}
    numbers: dict[str, Any] = {"snd_una": 1000, "snd_nxt": 1000, "rcv_nxt": 5000, "ka_idle_ms": 3_600_000, "ka_intvl_ms": 60_000}
    return TcpSlot(local_port=port, remote_port=443, flags=flags, **windows, **ends, **numbers)


def _highest_rate(device: _Device, scene: Scene, progress: Progress) -> float:
    """The most frames a second that the device counted, of all RATES_PER_S on its wire."""
    pool = [scene.frame(FrameKind.OTHER, number) for number in range(4096)]
    best_per_s = 0.0
    for step, rate_per_s in enumerate(RATES_PER_S):
        count = int(rate_per_s * (LEAD_S + WINDOW_S + REST_S))
        frames = pool * (count // len(pool) + 1)
        flood = threading.Thread(target=device.inject.burst, args=(frames[:count], 1e6 / rate_per_s), name="flood")
        flood.start()
        try:
            best_per_s = max(best_per_s, _counted_per_s(device))
        finally:
            flood.join()
        progress("filter over the wire", step + 1, len(RATES_PER_S))
    return best_per_s


def _counted_per_s(device: _Device) -> float:
    time.sleep(LEAD_S)
    before, begun_s = device.received(), time.monotonic()
    time.sleep(WINDOW_S)
    after, ended_s = device.received(), time.monotonic()
    return (after - before) / (ended_s - begun_s)


def _near_misses(device: _Device, scene: Scene, bursts: int, rate_per_s: float, progress: Progress) -> tuple[int, int]:
    """(false wakes, near misses looked at)."""
    deadline = Deadline(NEAR_MISSES_S)
    false = seen = 0
    for number in range(bursts):
        frames = [scene.frame(FrameKind.NEAR_MISS, number * BURST + one) for one in range(BURST)]
        before = _looked_at(device)
        device.inject.burst(frames, 1e6 / max(rate_per_s, BURST))
        seen += min(BURST, _settled(device, before + BURST) - before)
        if device.client.status().power is not Power.D3:
            false += 1
            device.wake()
            device.sleep()
        progress("near misses", number + 1, bursts)
        if deadline.expired:
            break
    return false, seen


def _looked_at(device: _Device) -> int:
    """Frames that were looked at and found to wake nobody."""
    return device.client.counters()["rx_dropped_policy"]


def _settled(device: _Device, wanted: int) -> int:
    """As many of them as there are, once they are `wanted`, or no more come."""
    deadline, still = Deadline(EFFECT_S), Deadline(SETTLED_S)
    count = _looked_at(device)
    while count < wanted and not still.expired and not deadline.expired:
        last, count = count, _looked_at(device)
        if count != last:
            still = Deadline(SETTLED_S)
    return count


def _matching(device: _Device, scene: Scene, wakes: int, progress: Progress) -> int:
    """Frames of all patterns in turn that did not wake, or not with their pattern's number."""
    missed = 0
    for number in range(wakes):
        device.inject.send(scene.frame(FrameKind.MATCH, number))
        woke = _woke(device)
        missed += not (woke and _woke_for(device, number % PATTERNS))
        if woke:
            device.wake()
            device.sleep()
        progress("wakes", number + 1, wakes)
    return missed


def _woke(device: _Device) -> bool:
    deadline = Deadline(EFFECT_S)
    while device.client.status().power is Power.D3:
        if deadline.expired:
            return False
    return True


def _woke_for(device: _Device, pattern_id: int) -> bool:
    if device.client.status().last_wake_reason is not WakeReason.PACKET:
        return False
    return [frame.pattern_id for frame in device.client.drain(0).frames if frame.flags & FrameFlag.WAKE] == [pattern_id]
