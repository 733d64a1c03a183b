"""The moves that tests of hand-overs make: sockets of all three kinds, in an app or with the broker."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from typing import Any

from rig.bench import Bench
from rig.clock import WAIT_S
from rig.device.pattern import Pattern
from rig.peers import PushConnection
from rig.peers.udp import UdpPeer
from rig.standby.app_handle import AppHandle
from rig.suite.broker_scene import BrokerScene
from rig.suite.hand_over_app import TASKS

ENTRY = "rig.suite.hand_over_app:HandOverApp"


class HandOverScene(BrokerScene):
    """A context manager."""

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self.seen: tuple[str, int] = ("", 0)
        """Where the datagram socket's peer sees it."""
        self._peers = ExitStack()

    def __enter__(self) -> HandOverScene:
        return self

    def __exit__(self, *_: object) -> None:
        self._peers.close()

    def start(self, name: str) -> AppHandle:
        app = self.host.start_app(name, ENTRY)
        app.call("request_access")
        return app

    def register(self, task: str = "HandsOver", *, own_process: bool = True) -> str:
        assert task in TASKS
        return super().register(task, own_process=own_process)

    def open(self, kind: str, *, action: str = "DO_NOT_WAKE") -> int:
        """In the app, enabled for its task; its port."""
        server = self.bench.server
        where: dict[str, Any] = {"host": server.address, "port": server.port} if kind == "stream" else {}
        port: int = self.app.call("open", kind=kind, task_id=self.task_id or self.register(), action=action, **where)
        return port

    def stream(self, *, action: str = "DO_NOT_WAKE") -> PushConnection:
        """Returns the server's end."""
        before = len(self.bench.server.connections)
        self.open("stream", action=action)
        return self.bench.server.connection(before)

    def give_stream(self, *, minutes: int | None = None) -> PushConnection:
        """The broker has it."""
        server = self.stream()
        self.app.call("give_it", kind="stream", context="", minutes=minutes)
        return server

    def give_datagram(self, *, action: str = "DO_NOT_WAKE") -> UdpPeer:
        """The broker has it; its peer has heard of it, as a NAT on the way has to."""
        peer = self.bench.peers.udp_peer()
        self._peers.enter_context(peer)
        self.open("datagram", action=action)
        self.app.call("send_to", data="hello", host=peer.address, port=peer.port)
        self.seen = peer.wait_received().sender
        self.app.call("give_it", kind="datagram")
        return peer

    def greeted(self, port: int) -> None:
        """From the server's machine to the host's; it is told hello, and that is the end."""
        with self.connected(port) as client:
            assert client.recv(5) == b"hello"

    def connected(self, port: int) -> socket.socket:
        """From the server's machine to the host's."""
        network = self.bench.network
        client = network.namespaces["server"].socket(socket.AF_INET, socket.SOCK_STREAM)
        client.settimeout(WAIT_S)
        client.connect((network.topology.host.ip4, port))
        return client

    def fill_patterns(self) -> None:
        """The device's room for them, from number 1 on."""
        device = self.bench.device
        for number in range(1, device.capabilities().max_patterns + 1 - len(device.patterns())):
            device.add_pattern(Pattern.udp(number, number))
