"""`rig bench --hours 24 --websockets`: wakes for the keep-alives of WebSocket channels, by the task and by the device."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rig.benchmarks.core import Progress
    from rig.benchmarks.keep_alive_day import KeptAlive


def measure_keep_alive_day(device: str, hours: int, say: Progress) -> tuple[dict[str, Any], str, bool]:
    """(figures for `--json`, the table, whether every channel was alive at the end and had its keep-alives)."""
    from rig.bench import Bench
    from rig.benchmarks.keep_alive_day import WAYS, config, run
    from rig.benchmarks.scratch import scratch

    lived = []
    for way in WAYS:
        with scratch() as folder, Bench(config(device), folder / "day") as bench:
            lived.append(run(bench, way, hours, partial(_hour, say, f"hours, {way.name}", hours)))
    rows = [{**asdict(day), "wakes_a_day": day.wakes_a_day} for day in lived]
    right = all(day.right for day in lived)
    return {"device": device, "hours": hours, "ways": rows}, table(device, lived), right


def _hour(say: Progress, what: str, hours: int, hour: int) -> None:
    say(what, hour, hours)


def table(device: str, lived: list[KeptAlive]) -> str:
    from tabulate import tabulate

    from rig.benchmarks.keep_alive_day import CHANNELS, INTERVAL_MIN

    rows = [
        [day.way, day.wakes_a_day, day.wakes, day.tasks, day.frames, day.fewest_frames, round(day.awake_ms), day.broken]
        for day in lived
    ]
    hours = f"{lived[0].hours:g} h, {CHANNELS} channels, every {INTERVAL_MIN} min, {device}"
    headers = [hours, "wakes a day", "wakes", "tasks", "frames", "fewest on one", "awake, real ms", "broken"]
    text: str = tabulate(rows, headers=headers, disable_numparse=True)
    right = all(day.right for day in lived)
    return f"{text}\n\n{'every channel alive, no keep-alive missed' if right else 'CHANNELS BROKEN, OR KEEP-ALIVES MISSED'}"
