"""`bench.peers`: servers and other ends of the host's connections, each on a machine of the topology.

    with bench.peers.http_server() as web: ...
    with bench.peers.push_server("peer", ipv6=True) as other: ...

Who makes one closes it. `machine`: its name in the topology, "" for the bench's server; the address is its IPv4 one, or IPv6
where that is asked for or the only one. Libraries that take long to import are imported with the first peer that needs them.
"""

from __future__ import annotations

import itertools
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rig.clock import Clock
from rig.net.namespace import Namespace
from rig.net.network import Network
from rig.peers.authority import Authority, Flaw
from rig.peers.black_hole import BlackHole
from rig.peers.listener import Listener
from rig.peers.tcp import PushServer
from rig.peers.udp import UdpPeer
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


class Peers:
    """Of one bench."""

    def __init__(
        self, network: Network, timeline: Timeline, artefacts: Path, clock: Clock, authority: Callable[[], Authority]
    ) -> None:
        """`artefacts`: where programs have their folders. `clock`: that of the bench. `authority`: who signs what they show over
        TLS."""
        self._clock = clock
        self._network = network
        self._timeline = timeline
        self._artefacts = artefacts
        self._authority = authority

    # -- the rig's own: a test scripts each, `tls` (bench.authority.server_context(...)) has it speak TLS --------------------

    def push_server(
        self, machine: str = "", *, ipv6: bool = False, port: int = 0, tls: ssl.SSLContext | None = None
    ) -> PushServer:
        """Accepts TCP connections and pushes bytes on them."""
        return PushServer(*self._place(machine, ipv6), port, tls=tls)

    def websocket_server(
        self, machine: str = "", *, ipv6: bool = False, port: int = 0, tls: ssl.SSLContext | None = None
    ) -> WebSocketServer:
        from rig.peers.websocket import WebSocketServer  # 50 ms

        return WebSocketServer(*self._place(machine, ipv6), port, tls=tls)

    def http_server(
        self, machine: str = "", *, ipv6: bool = False, port: int = 0, tls: ssl.SSLContext | None = None
    ) -> HttpServer:
        from rig.peers.http import HttpServer  # 60 ms

        return HttpServer(*self._place(machine, ipv6), port, tls=tls)

    def http_proxy(
        self, machine: str = "", *, ipv6: bool = False, port: int = 0, credentials: tuple[str, str] | None = None
    ) -> HttpProxy:
        """`credentials`: user and password that it asks for."""
        from rig.peers.http_proxy import HttpProxy

        return HttpProxy(*self._place(machine, ipv6), port, credentials=credentials)

    def push_service(
        self,
        machine: str = "",
        *,
        ipv6: bool = False,
        port: int = 0,
        line_port: int = 0,
        tls: ssl.SSLContext | None = None,
        line_tls: ssl.SSLContext | None = None,
    ) -> PushService:
        """For raw notifications. `tls`: https for those who post; `line_tls`: hosts' lines over TLS."""
        from rig.peers.push_service import PushService

        trusted = None if tls is None else self._authority().trusted
        where = self._place(machine, ipv6)
        return PushService(*where, self._clock, port, line_port, tls=tls, line_tls=line_tls, trusted=trusted)

    def udp_peer(self, machine: str = "", *, ipv6: bool = False, port: int = 0) -> UdpPeer:
        """A datagram socket."""
        return UdpPeer(*self._place(machine, ipv6), port)

    def black_hole(self, machine: str = "", *, ipv6: bool = False) -> BlackHole:
        """Takes SYNs and never answers."""
        return BlackHole(*self._place(machine, ipv6))

    # -- programs of others; they raise BenchError RIG-T01 where they are not installed --------------------------------------

    def nginx(
        self,
        machine: str = "",
        *,
        behind: Listener[Any] | Program | None = None,
        flaw: Flaw | None = None,
        rate_bytes_s: int = 0,
    ) -> Nginx:
        """A server of files, and of the peer `behind` it. `flaw`: over TLS, with a certificate that has it, NONE for a good
        one. `rate_bytes_s` is that of each answer, 0 for no limit."""
        from rig.peers.nginx import Nginx

        where = self._place(machine)
        pem = b"" if flaw is None else self._authority().server_pem(where[1], flaw=flaw)
        peer = None if behind is None else (behind.address, behind.port)
        return Nginx(*where, self._folder("nginx"), peer=peer, pem=pem, rate_bytes_s=rate_bytes_s)

    def ftp_server(self, machine: str = "", *, password: str = "guest", rate_bytes_s: int = 0) -> FtpServer:
        """vsftpd; `rate_bytes_s` is that of each download, 0 for no limit."""
        from rig.peers.ftp import FtpServer

        return FtpServer(*self._place(machine), self._folder("ftp"), password=password, rate_bytes_s=rate_bytes_s)

    def mirror(self, machine: str = "") -> Mirror:
        """The WebSocket server that is none of Python's."""
        from rig.peers.mirror import Mirror

        return Mirror(*self._place(machine))

    def _folder(self, name: str) -> Path:
        """One of the artefacts, that nobody has yet."""
        return next(path for n in itertools.count(1) if not (path := self._artefacts / f"{name}-{n}").exists())

    def _place(self, machine: str, ipv6: bool = False) -> tuple[Namespace, str, TimelineWriter]:
        """Where a peer lives: its namespace, its address, the timeline that it writes to."""
        topology = self._network.topology
        spec = topology.hosts[machine or topology.server.name]
        address = spec.ip6 if ipv6 or spec.ipv4 is None else spec.ip4
        return self._network.namespaces[spec.name], address, self._timeline.writer(spec.name)
