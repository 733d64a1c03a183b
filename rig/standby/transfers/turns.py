"""Whose turn it is: so many requests at a time, High before Default before Low, one at a time of a serial group (BTR-023)."""

from __future__ import annotations

from collections.abc import Iterable

from rig.standby.transfers.operation import Operation
from rig.standby.wire.transfer_enums import BackgroundTransferBehavior, BackgroundTransferPriority

AT_A_TIME = 64
"""Requests, each with a connection of its own."""

RANK = {
    BackgroundTransferPriority.HIGH: 0,
    BackgroundTransferPriority.DEFAULT: 1,
    BackgroundTransferPriority.LOW: 2,
}


def next_ones(operations: Iterable[Operation], at_a_time: int = AT_A_TIME) -> list[Operation]:
    """Those that begin now, first to last. `operations`: all, in the order in which they were started."""
    everyone = list(operations)
    running = [one for one in everyone if one.work is not None]
    waiting = sorted((one for one in everyone if one.waits), key=lambda one: RANK[one.saved.spec.priority])
    chosen: list[Operation] = []
    for one in waiting:
        if len(running) + len(chosen) >= at_a_time:
            break
        if not _stands_in_the_way(one, [*running, *chosen]):
            chosen.append(one)
    return chosen


def _stands_in_the_way(one: Operation, others: list[Operation]) -> bool:
    group = _group(one)
    return group is not None and any(_group(other) == group for other in others)


def _group(one: Operation) -> tuple[str, str] | None:
    """Where one at a time has its turn; None: it goes with any number of others."""
    spec = one.saved.spec
    serial = spec.group and spec.behavior is BackgroundTransferBehavior.SERIALIZED
    return (one.saved.package, spec.group) if serial else None
