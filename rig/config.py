"""bench.toml: what a bench is made of and the numbers that nobody documents.

    [bench]                 [clock]                      [standby]
    device = "native"       minute_us = 50000            hw_slots_total = 4
    topology = "flat"                                    ...

Every key is optional. A wrong one is refused with file, line and key before anything starts.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from rig.clock import Clock
from rig.toml_checks import TomlFile

RANGES = {
    "lease_min": range(1, 1441),
    "baudrate": range(50, 12_000_001),
    "hw_slots_total": range(256),
    "hw_slots_per_app": range(256),
    "sw_slots_per_app": range(256),
    "network_ka_initial_min": range(1, 1441),
    "network_ka_step_min": range(1441),
    "network_ka_floor_min": range(1, 1441),
    "network_ka_probes": range(1, 256),
    "linger_ms": range(60_001),
    "background_apps": range(256),
    "broker_sockets_per_app": range(1_000_000),
    "cpu_quota_min": range(1, 1441),
    "cpu_quota_lock_screen_min": range(1, 1441),
    "network_quota_kb": range(1_000_000_000),
    "network_quota_lock_screen_kb": range(1_000_000_000),
    "memory_limit_mb": range(1 << 20),
}
"""A lease: the device allows 24 hours (firmware/core/lease.c). Slots and probes: a byte each on the line."""
LONGEST_S = {
    "wall_clock_s": 86_400,
    "app_trigger_wall_s": 86_400,
    "device_use_wall_s": 86_400,
    "device_servicing_wall_s": 86_400,
    "idle_task_s": 86_400,
    "cancel_grace_s": 3600,
    "suspend_deadline_s": 3600,
    "cpu_quota_s": 86_400,
    "cpu_quota_lock_screen_s": 86_400,
}
"""Of limits in seconds: a day of real time is longer than any run of the rig."""
UNITS = {"lease_min": " minutes", "baudrate": " bit/s", "linger_ms": " ms", "memory_limit_mb": " MiB"}
RESET_LINES = ("none", "dtr", "rts")
CHOICES = {
    "profile": ("win10", "win8"),
    "family": ("desktop", "phone"),
    "app_runtime": ("native", "javascript"),
    "socket_id_twice": ("refuse", "replace"),
    "transfer_groups": ("app", "system"),
}
BENCH_KEYS = ("device", "topology", "port", "nic", "nic_force", "baudrate", "reset_line", "requirements")
DEVICE_KINDS = ("native", "qemu", "reference", "board")

PROXY = re.compile(r"|http://(?:[\w.-]+|\[[0-9A-Fa-f:.]+\]):\d{1,5}")
"""Or none."""


@dataclass(frozen=True)
class SlotLimits:
    """Nobody documents these numbers: configuration."""

    aoac: bool = True
    """The platform supports connected standby."""
    hw_slots_total: int = 4
    hw_slots_per_app: int = 2
    sw_slots_per_app: int = 4


@dataclass(frozen=True)
class StandbyConfig:
    """The host's side. Plain numbers only: it crosses to the service process as a CBOR map."""

    aoac: bool = True
    """The platform supports connected standby."""
    profile: str = "win10"
    """Or "win8": the lock screen gates channels and some triggers, and quotas of processor and network apply."""
    family: str = "desktop"
    """Or "phone", which has no control channels (CCT-007)."""
    app_runtime: str = "native"
    """Of every app's code; "javascript" has no control channels (CCT-007)."""
    hw_slots_total: int = 4
    hw_slots_per_app: int = 2
    sw_slots_per_app: int = 4
    network_ka_initial_min: int = 15
    network_ka_step_min: int = 1
    network_ka_floor_min: int = 1
    network_ka_retry_min: float = 1.0
    """Between unanswered keep-alives."""
    network_ka_probes: int = 3
    """Unanswered keep-alives that end a connection."""
    no_slot_fails_connect: bool = True
    """No free hardware slot: connect raises; false: wait_for_push_enabled returns POLICY_ERROR (CCT-020)."""
    lease_min: int = 1440
    """The device takes the host for dead when it has not heard of it for so long, 1 to 1440 minutes; a sleep of nine tenths of it
    is interrupted to renew it. Sleep proxies use 120; the longest is the default, as hours are short on a bench's clock."""
    learn_next_hop: bool = True
    """The device follows a next hop that announces another MAC; false: its silence wakes the host."""
    linger_ms: int = 20
    """In connected standby: real time without work after which the host sleeps again."""

    wall_clock_s: float = 30.0
    """Real time that a run of a background task may take; then it is cancelled (BGT-025)."""
    app_trigger_wall_s: float = 600.0
    """The same for an application trigger's (APT-008)."""
    device_use_wall_s: float = 600.0
    device_servicing_wall_s: float = 1800.0
    idle_task_s: float = 120.0
    """Real time without use of the processor after which a run is idle, and cancelled (BGT-034)."""
    cancel_grace_s: float = 5.0
    """Real time from a cancellation to the end of the process whose run has not ended."""
    suspend_deadline_s: float = 5.0
    """Real time that an app which is asked before it is stopped has for its handlers and deferrals."""
    memory_limit_mb: int = 0
    """What a task with a process of its own may allocate there (BGT-029); 0: as much as it likes."""
    cpu_quota_s: float = 1.0
    """With the profile "win8": processor time that all background tasks of an app have together (BGT-026) ..."""
    cpu_quota_min: int = 120
    """... in so many minutes;"""
    cpu_quota_lock_screen_s: float = 2.0
    """the same of an app on the lock screen ..."""
    cpu_quota_lock_screen_min: int = 15
    """... in so many minutes."""
    network_quota_kb: int = 7_500
    """With the profile "win8", on battery: kilobytes a day of those tasks, the figure for a link of 10 Mbit/s (BGT-027)."""
    network_quota_lock_screen_kb: int = 45_000
    """The same of an app on the lock screen."""
    background_apps: int = 0
    """Apps that a device of little memory lets run in the background; 0: all that ask (BGT-003)."""

    broker_sockets_per_app: int = 0
    """Sockets that an app may have with the broker at a time; 0: as many as it likes."""
    socket_id_twice: str = "refuse"
    """A socket under an id that another one of the app has; or "replace", which closes that one (SAT-012)."""
    strict_wake_kinds: bool = False
    """Listeners and datagram sockets that are enabled with Wake cannot be bound (SAT-005)."""
    wake_listeners_and_datagrams: bool = False
    """An extension of this rig, which no Windows has: brokered listeners and datagram sockets with Wake are patterns of the
    device, a SYN or a datagram to their port."""

    strict_transfer_queue: bool = False
    """An app's 201st background transfer is refused, and leaves a QUEUE_CORRUPT record (BTR-004)."""
    transfer_groups: str = "app"
    """Fifty groups of background transfers are for each app; or for the whole "system", as in Windows 8.1 (B-25)."""
    transfers_hold_awake: bool = True
    """On external power a background transfer that runs keeps the host awake."""
    transfer_proxy: str = ""
    """HTTP proxy of background transfers, such as "http://192.0.2.20:3128"; "" for none (BTR-006)."""

    @property
    def has_channels(self) -> bool:
        return self.family != "phone" and self.app_runtime != "javascript"

    def limits(self) -> SlotLimits:
        return SlotLimits(self.aoac, self.hw_slots_total, self.hw_slots_per_app, self.sw_slots_per_app)


@dataclass(frozen=True)
class BenchConfig:
    """One bench. `port` is the serial port of a board, `nic` this machine's interface that the board's Ethernet is wired to."""

    device: str = "native"
    topology: str = "flat"
    port: str = ""
    nic: str = ""
    nic_force: bool = False
    """Take `nic` although it has an address, a route, a login: it is back as it was when the bench ends."""
    baudrate: int = 115200
    reset_line: Literal["none", "dtr", "rts"] = "none"
    """The modem line of `port` that is wired to the board's reset."""
    requirements: str = ""
    """A file of requirements of the user's own, for tests of theirs."""
    clock: Clock = field(default_factory=Clock)
    standby: StandbyConfig = field(default_factory=StandbyConfig)


def load(path: Path) -> BenchConfig:
    """Read a bench.toml. Raises UsageError RIG-C01 that names line and key."""
    file = TomlFile(path, form="rig help bench.toml")
    file.only(file.content, "", ("bench", "clock", "standby"))
    bench = _section(file, "bench", BenchConfig, BENCH_KEYS)
    clock = _section(file, "clock", Clock, ("minute_us",))
    standby = _section(file, "standby", StandbyConfig, tuple(f.name for f in fields(StandbyConfig)))
    for key, value in (*bench.items(), *standby.items()):
        if key in RANGES and value not in RANGES[key]:
            section_name = "standby" if key in standby else "bench"
            low, high = RANGES[key][0], RANGES[key][-1]
            file.refuse(f"{section_name}.{key}", value, f"{low} to {high}{UNITS.get(key, '')}")
    for key, most in LONGEST_S.items():
        if standby.get(key, 0) > most:
            file.refuse(f"standby.{key}", standby[key], f"above 0, at most {most} s")
    if not PROXY.fullmatch(standby.get("transfer_proxy", "")):
        file.refuse("standby.transfer_proxy", standby["transfer_proxy"], 'a proxy and its port, such as "http://192.0.2.20:3128"')
    for key, choices in CHOICES.items():
        if standby.get(key, choices[0]) not in choices:
            file.refuse(f"standby.{key}", standby[key], f"one of {', '.join(choices)}")
    kind, _, variant = bench.get("device", "native").partition(":")
    if kind not in DEVICE_KINDS or (kind == "board" and variant):  # its port has a key of its own
        file.refuse("bench.device", bench["device"], f"one of {', '.join(DEVICE_KINDS)}, or native or qemu with a variant")
    if bench.get("reset_line", "none") not in RESET_LINES:
        file.refuse("bench.reset_line", bench["reset_line"], f"one of {', '.join(RESET_LINES)}")
    if bench.get("device") == "board" and not bench.get("port"):
        file.refuse("bench.port", bench.get("port", ""), 'the board\'s serial port, e.g. "/dev/ttyUSB0"')
    if bench.get("device") == "board" and not bench.get("nic"):
        file.refuse("bench.nic", bench.get("nic", ""), "this machine's interface that the board's Ethernet is wired to")
    try:
        scaled = Clock(**clock)
    except ValueError as error:
        raise file.error("clock.minute_us", str(error)) from None
    for key in ("topology", "requirements"):
        if key in bench:
            bench[key] = _from_file(path, bench[key])
    return BenchConfig(**bench, clock=scaled, standby=StandbyConfig(**standby))


def _from_file(path: Path, value: str) -> str:
    """A path in the file is taken from the file's folder, wherever the rig runs; a name, such as "flat", is none."""
    given = Path(value)
    is_path = given.suffix == ".toml" or given.parent != Path()
    return str(path.parent / given) if value and is_path else value


def _section(file: TomlFile, name: str, cls: type, allowed: tuple[str, ...]) -> dict[str, Any]:
    section = file.table(file.content, name, {})
    file.only(section, name, allowed)
    defaults = {f.name: f.default for f in fields(cls)}
    for key, value in section.items():
        if expected := _expected(value, defaults[key]):
            file.refuse(f"{name}.{key}", value, expected)
    return dict(section)


def _expected(value: object, default: object) -> str:
    """What a value of `default`'s type would be; "" when it is one."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if isinstance(default, bool):
        return "" if isinstance(value, bool) else "true or false"
    if isinstance(default, str):
        return "" if isinstance(value, str) and "\0" not in value else "a string"  # no name of the system has a NUL
    if isinstance(default, float):
        return "" if number and 0 < value < math.inf else f"a number above 0, e.g. {default}"  # type: ignore[operator]
    return "" if number and isinstance(value, int) and value >= 0 else f"a whole number, e.g. {default}"
