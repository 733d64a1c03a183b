"""The standby service: the process of the "system" of the host under test. One loop, everything in order on one thread.

The supervisor forks it (rig/standby/supervisor/), with a `ServiceConfig`, in the host's namespace; again when it has died, with
what outlived it. It puts the system together with the driver's process, the supervisor and its store, and serves the bench.
"""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rig import room
from rig.clock import Clock
from rig.config import StandbyConfig
from rig.decoders import decoded
from rig.process import go_before_others, go_with_others, ignore_sigint, name_process
from rig.standby.system.faults import Faults
from rig.standby.system.machine_start import lose_what_ended
from rig.standby.system.network import KernelNetwork
from rig.standby.system.nic_process import NicProcess
from rig.standby.system.restart import Outlived
from rig.standby.system.store import Store
from rig.standby.system.supervisor_process import SupervisorProcess
from rig.standby.system.system import System
from rig.standby.system.transfers.transfer_process import TransferProcess
from rig.standby.system.urgency import PRIORITY, Urgency
from rig.standby.wire import bench, nic
from rig.standby.wire.faults import fault_of
from rig.standby.wire.from_app import FromApp
from rig.standby.wire.line import Line
from rig.standby.wire.peer import Peer
from rig.standby.wire.supervision import DRIVER, TRANSFERS, Inheritance, RunningApp
from rig.standby.wire.transfers import FromTransfers
from rig.timeline import TimelineWriter


@dataclass(frozen=True)
class ServiceConfig:
    """What the bench hands over; descriptors come with it."""

    control_fd: int
    timeline_fd: int
    host_ns_fd: int
    store: str
    """Path of its SQLite file."""
    transfers: str
    """That of the process of background transfers."""
    machine_start: int
    """1 for the first: how often the machine has been switched on."""
    minute_us: int
    interface: str
    """The host's, whose link it shares with the device."""
    standby: dict[str, Any]

    @property
    def fds(self) -> tuple[int, ...]:
        return (self.control_fd, self.timeline_fd, self.host_ns_fd)


def main(wire: bytes, given: Inheritance) -> None:
    name_process("system")
    ignore_sigint()
    asyncio.run(_serve(decoded(ServiceConfig, wire), given))


async def _serve(config: ServiceConfig, given: Inheritance) -> None:
    """Until the bench hangs up. A system that cannot start tells the bench why."""
    control: Line[bench.FromBench] = Line(socket.socket(fileno=config.control_fd), bench.FromBench)
    timeline = TimelineWriter(config.timeline_fd, "host")
    faults, ended = Faults(timeline), asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(faults.of_loop)

    def end(_why: str) -> None:
        ended.set()

    supervisor = SupervisorProcess(given, on_gone=end, on_fault=faults.met)
    try:
        system = await _started(config, given, supervisor, timeline, faults)
    except Exception as error:
        why = room.of_files(error, Path(config.store).parent) if room.out_of_room(error) else error
        control.send_notice(bench.Failed(fault_of(why, "the start of the standby service")))
        return
    Peer(control, system.serve_bench, on_gone=end, on_fault=faults.met).notify(bench.Ready())
    supervisor.serving()
    await ended.wait()


async def _started(
    config: ServiceConfig, given: Inheritance, supervisor: SupervisorProcess, timeline: TimelineWriter, faults: Faults
) -> System:
    line: Line[nic.FromDriver] = Line(socket.socket(fileno=given.companions[DRIVER]), nic.FromDriver)
    driver = NicProcess(line, given.incarnation, on_gone=lambda _why: None, on_fault=faults.met)
    rules, clock = StandbyConfig(**config.standby), Clock(config.minute_us)
    store = Store(config.store)
    lose_what_ended(store, config.machine_start)
    to_transfers: Line[FromTransfers] = Line(socket.socket(fileno=given.companions[TRANSFERS]), FromTransfers)
    transfers = TransferProcess(to_transfers, given.incarnation, store=Path(config.transfers), on_fault=faults.met)
    network = KernelNetwork(config.interface)
    system = System(rules, clock, driver, supervisor, store, timeline, faults, network, transfers)
    Urgency(system.power, lambda: go_before_others(PRIORITY), go_with_others)
    await system.start([_outlived(running, supervisor) for running in given.apps], given.store)
    return system


def _outlived(running: RunningApp, supervisor: SupervisorProcess) -> Outlived:
    line = Line[FromApp](socket.socket(fileno=running.line_fd), FromApp)
    return Outlived(running.instance, supervisor.adopt(running), line)
