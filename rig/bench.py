"""A bench: topology, device, standby host and peers in one `with` block, always torn down.

Building goes in parallel where it can: the service process imports its libraries while the device boots. Everything is
held by descriptors and by children that die with this process, so a SIGKILL leaves nothing behind.
"""

from __future__ import annotations

import itertools
import json
import os
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rig import room
from rig.config import BenchConfig
from rig.device.base import Device
from rig.device.factory import create
from rig.device.offload import OffloadClient
from rig.device.prepared import prepared_flash
from rig.errors import BenchError, RigError
from rig.inject.injector import Injector
from rig.net import topology
from rig.net.frame_log import frame_records
from rig.net.namespace import Namespace
from rig.net.network import HOST_IFNAME, Network
from rig.net.wire import Wire
from rig.peers import PushServer
from rig.peers.authority import Authority, Flaw
from rig.peers.listener import Listener
from rig.peers.udp import UdpPeer
from rig.standby import launch
from rig.standby.handle import StandbyHost
from rig.standby.wire.hresult import HostError
from rig.timeline import Timeline, TimelineWriter

if TYPE_CHECKING:
    from rig.peers.ftp import FtpServer
    from rig.peers.http import HttpServer
    from rig.peers.http_proxy import HttpProxy
    from rig.peers.mirror import Mirror
    from rig.peers.nginx import Nginx
    from rig.peers.program import Program
    from rig.peers.push_service import PushService
    from rig.peers.websocket import WebSocketServer


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
        self.capture = self.network.capture(self.artefacts / "wire.pcapng")
        self._stack.callback(self._record_frames)
        self.microcontroller = self._stack.enter_context(self._make_device())
        self.microcontroller.watch(self._device_died)
        self.host = self._stack.enter_context(self._start_host())
        self.server = self._stack.enter_context(self.serve(plan.server.name))
        self.inject = self._stack.enter_context(Injector.on(self.network.next_hop))
        self._stack.callback(self._save_counters)
        try:
            self.host.wait_ready()
        except BenchError:
            self.microcontroller.check()
            raise
        self.device = OffloadClient(self.host)

    @cached_property
    def authority(self) -> Authority:
        """Certificates for TLS servers; every app of the host trusts it, and nobody else."""
        return Authority(self._trusted)

    @property
    def _trusted(self) -> Path:
        return self.artefacts / "trusted.pem"

    def serve(self, name: str, *, ipv6: bool = False, port: int = 0, tls: ssl.SSLContext | None = None) -> PushServer:
        """Another push server, on the named machine of the topology. `tls`: over TLS. The caller closes it."""
        return PushServer(*self._place(name, ipv6), port, tls=tls)

    def serve_websocket(
        self, name: str = "server", *, ipv6: bool = False, port: int = 0, tls: ssl.SSLContext | None = None
    ) -> WebSocketServer:
        """A WebSocket server, on the named machine of the topology. `tls`: over TLS. The caller closes it."""
        from rig.peers.websocket import WebSocketServer  # its library takes 50 ms to import

        return WebSocketServer(*self._place(name, ipv6), port, tls=tls)

    def serve_http(
        self, name: str = "server", *, ipv6: bool = False, port: int = 0, tls: ssl.SSLContext | None = None
    ) -> HttpServer:
        """An HTTP server, on the named machine of the topology. `tls`: https. The caller closes it."""
        from rig.peers.http import HttpServer  # its library takes 60 ms to import

        return HttpServer(*self._place(name, ipv6), port, tls=tls)

    def serve_http_proxy(
        self, name: str = "server", *, ipv6: bool = False, port: int = 0, credentials: tuple[str, str] | None = None
    ) -> HttpProxy:
        """An HTTP proxy, likewise. `credentials`: user and password that it asks for."""
        from rig.peers.http_proxy import HttpProxy

        return HttpProxy(*self._place(name, ipv6), port, credentials=credentials)

    def serve_push_service(
        self,
        name: str = "server",
        *,
        ipv6: bool = False,
        port: int = 0,
        line_port: int = 0,
        tls: ssl.SSLContext | None = None,
        line_tls: ssl.SSLContext | None = None,
    ) -> PushService:
        """A push service for raw notifications, on the named machine of the topology. `tls`: https for those who post;
        `line_tls`: hosts' lines over TLS. The caller closes it."""
        from rig.peers.push_service import PushService

        trust = None if tls is None else ssl.create_default_context(cafile=self.authority.trusted)
        where = self._place(name, ipv6)
        return PushService(*where, self.config.clock, port, line_port, tls=tls, line_tls=line_tls, trust=trust)

    def serve_udp(self, name: str, *, ipv6: bool = False, port: int = 0) -> UdpPeer:
        """A datagram socket on the named machine of the topology. The caller closes it."""
        return UdpPeer(*self._place(name, ipv6), port)

    def run_nginx(
        self, name: str = "server", *, behind: Listener[Any] | Program | None = None, flaw: Flaw | None = None
    ) -> Nginx:
        """nginx on the named machine, before the peer `behind` it. `flaw`: over TLS, with a certificate that has it, NONE for
        a good one. The caller closes it. Raises BenchError RIG-T01."""
        from rig.peers.nginx import Nginx

        namespace, address, _timeline = self._place(name, ipv6=False)
        pem = b"" if flaw is None else self.authority.server_pem(address, flaw=flaw)
        peer = None if behind is None else (behind.address, behind.port)
        return Nginx(namespace, address, self._folder("nginx"), peer=peer, pem=pem)

    def run_ftp(self, name: str = "server", *, password: str = "guest", rate_bytes_s: int = 0) -> FtpServer:
        """vsftpd on the named machine, likewise; `rate_bytes_s` is that of each download, 0 for no limit."""
        from rig.peers.ftp import FtpServer

        namespace, address, _timeline = self._place(name, ipv6=False)
        return FtpServer(namespace, address, self._folder("ftp"), password=password, rate_bytes_s=rate_bytes_s)

    def run_mirror(self, name: str = "server") -> Mirror:
        """The WebSocket server that is none of Python's, likewise."""
        from rig.peers.mirror import Mirror

        namespace, address, _timeline = self._place(name, ipv6=False)
        return Mirror(namespace, address)

    def _folder(self, name: str) -> Path:
        """One of the artefacts, that nobody has yet."""
        return next(path for n in itertools.count(1) if not (path := self.artefacts / f"{name}-{n}").exists())

    def _place(self, name: str, ipv6: bool) -> tuple[Namespace, str, TimelineWriter]:
        """Where a peer on the named machine lives: its namespace, its address, the timeline that it writes to."""
        spec = self.network.topology.hosts[name]
        address = spec.ip6 if ipv6 or spec.ipv4 is None else spec.ip4
        return self.network.namespaces[name], address, self.timeline.writer(name)

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

    def _make_device(self) -> Device:
        kind = self._kind
        if kind == "board":
            config = self.config
            port = config.device.partition(":")[2] or config.port
            return create(kind, port=port, baudrate=config.baudrate, reset_line=config.reset_line)
        eth, link = (self.network.device_eth_socket(), self.network.device_link_socket()) if kind == "native" else (None, None)
        tap_fd = self.network.tap_fd if kind == "qemu" else None
        return create(kind, eth=eth, link=link, tap_fd=tap_fd, flash=prepared_flash(kind))

    @property
    def _kind(self) -> str:
        """Without the port of "board:/dev/ttyACM0"."""
        return self.config.device.partition(":")[0]

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
        self.timeline.add("DEVICE_DIED", device=self._kind, status=how, output=last_words)

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
