"""A bench: topology, device, standby host and peers in one `with` block, always torn down.

Building goes in parallel where it can: the service process imports its libraries while the device boots. Everything is
held by descriptors and by children that die with this process, so a SIGKILL leaves nothing behind.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from rig import room
from rig.config import BenchConfig
from rig.device.base import Device
from rig.device.factory import create
from rig.device.images import kind_of
from rig.device.offload import OffloadClient
from rig.device.prepared import prepared_flash, takes_an_image
from rig.errors import BenchError, RigError
from rig.inject.injector import Injector
from rig.net import topology
from rig.net.device_port import PACKET_KINDS, DevicePort
from rig.net.frame_log import frame_records
from rig.net.network import HOST_IFNAME, Network
from rig.net.wire import Wire
from rig.peers import PushServer
from rig.peers.authority import Authority
from rig.peers.peers import Peers
from rig.standby import launch
from rig.standby.handle import StandbyHost
from rig.standby.wire.hresult import HostError
from rig.timeline import Timeline


def device_at(port: DevicePort, config: BenchConfig) -> Device:
    """The device of that configuration on the cable of that port, still off."""
    name, kind = config.device, kind_of(config.device)
    if kind == "board":
        serial_port = name.partition(":")[2] or config.port
        return create(kind, port=serial_port, baudrate=config.baudrate, reset_line=config.reset_line)
    eth, link = (port.eth, port.link) if kind in PACKET_KINDS else (None, None)
    tap_fd = port.tap_fd if kind == "qemu" else None
    flash = prepared_flash(name) if takes_an_image(name) else None
    return create(name, eth=eth, link=link, tap_fd=tap_fd, flash=flash)


class Bench:
    """One bench, made by `with Bench(config, artefacts) as bench`. `artefacts` gets timeline.jsonl and wire.pcapng."""

    config: BenchConfig
    timeline: Timeline
    network: Network
    wire: Wire
    """The cables: `bench.wire.shape(delay_ms=40, rate_kbit=2000)`, `rig help levers`."""
    microcontroller: Device
    host: StandbyHost
    device: OffloadClient
    """Typed commands, over the host's control channel."""
    peers: Peers
    """More servers: `with bench.peers.http_server() as web:`."""
    server: PushServer
    """On the server's IPv4 address, or IPv6 where it has no other."""
    inject: Injector
    """Frames as the server's reach the host: from the server, or from the gateway where there is one between them."""

    def __init__(self, config: BenchConfig, artefacts: Path) -> None:
        self.config = config
        self.artefacts = artefacts
        self.set_up_s = 0.0
        self._stack = ExitStack()
        self._owner = os.getpid()

    def __enter__(self) -> Bench:
        started_s = time.monotonic()
        with self._files():
            try:
                self._build()
            except BaseException:
                self._stack.close()
                raise
        self.set_up_s = time.monotonic() - started_s
        self.timeline.add("BENCH_READY", device=self.config.device, topology=self.config.topology, set_up_s=self.set_up_s)
        return self

    def __exit__(self, *_: object) -> None:
        """Not in a fork of the process that made it, which leaves the block too: the bench is still used."""
        if self._owner == os.getpid():
            self._tear_down()

    def _tear_down(self) -> None:
        """All of it, whatever becomes of a part. Raises BenchError as `_files`, also for records that found no room."""
        with self._files():
            self._stack.close()
        if self.timeline.lack is not None:
            raise self.timeline.lack

    @contextmanager
    def _files(self) -> Iterator[None]:
        """Raises BenchError RIG-R14 when they found no room, RIG-T03 when somebody has taken them away."""
        try:
            yield
        except OSError as error:
            if room.out_of_room(error) is None and self.artefacts.is_dir():
                raise
            raise room.of_files(error, self.artefacts) from error

    def _build(self) -> None:
        launch.warm_up()
        self.artefacts.mkdir(parents=True, exist_ok=True)
        self.timeline = Timeline(self.artefacts / "timeline.jsonl")
        self._stack.callback(self.timeline.close)
        self._trusted.unlink(missing_ok=True)  # of a bench before in the same folder
        plan = topology.load(self.config.topology)
        self.network = self._stack.enter_context(Network(plan, self._kind, self.config.nic, nic_force=self.config.nic_force))
        self.wire = Wire(self.network, self.timeline)
        self.peers = Peers(self.network, self.timeline, self.artefacts, self.config.clock, lambda: self.authority)
        self.capture = self.network.capture(self.artefacts / "wire.pcapng")
        self._stack.callback(self._record_frames)
        self.microcontroller = self._stack.enter_context(device_at(self.network.device, self.config))
        self.microcontroller.watch(self._device_died)
        self.host = self._stack.enter_context(self._start_host())
        self.server = self._stack.enter_context(self.peers.push_server())
        self.inject = self._stack.enter_context(Injector.on(self.network.next_hop))
        self._stack.callback(self._save_counters)
        try:
            self.host.wait_ready()
        except BenchError:
            self.microcontroller.check()
            raise
        self.device = OffloadClient(self.host, guest=True)

    @cached_property
    def authority(self) -> Authority:
        """Certificates for TLS servers; every app of the host trusts it, and nobody else."""
        return Authority(self._trusted)

    @property
    def _trusted(self) -> Path:
        return self.artefacts / "trusted.pem"

    @contextmanager
    def device_unplugged(self) -> Iterator[None]:
        """The device's cable out while the block runs: the link is lost at both ends."""
        self.network.set_device_port(up=False)
        self.microcontroller.set_link(False)
        try:
            yield
        finally:
            self.network.set_device_port(up=True)
            self.microcontroller.set_link(True)

    def set_link(self, up: bool) -> None:
        """The one cable of host and device in or out."""
        self.network.set_host_port(up=up)
        self.network.set_device_port(up=up)
        self.microcontroller.set_link(up)

    @property
    def _kind(self) -> str:
        """Without the port of "board:/dev/ttyACM0", or the variant of "native:minimal"."""
        return kind_of(self.config.device)

    def _start_host(self) -> StandbyHost:
        spec = self.network.topology.host
        return StandbyHost(
            self.timeline,
            self.config.standby,
            host_ns_fd=self.network.host.fd,
            wire_ns_fd=self.network.wire.fd,
            port=self.microcontroller.port,
            port_fds=self.microcontroller.pass_fds,
            baudrate=self.config.baudrate,
            interface=HOST_IFNAME,
            device_port=self.network.device_port,
            bridge=self.network.topology.bridge,
            mac=spec.mac,
            ipv4=spec.ip4 if spec.ipv4 is not None else "",
            minute_us=self.config.clock.minute_us,
            trusted=self._trusted,
            check_device=self.microcontroller.check,
            set_link=self.set_link,
            power_cut=self.network.host_without_power,
        )

    def _device_died(self, how: str, last_words: str) -> None:
        self.timeline.add("DEVICE_DIED", device=self.config.device, status=how, output=last_words)

    def _save_counters(self) -> None:
        """For the report of a failing test. A device or a service that no longer answers is what it then says."""
        try:
            counters: dict[str, Any] = dict(OffloadClient(self.host).counters())
        except (RigError, HostError, OSError) as error:
            counters = {"error": str(error)}
        (self.artefacts / "counters.json").write_text(json.dumps(counters, indent=1) + "\n")

    def _record_frames(self) -> None:
        self.capture.close()
        for record in frame_records(self.capture, self.network.ports, self.network.topology.host.mac, self.network.device_port):
            self.timeline.add("FRAME", **record)
