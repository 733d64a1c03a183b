"""What the figures of `rig bench` should be, and whether they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rig.device.images import kind_of

if TYPE_CHECKING:
    from rig.benchmarks.core import CoreFigures, Instructions
    from rig.benchmarks.device import DeviceFigures
    from rig.benchmarks.sockets import SocketFigures
    from rig.benchmarks.stats import Summary
    from rig.benchmarks.tasks import Crowd
    from rig.benchmarks.transfers import LargeFile, Many

MEDIANS_MS = {"wake_latency_ms": 3.0, "standby_entry_ms": 100.0, "ownerless_ms": 100.0}
"""At most. ownerless: half of Linux's shortest retransmission timeout, so that a peer repeats nothing."""
WAKE_TO_FLOOR = {"native": 8.0, "qemu": 15.0}
"""Machines differ by half: how many times the least that a wake can cost on this one."""
WAKE_BUSY_TO_IDLE = 1.3
ENTRY_16_MS = {"native": 60.0, "qemu": 200.0}
SET_UP_S = {"native": 1.5, "qemu": 3.0}
TASK_START_MS = {"out of process": 5.0, "in process": 2.0}
TRANSPORT_MORE_MS = 0.5
PUSH_TO_RUN_MS = {"native": 10.0, "qemu": 30.0}
"""Median, of a host that sleeps. That of QEMU is three times as long, as its wake is."""
RATE_TO_CURL, TRANSFERS_MIB, WAKE_WITH_TRANSFERS = 0.8, 100.0, 1.5
LONGEST_WAIT = 0.5
"""Of the time that 200 transfers of one size take, each with a connection of its own: whoever waits for the end of others has
more of it. Measured beside eight busy users of two processors: 0.13 to 0.22."""
SYSTEM_MIB, IDLE_CPU_PERCENT = 100.0, 1.0
"""Of a host with 50 apps and 200 registrations."""
SOCKET_ACTIVATION_MS, SOCKETS_MIB, SOCKETS_RESTART_MS = 5.0, 200.0, 5000.0
"""Of 10,000 sockets with the broker: the median of each kind of activation, and the system's memory with them. A new system takes
them up before an app gives up a call."""
SOCKETS_TO_ALONE = 1.5
"""How many times the activation of a socket that is alone, on the same machine in the same run."""
FLASH_LINE_EFFICIENCY = 0.9
JITTER_IDLE_MS, JITTER_LOADED_MS = 2.0, 10.0
LIBPCAP_RATIO = 4.0
M3_INSTRUCTIONS_MEDIAN, M3_INSTRUCTIONS_WORST = 600, 2000
"""For one frame that wakes nobody."""
FLASH_BYTES, RAM_BYTES = 65_536, 131_072


@dataclass(frozen=True)
class Bound:
    """One figure beside what is wanted of it. `name` is its key of `--json`, with `.p50` and the like where it has several."""

    name: str
    measured: float
    limit: float
    at_least: bool = False

    @property
    def met(self) -> bool:
        return self.measured >= self.limit if self.at_least else self.measured <= self.limit

    @property
    def wanted(self) -> str:
        """In words: "at most 3"; a count of wrong things is wanted to be "0"."""
        if self.limit == 0:
            return "0"
        return f"at {'least' if self.at_least else 'most'} {self.limit:,g}"

    def as_json(self) -> dict[str, Any]:
        return {"measured": round(self.measured, 4), "at_least" if self.at_least else "at_most": self.limit, "met": self.met}


def of_device(f: DeviceFigures) -> list[Bound]:
    """The bounds of `rig bench --device native|qemu`."""
    kind = kind_of(f.device)
    medians = {**MEDIANS_MS, "standby_entry_16_ms": ENTRY_16_MS[kind], "bench_setup_s": SET_UP_S[kind]}
    return [
        *(Bound(f"{name}.p50", getattr(f, name).p50, limit) for name, limit in medians.items()),
        Bound("wake_latency_to_floor", f.wake_latency_to_floor, WAKE_TO_FLOOR[kind]),
        Bound("wake_busy_to_idle", f.wake_busy_to_idle, WAKE_BUSY_TO_IDLE),
        Bound("flash_line_efficiency", f.flash_line_efficiency, FLASH_LINE_EFFICIENCY, at_least=True),
        Bound("keepalive_jitter_ms.p999", f.jitter.idle_ms.p999, JITTER_IDLE_MS),
        Bound("keepalive_jitter_ms.loaded.p999", f.jitter.loaded_ms.p999, JITTER_LOADED_MS),
        Bound("missed_wakes", f.wire.missed_wakes, 0),
        Bound("false_wakes", f.false_wakes, 0),
        *sizes(f.flash_bytes, f.ram_bytes),
    ]


def of_core(f: CoreFigures) -> list[Bound]:
    """The bounds of `rig bench --device core`."""
    zeros = ("missed_wakes", "false_wakes", "judged_differently", "leaking_cycles")
    return [
        *(Bound(name, getattr(f, name), 0) for name in zeros),
        Bound("filter_vs_libpcap_ratio", f.filter_vs_libpcap_ratio, LIBPCAP_RATIO, at_least=True),
        *instructions(f.m3_instructions_per_frame),
        *sizes(f.flash_bytes, f.ram_bytes),
    ]


def instructions(counted: Instructions | None) -> list[Bound]:
    """Of a frame on the Cortex-M3; none without QEMU, which counts them."""
    if counted is None:
        return []
    return [
        Bound("m3_instructions_per_frame.median", counted.median, M3_INSTRUCTIONS_MEDIAN),
        Bound("m3_instructions_per_frame.worst", counted.worst, M3_INSTRUCTIONS_WORST),
    ]


def of_tasks(out_of_process: Summary, in_process: Summary, crowd: Crowd) -> list[Bound]:
    """The bounds of `rig bench --tasks`."""
    return [
        Bound("task_start_out_of_process_ms.p50", out_of_process.p50, TASK_START_MS["out of process"]),
        Bound("task_start_in_process_ms.p50", in_process.p50, TASK_START_MS["in process"]),
        Bound("system_mib", crowd.system_mib, SYSTEM_MIB),
        Bound("idle_cpu_percent", crowd.idle_cpu_percent, IDLE_CPU_PERCENT),
    ]


def of_sockets(out_of_process: Summary, in_process: Summary, alone: Mapping[bool, Summary], f: SocketFigures) -> list[Bound]:
    """The bounds of `rig bench --sockets`."""
    return [
        Bound("socket_activation_out_of_process_ms.p50", out_of_process.p50, SOCKET_ACTIVATION_MS),
        Bound("socket_activation_in_process_ms.p50", in_process.p50, SOCKET_ACTIVATION_MS),
        Bound("socket_activation_to_alone_out_of_process", out_of_process.p50 / alone[True].p50, SOCKETS_TO_ALONE),
        Bound("socket_activation_to_alone_in_process", in_process.p50 / alone[False].p50, SOCKETS_TO_ALONE),
        Bound("system_mib", f.system_mib, SOCKETS_MIB),
        Bound("system_restart_ms", f.restart_ms, SOCKETS_RESTART_MS),
    ]


def of_transports(medians_ms: dict[str, float]) -> list[Bound]:
    """The bounds of `rig bench --transports`: of all but the plain one, how much longer they take."""
    (_, plain_ms), *others = medians_ms.items()
    return [Bound(f"{name}_more", ms - plain_ms, TRANSPORT_MORE_MS) for name, ms in others]


def of_push(times: Mapping[str, Summary], device: str) -> list[Bound]:
    """The bounds of `rig bench --push`."""
    return [
        Bound(f"push_to_run_{where}_ms.p50", summary.p50, PUSH_TO_RUN_MS[kind_of(device)]) for where, summary in times.items()
    ]


def of_transfers(large: LargeFile, times: Mapping[str, Summary], many: Many) -> list[Bound]:
    """The bounds of `rig bench --transfers`."""
    idle = times["idle_ms"].p50
    return [
        Bound("rate_to_curl", large.to_curl, RATE_TO_CURL, at_least=True),
        Bound("transfers_peak_mib", large.peak_mib, TRANSFERS_MIB),
        Bound("push_to_run_resting_to_idle", times["resting_ms"].p50 / idle, WAKE_WITH_TRANSFERS),
        Bound("push_to_run_busy_to_idle", times["busy_ms"].p50 / idle, WAKE_WITH_TRANSFERS),
        Bound("at_once_not_whole", many.count - many.whole, 0),
        Bound("longest_wait_to_all", many.longest_wait_s / many.took_s, LONGEST_WAIT),
    ]


def sizes(flash_bytes: int, ram_bytes: int) -> list[Bound]:
    """Of the Cortex-M3 build; where it was not built there is nothing to say."""
    sizes = (Bound("flash_bytes", flash_bytes, FLASH_BYTES), Bound("ram_bytes", ram_bytes, RAM_BYTES))
    return [size for size in sizes if size.measured > 0]


def as_json(bounds: Sequence[Bound]) -> dict[str, Any]:
    return {"bounds": {bound.name: bound.as_json() for bound in bounds}, "bounds_met": all(bound.met for bound in bounds)}
