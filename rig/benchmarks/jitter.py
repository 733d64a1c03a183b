"""Keep-alive jitter of 16 slots: how far from its due time each keep-alive is on the wire, by the kernel's stamps at the
device's port of the switch (edge cases 17 and 105).

A keep-alive is due one interval after the peer was heard of, which is its answer to the one before; without an answer one
interval after that one itself (both intervals are the same here). So what counts is the device's own rule, and every way
from the switch to the device and back is in the figure. The first keep-alive of a slot has no such moment and is left out.

The slots' due times are spread over the interval: see `_spread`.

The loaded wire carries frames of least size for other stations, at the highest rate of which the device still receives
RECEIVED_SHARE: it is looked for first, in steps. The sender is one thread of this program, and may be the limit itself.
"""

from __future__ import annotations

import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rig.bench import Bench
from rig.benchmarks.apps import CHAT_APP
from rig.benchmarks.lateness import lateness_ms
from rig.benchmarks.real_time import real_time
from rig.benchmarks.stats import Summary
from rig.clock import Clock, Deadline
from rig.config import BenchConfig, StandbyConfig
from rig.device.bpf import compile_filter
from rig.errors import BenchError
from rig.inject.frames import ETHERNET_BYTES, MIN_FRAME_BYTES
from rig.mac import mac_bytes
from rig.net import links
from rig.net.capture import Capture, CapturedFrame

SLOTS = 16
INTERVAL_MINUTES = 2
MINUTE_US = 50_000
IDLE_MS = INTERVAL_MINUTES * 60_000
"""What the device is told; its clock is the bench's."""
INTERVAL_MS = INTERVAL_MINUTES * MINUTE_US / 1000
PROBES = 9
"""In a row without an answer: a full wire loses answers, which is not what is measured."""
MEASURE_S = 20.0
FOREIGN = 1000
"""Different frames of other stations."""
RATES_PER_S = (1_000, 2_000, 5_000, 10_000, 15_000, 20_000, 30_000, 40_000, 60_000, 80_000, 100_000, 125_000, 150_000)
STEP_S, TRIES = 0.4, 2
RECEIVED_SHARE = 0.99
KEPT_UP_SHARE = 0.9
"""Of a rate that the sender must reach for the step to count."""
QUIETER = "run the benchmark on a machine that does nothing else"
EXPERIMENTAL = b"\x88\xb5"
"""An EtherType for experiments (IEEE 802)."""
IPV4_BYTES = 20


@dataclass(frozen=True)
class Jitter:
    """`*_ms`: deviation from the due time; `machine_*_ms`: of a sleeping process beside it, at the same time."""

    idle_ms: Summary
    loaded_ms: Summary
    loaded_frames_per_s: float
    """Of other stations, counted by the device during the measurement."""
    machine_idle_ms: Summary
    machine_loaded_ms: Summary
    wakes: int
    """Of the host: there was nothing to wake for."""
    in_real_time: bool
    """The device and the process beside it went before all others: only what kernel and hypervisor add is left."""

    def as_json(self) -> dict[str, Any]:
        """The idle wire's figures, those of the loaded one, and what the machine added in each."""
        loaded = self.loaded_ms.as_json_with_tail() | {"frames_per_s": round(self.loaded_frames_per_s)}
        machine = {"idle": self.machine_idle_ms.as_json_with_tail(), "loaded": self.machine_loaded_ms.as_json_with_tail()}
        return self.idle_ms.as_json_with_tail() | {"loaded": loaded, "machine": machine, "in_real_time": self.in_real_time}


def config(kind: str) -> BenchConfig:
    """The bench that `run` needs."""
    standby = StandbyConfig(
        hw_slots_total=SLOTS,
        hw_slots_per_app=SLOTS,
        network_ka_initial_min=INTERVAL_MINUTES,
        network_ka_retry_min=INTERVAL_MINUTES,
        network_ka_probes=PROBES,
    )
    return BenchConfig(device=kind, clock=Clock(MINUTE_US), standby=standby)


def run(bench: Bench, folder: Path, progress: Callable[[int, int], None]) -> Jitter:
    """Measure on a fresh bench of `config`; the TCP frames of both measurements are kept in `folder`/keep-alives.pcapng."""
    bench.network.server.run(partial(links.set_sysctl, "net/ipv4/tcp_invalid_ratelimit", 0))  # it answers every keep-alive
    app = bench.host.start_app("chat", CHAT_APP)
    for number in range(SLOTS):
        app.call("open_channel", channel=f"channel-{number}", minutes=1439, host=bench.server.address, port=bench.server.port)
    bench.capture.close()  # it would take the processor from the device to keep frames that nobody asks for
    with (
        real_time(bench.microcontroller.pid) as in_real_time,
        bench.network.capture(folder / "keep-alives.pcapng", compile_filter("tcp"), background=False) as capture,
    ):
        asleep = bench.host.enter_standby()
        _spread(bench)
        progress(1, 4)
        idle_ms, machine_idle_ms = _measure(bench, capture, in_real_time)
        progress(2, 4)
        rate_per_s = _highest_rate(bench)
        progress(3, 4)
        before, begun_s = _received(bench), time.monotonic()
        with _flooded(bench, rate_per_s):
            loaded_ms, machine_loaded_ms = _measure(bench, capture, in_real_time)
        received_per_s = (_received(bench) - before) / (time.monotonic() - begun_s)
        progress(4, 4)
        _must_be_whole(capture)
    wakes = len(bench.timeline.find("NIC_WAKE", after=asleep.seq))
    summaries = [Summary.of(values) for values in (idle_ms, loaded_ms)]
    machine = [Summary.of(values) for values in (machine_idle_ms, machine_loaded_ms)]
    return Jitter(summaries[0], summaries[1], received_per_s, machine[0], machine[1], wakes, in_real_time)


def _spread(bench: Bench) -> None:
    """The slots' due times over the whole interval, as connections have them that came one by one.

    Bunched, one delay of the machine would be in the keep-alives of all slots, and a percentile of them that of a few bursts.
    """
    slots = bench.device.slots()
    for slot in slots:
        bench.device.update_tcp_slot(slot.ref, ka_idle_ms=10 * IDLE_MS)
    begun_s = time.monotonic() + 2 * INTERVAL_MS / 1e3
    for number, slot in enumerate(slots):
        time.sleep(max(0.0, begun_s + number * INTERVAL_MS / 1e3 / SLOTS - time.monotonic()))
        bench.device.update_tcp_slot(slot.ref, ka_idle_ms=IDLE_MS)  # long over: due now


def _must_be_whole(capture: Capture) -> None:
    """Raises BenchError RIG-B07: a keep-alive that was not seen would be a wrong figure of the next one."""
    if any(capture.dropped.values()):
        raise BenchError("RIG-B07", f"the capture lost frames: {capture.dropped}", QUIETER)


def _measure(bench: Bench, capture: Capture, in_real_time: bool) -> tuple[list[float], list[float]]:
    """Deviations of the keep-alives of MEASURE_S, and the lateness of a process beside them, ms."""
    port = bench.network.ports[-1]
    mark = capture.mark(port)
    machine_ms = lateness_ms(MEASURE_S, in_real_time=in_real_time)
    host_mac = mac_bytes(bench.network.topology.host.mac)
    return deviations_ms(capture.frames(port, after=mark), host_mac), machine_ms


def deviations_ms(frames: Iterable[CapturedFrame], host_mac: bytes) -> list[float]:
    """Of each keep-alive but a slot's first. `frames`: IPv4 TCP without options in the IP header, both ways, by time."""
    due_ns: dict[int, int] = {}
    deviations = []
    for frame in frames:
        ours = frame.data[6:12] == host_mac
        local_port = _ports(frame.data)[0 if ours else 1]
        if ours and local_port in due_ns:
            deviations.append(abs(frame.t_ns - due_ns[local_port]) / 1e6)
        if ours or local_port in due_ns:
            due_ns[local_port] = frame.t_ns + round(INTERVAL_MS * 1e6)
    return deviations


def _ports(frame: bytes) -> tuple[int, int]:
    source, destination = struct.unpack_from("!HH", frame, ETHERNET_BYTES + IPV4_BYTES)
    return source, destination


def _highest_rate(bench: Bench) -> float:
    """Frames a second, of the RATES_PER_S, of which the device receives RECEIVED_SHARE. Raises BenchError RIG-B08."""
    best = 0.0
    for rate_per_s in RATES_PER_S:
        taken = max(_taken(bench, rate_per_s) for _ in range(TRIES))
        if not taken:
            break
        best = taken
    if not best:
        raise BenchError("RIG-B08", f"sender and device did not keep up with {RATES_PER_S[0]} frames/s", QUIETER)
    return best


def _taken(bench: Bench, rate_per_s: int) -> float:
    """The rate that was really sent and received; 0 when the sender or the device did not keep up."""
    before = _received(bench)
    begun_s = time.monotonic()
    sent = len(bench.inject.burst(_foreign(int(rate_per_s * STEP_S)), 1e6 / rate_per_s))
    sent_per_s = sent / (time.monotonic() - begun_s)
    received = _received(bench) - before
    return sent_per_s if received >= RECEIVED_SHARE * sent and sent_per_s >= KEPT_UP_SHARE * rate_per_s else 0.0


def _received(bench: Bench) -> int:
    """Foreign frames that the device counted, once it has no more to count."""
    deadline = Deadline(5)
    last = -1
    while (count := bench.device.counters()["rx_not_us"]) != last and not deadline.expired:
        last = count
    return count


def _foreign(count: int) -> list[bytes]:
    frames = [
        (bytes([2, 0, 0, 0, 9, n % 250]) + b"\x02\0\0\0\x0a\0" + EXPERIMENTAL).ljust(MIN_FRAME_BYTES, b"f")
        for n in range(min(count, FOREIGN))
    ]
    return [frames[n % len(frames)] for n in range(count)]


@contextmanager
def _flooded(bench: Bench, rate_per_s: float) -> Iterator[None]:
    """A wire full of other stations' frames while the block runs."""
    stop = threading.Event()
    flood = threading.Thread(target=_flood, args=(bench, rate_per_s, stop), name="flood")
    flood.start()
    try:
        yield
    finally:
        stop.set()
        flood.join()


def _flood(bench: Bench, rate_per_s: float, stop: threading.Event) -> None:
    """Until told to stop, and never longer than the measurement lasts three times."""
    deadline = Deadline(3 * MEASURE_S)
    frames = _foreign(max(1, int(rate_per_s * STEP_S)))
    while not stop.is_set() and not deadline.expired:
        bench.inject.burst(frames, 1e6 / rate_per_s)
