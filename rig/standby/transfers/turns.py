"""Whose turn it is: so many requests at a time, High before Default before Low, one at a time of a serial group (BTR-023).

Nobody waits for ever: who has been passed over often enough is next, and apps have their turns in turn. Where more want a place
than there are, a download that can go on later gives its own back after a while.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from rig.standby.transfers.operation import Operation
from rig.standby.wire.transfer_enums import BackgroundTransferBehavior, BackgroundTransferPriority

AT_A_TIME = 200
"""Requests, each with a connection of its own: as many as an app may have transfers (BTR-004), so that none of them waits for the
end of another. They take some 100 KiB each."""
PASSED_OVER = 64
"""Times that one of a higher priority may be before one that waits longer."""

RANK = {
    BackgroundTransferPriority.HIGH: 1,
    BackgroundTransferPriority.DEFAULT: 2,
    BackgroundTransferPriority.LOW: 3,
}


def next_ones(operations: Iterable[Operation], at_a_time: int = AT_A_TIME) -> list[Operation]:
    """Those that begin now, first to last. `operations`: all, in the order in which they were started. Counts whom they pass
    over."""
    everyone = list(operations)
    running = [one for one in everyone if one.work is not None]
    waiting = [one for one in everyone if one.waits]
    busy = {group for one in running if (group := _group(one)) is not None}
    of_package = Counter(one.saved.package for one in running)
    chosen: list[Operation] = []
    while waiting and len(running) + len(chosen) < at_a_time:
        may = [one for one in waiting if _group(one) not in busy]
        if not may:
            break
        one = min(may, key=lambda one: (_rank(one), of_package[one.saved.package]))
        for other in waiting[: waiting.index(one)]:
            other.passed_over += RANK[one.saved.spec.priority] < RANK[other.saved.spec.priority]
        waiting.remove(one)
        one.passed_over = 0
        chosen.append(one)
        of_package[one.saved.package] += 1
        if (group := _group(one)) is not None:
            busy.add(group)
    return chosen


def who_gives_way(operations: Iterable[Operation], now_s: float, turn_s: float, at_a_time: int = AT_A_TIME) -> Operation | None:
    """The one that has had its place for longest, where it has had it long enough and somebody waits for one."""
    everyone = list(operations)
    running = [one for one in everyone if one.work is not None]
    busy = {group for one in running if (group := _group(one)) is not None}
    if len(running) < at_a_time or not any(one.waits and _group(one) not in busy for one in everyone):
        return None
    long = [one for one in running if one.can_go_on_later and now_s >= one.began_s + turn_s]
    return min(long, key=lambda one: one.began_s, default=None)


def _rank(one: Operation) -> int:
    return 0 if one.passed_over >= PASSED_OVER else RANK[one.saved.spec.priority]


def _group(one: Operation) -> tuple[str, str] | None:
    """Where one at a time has its turn; None: it goes with any number of others."""
    spec = one.saved.spec
    serial = spec.group and spec.behavior is BackgroundTransferBehavior.SERIALIZED
    return (one.saved.package, spec.group) if serial else None
