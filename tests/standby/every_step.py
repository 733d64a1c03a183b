"""A life of a host, in virtual time, whose system dies at steps of it: the same life with one death more for each step."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeAlias

from rig.config import StandbyConfig
from tests.standby.mortal_host import MortalHost
from tests.standby.virtual_time import run

HOUR_S = 3600.0
DEFAULTS = StandbyConfig()
Life: TypeAlias = Callable[[MortalHost], Coroutine[Any, Any, None]]
"""Asserts what must be so whatever the system died of."""


def lived(
    life: Life,
    path: Path,
    *deaths: int,
    after: bool = False,
    rules: StandbyConfig = DEFAULTS,
    limit_s: float = HOUR_S,
) -> int:
    """How many steps the last system made. `deaths`: steps of the first system, the second, ... before or after which they die;
    `limit_s` of virtual time: for a call that nobody answers, as timers go on for ever."""

    async def whole() -> int:
        host = MortalHost(path, rules)
        await host.start(deaths, after=after)
        async with asyncio.timeout(limit_s):
            await life(host)
        await host.close()
        assert host.deaths == len(deaths)
        return host.plug.steps

    try:
        return run(whole)
    except BaseException as error:
        error.add_note(f"the system died at {deaths}, {'after' if after else 'before'} the step")
        raise
