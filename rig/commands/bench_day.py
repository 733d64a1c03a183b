"""`rig bench --hours 24`: a day of connected standby on a scaled clock, and nothing may be lost or run for nothing."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rig.benchmarks.core import Progress
    from rig.benchmarks.day import Day

HOURS_A_DAY = 24


def measure_day(device: str, hours: int, say: Progress) -> tuple[dict[str, Any], str, bool]:
    """(figures for `--json`, the table, whether every message arrived once and no task ran for nothing)."""
    from rig.bench import Bench
    from rig.benchmarks.day import config, run
    from rig.benchmarks.scratch import scratch

    with scratch() as folder, Bench(config(device), folder / "day") as bench:
        day = run(bench, hours, lambda hour: say("hours", hour, hours))
    return {"device": device, **asdict(day), "wakes_a_day": _a_day(day)}, table(device, day), day.right


def _a_day(day: Day) -> float:
    return round(sum(day.wakes.values()) * HOURS_A_DAY / day.hours, 1)


def table(device: str, day: Day) -> str:
    from tabulate import tabulate

    rows: list[list[object]] = [
        ["messages pushed", day.pushed],
        ["connections made", day.connections],
        ["peers that died", day.peers_died],
        ["times that the NAT forgot", day.nat_forgot],
        ["messages lost, doubled or out of order", day.lost_or_doubled],
        ["push tasks run for nothing", day.runs_for_nothing],
        *([f"runs of {kind} tasks", count] for kind, count in day.runs.items()),
        *([f"wakes by the device, {reason}", count] for reason, count in day.wakes.items()),
        ["wakes by the device, a day", _a_day(day)],
        ["awake, real ms", round(day.awake_ms)],
        *([f"held awake by {why}, real ms", round(ms)] for why, ms in day.held_ms.items()),
    ]
    headers = [f"{day.hours:g} h of standby, {device}, in {day.wall_s:.0f} s", ""]
    text: str = tabulate(rows, headers=headers, disable_numparse=True)
    right, wrong = "every message once and in order, no run for nothing", "MESSAGES LOST OR DOUBLED, OR RUNS FOR NOTHING"
    return f"{text}\n\n{right if day.right else wrong}"
