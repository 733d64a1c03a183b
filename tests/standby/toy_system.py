"""A supervisor in a process of its own, with a toy in the place of the system.

python toy_system.py TOY NEWS_FD BENCH_FD OUT_FILE
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path

from rig.process import adopt_orphans, die_with_parent
from rig.standby.supervisor.supervisor import Programs, Supervisor
from rig.standby.system.supervisor_process import SupervisorProcess as Above
from rig.standby.system.transfers.transfer_process import TransferProcess
from rig.standby.wire import transfers as transfer_messages
from rig.standby.wire.faults import Refused
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.line import Line
from rig.standby.wire.refusing import refuse_all
from rig.standby.wire.supervision import AppBirth, HostBirth, Inheritance


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def stores(given: Inheritance, out: int) -> None:
    """The first puts three descriptors and takes one back, the second says what it finds."""
    above = Above(given, on_gone=print, on_fault=print)
    if given.incarnation == 1:
        for name in ("one", "two", "three"):
            reads, writes = os.pipe()
            os.write(writes, name.encode())
            await above.put(name, reads)
        replaced, writes = os.pipe()
        os.write(writes, b"another")
        await above.put("two", replaced)
        above.remove("three")
        die()
    found = {name: os.read(fd, 100).decode() for name, fd in sorted(given.store.items())}
    os.write(out, f"{given.incarnation} {found}\n".encode())


async def hopeless(given: Inheritance, out: int) -> None:
    os.write(out, f"{given.incarnation}\n".encode())
    die()


async def serves(given: Inheritance, out: int) -> None:
    """Dies twenty times, and each time it had served before."""
    Above(given, on_gone=print, on_fault=print).serving()
    if given.incarnation <= 20:
        die()
    os.write(out, f"{given.incarnation}\n".encode())


async def leaves_children(given: Inheritance, out: int) -> None:
    """Processes that it has started end with it."""
    if given.incarnation == 1:
        pid = os.fork()
        if pid == 0:
            os.setsid()
            signal.pause()
        os.write(out, f"{pid} ".encode())
        die()
    os.write(out, b"%d\n" % given.incarnation)


async def waits_for_drivers_that_die(given: Inheritance, out: int) -> None:
    signal.pause()


async def waits_for_drivers_that_are_ended(given: Inheritance, out: int) -> None:
    """Until there have been twenty, or one more by now."""
    while os.fstat(out).st_size < 20 * len(DRIVER):
        await asyncio.sleep(0.001)


async def asks_for_transfers(given: Inheritance, out: int) -> None:
    """What it asked for is answered by somebody, whatever they die of; a system that comes after it asks the same."""
    line: Line[transfer_messages.FromTransfers] = Line(
        socket.socket(fileno=given.companions["transfers"]), transfer_messages.FromTransfers
    )
    process = TransferProcess(line, given.incarnation, store=Path("/"), on_fault=print)
    try:
        await process.call(transfer_messages.Discard("mail"))
    except HostError as refused:
        os.write(out, f"{given.incarnation} {refused.text}\n".encode())
    if given.incarnation < 3:
        die()


async def asks_for_nothing(given: Inheritance, out: int) -> None:
    pass


Toy = Callable[[Inheritance, int], Coroutine[None, None, None]]
TOYS: dict[str, Toy] = {
    toy.__name__: toy
    for toy in (
        stores, hopeless, serves, leaves_children, waits_for_drivers_that_die, waits_for_drivers_that_are_ended,
        asks_for_transfers, asks_for_nothing,
    )
}  # fmt: skip
DRIVER = b"driver\n"
"""What one of those beside the system says."""


def no_task_host(line_fd: int, path: list[str]) -> None:
    raise AssertionError("no task runs here")


def no_app(birth: AppBirth) -> None:
    raise AssertionError("no app is started here")


def idle(out: str) -> None:
    signal.pause()


def dies(out: str) -> None:
    with open(out, "ab") as file:  # noqa: PTH123
        file.write(DRIVER)
    os._exit(1)


def is_ended(out: str) -> None:
    with open(out, "ab") as file:  # noqa: PTH123
        file.write(DRIVER)
        ends = os.fstat(file.fileno()).st_size
    os.kill(os.getpid(), (signal.SIGKILL, signal.SIGTERM)[ends % 2])


DRIVERS = {"waits_for_drivers_that_die": dies, "waits_for_drivers_that_are_ended": is_ended}
TRANSFERS = {"asks_for_transfers": dies, "asks_for_nothing": dies}


def main(toy: str, news_fd: str, bench_fd: str, out: str) -> None:
    adopt_orphans()  # as process 1 of a PID namespace does
    network = os.open("/proc/self/ns/net", os.O_RDONLY)
    timeline = os.open("/dev/null", os.O_WRONLY)
    birth = HostBirth(int(bench_fd), int(news_fd), timeline, network, system=b"", driver=b"")

    supervisor = os.getpid()  # that may be gone before what it has forked comes to its first line

    def system(config: bytes, given: Inheritance) -> None:
        die_with_parent(supervisor)
        appends = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        asyncio.run(TOYS[toy](given, appends))

    def driver(config: bytes, line_fd: int, journal_fd: int) -> None:
        die_with_parent(supervisor)
        DRIVERS.get(toy, idle)(out)

    def transfers(config: bytes, line_fd: int, why: str) -> None:
        die_with_parent(supervisor)
        if why:
            refuse_all(Line(socket.socket(fileno=line_fd), transfer_messages.ToTransfers), Refused(HResult.FAIL, why))
        else:
            TRANSFERS.get(toy, idle)(out)

    numbers = [birth.bench_fd, birth.news_fd, timeline, network]
    Supervisor(birth, numbers, Programs(system, no_app, no_task_host, driver, transfers)).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
