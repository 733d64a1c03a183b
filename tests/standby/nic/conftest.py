"""A driver on real parts, in the test's own thread: namespaces, gate, kernel sockets, and a native device."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from rig.clock import WAIT_S, Clock, Deadline
from rig.config import StandbyConfig
from rig.device.emulated import EmulatedDevice
from rig.device.factory import create
from rig.device.link import Link
from rig.device.numbers import GROUP_OFFLOAD, OffloadRc
from rig.device.offload import OffloadClient
from rig.device.pattern import Pattern
from rig.device.prepared import prepared_flash
from rig.errors import BenchError, DeviceError
from rig.net import topology, userns
from rig.net.gate import Gate
from rig.net.namespace import Namespace
from rig.net.network import HOST_IFNAME, Network
from rig.peers import PushConnection, PushServer
from rig.process import enter_network
from rig.standby.nic import handoff
from rig.standby.nic.assembly import make_driver, read_line
from rig.standby.nic.journal import Journal
from rig.standby.nic.loop import Loop
from rig.standby.nic.settings import DriverSettings
from rig.standby.wire.message import Notice
from rig.standby.wire.nic import AddPattern, Adopting, Entered, Reserve, Settled, ToDriver, Woke
from rig.timeline import Timeline

from .served import Served

Point = tuple[str, str]
"""A step or a request, and "before" or "after" it."""

FAULTS: dict[str, Callable[[], Exception]] = {
    "the kernel refuses": lambda: OSError(errno.ENOMEM, os.strerror(errno.ENOMEM)),
    "the device refuses": lambda: DeviceError(GROUP_OFFLOAD, OffloadRc.UNSUPPORTED, OffloadRc.UNSUPPORTED.name, "what was asked"),
    "the device is silent": lambda: BenchError("RIG-B03", "no SMP answer"),
    "a bug of ours": lambda: ZeroDivisionError("division by zero"),
}


DOOR = Pattern.udp(0, 7000)
DOORMAN = {"app": "doorman"}


class Injector:
    """Records each point that is passed, and raises `fault` at the one that is armed, once."""

    def __init__(self) -> None:
        self.passed: list[Point] = []
        self._armed: Point | None = None
        self._skip = 0
        self._fault: Callable[[], BaseException] = FAULTS["a bug of ours"]
        self.also: Callable[[str, str], None] = lambda _name, _when: None
        """Is called at each point."""
        self.for_ever: Callable[[], Exception] | None = None
        """Raised at every request of the device."""

    def arm(self, point: Point, fault: Callable[[], BaseException], skip: int = 0) -> None:
        """`skip`: how often it is passed before."""
        self._armed, self._fault, self._skip = point, fault, skip

    def disarm(self) -> None:
        self._armed = None

    @property
    def struck(self) -> bool:
        return self._armed is None

    def __call__(self, name: str, when: str) -> None:
        self.passed.append((name, when))
        self.also(name, when)
        if self.for_ever is not None and name.isupper():
            raise self.for_ever()
        if self._armed == (name, when):
            if self._skip:
                self._skip -= 1
                return
            self._armed = None
            raise self._fault()


class Parts:
    """One connection and one pattern, a door to knock at, of a host whose driver is ours to turn."""

    def __init__(self, network: Network, device: EmulatedDevice, timeline: Timeline, stack: ExitStack) -> None:
        self.network = network
        self.device_process = device
        self.timeline = timeline
        self.notices: list[Notice] = []
        self.tells: Callable[[Loop], Callable[[Notice], None]] = lambda _loop: lambda _notice: None
        """Where what a driver says goes, too: asked before each driver is made, for its loop."""
        self.owed: dict[int, ToDriver] = {}
        """Calls that the driver before has not answered."""
        self.inject = Injector()
        self.errors: list[Exception] = []
        self.gate: Gate = network.gate()
        self.settings = settings(network, device, timeline)
        self.journal_fd = os.memfd_create("journal")
        stack.callback(os.close, self.journal_fd)
        self._start_driver()
        stack.callback(self._drop_driver)
        spec = network.topology.server
        server = stack.enter_context(PushServer(network.namespaces[spec.name], spec.ip4, timeline))
        self.sock = stack.enter_context(socket.create_connection((server.address, server.port), 5))
        self.server: PushConnection = server.connection()
        self.driver.reserve(Reserve("one", {"app": "a", "channel": "c"}, 1439), self.sock.dup())
        self.door = stack.enter_context(network.host.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self.door.bind((network.topology.host.ip4, DOOR.port))
        self.visitor = stack.enter_context(network.namespaces[spec.name].socket(socket.AF_INET, socket.SOCK_DGRAM))
        self.driver.add_pattern(AddPattern("door", DOORMAN, DOOR))

    def _start_driver(self) -> None:
        self.loop = Loop(self.errors.append)
        self.link = Link(self.device_process.port, pumped=True)
        self.client = OffloadClient(self.link)
        journal = Journal(self.journal_fd)
        tell_too = self.tells(self.loop)

        def tell(notice: Notice) -> None:
            self.notices.append(notice)
            tell_too(notice)

        self.driver = make_driver(self.settings, self.link, self.loop, self.timeline, tell, journal, inject=self.inject)
        self.loop.watch(self.link.fileno(), lambda: None)
        self.owed = self.driver.start()

    def replace_driver(self) -> None:
        """The one before has been killed: what it held in memory is gone, its descriptors are closed."""
        self._drop_driver()
        self.notices.clear()
        self._start_driver()

    def start_driver_anew(self) -> None:
        """As `replace_driver`, and the system gives the descriptors of the connections again."""
        self.replace_driver()
        for notice in list(self.notices):
            for key in notice.keys if isinstance(notice, Adopting) else ():
                self.driver.adopt(key, self.sock.dup())

    def _drop_driver(self) -> None:
        """All of its descriptors, as its end closes them."""
        for connection in self.driver.registry.all():
            connection.sock.close()
        ts_watch, label_watch = self.driver.watches
        for resource in (ts_watch.socket, label_watch._socket, self.link, self.loop):
            resource.close()
        self.driver._standby.gate.release()

    def until(self, condition: Callable[[], bool], what: str, timeout_s: float = 15.0) -> None:
        """Let the driver work until then."""
        deadline = Deadline(timeout_s)

        def before_wait() -> float | None:
            due_s = read_line(self.link, self.loop)
            return min(due_s or 0.05, 0.05)

        while not condition():
            assert not deadline.expired, f"{what}; notices {self.notices}"
            self.loop.turn(before_wait)

    def fall_asleep(self) -> None:
        """Raises what the driver raises; what is not idle is waited for."""
        deadline = Deadline(WAIT_S)
        while not isinstance(outcome := self.driver.enter(["one"], 0), Entered):
            assert not deadline.expired, outcome

    def wait_awake(self) -> None:
        """Until nothing is left to be done."""
        self.until(lambda: isinstance(self.notices[-1], Settled), "the driver does not settle")

    def woke(self) -> list[tuple[str, str | None, tuple[int, ...]]]:
        """Why, by whom, and who goes on, as it was told."""
        return [(told.reason, told.key, told.resumed) for told in self.notices if isinstance(told, Woke)]

    def wake_by_data(self, data: bytes) -> None:
        """The server sends; the host wakes, reads it, and settles."""
        self.notices.clear()
        self.server.push(data)
        self.until(lambda: any(isinstance(notice, Woke) for notice in self.notices), "no wake")
        assert self.read(len(data)) == data
        self.wait_awake()

    def knock(self, words: bytes) -> None:
        """Somebody sends the datagram that the pattern is for."""
        self.visitor.sendto(words, self.door.getsockname())

    def wake_by_knocking(self, words: bytes) -> None:
        """The host wakes, hears it once, and settles."""
        self.notices.clear()
        self.knock(words)
        self.until(lambda: any(isinstance(notice, Woke) for notice in self.notices), "no wake")
        assert self.hear() == [words]
        self.wait_awake()
        assert self.has_heard() == []

    def hear(self) -> list[bytes]:
        """What was said at the door, something at least; the driver works meanwhile."""
        heard: list[bytes] = []

        def has_heard() -> bool:
            heard.extend(self.has_heard())
            return bool(heard)

        self.until(has_heard, "the datagram did not come")
        return heard

    def has_heard(self) -> list[bytes]:
        """All that waits at the door."""
        self.door.setblocking(False)
        heard = []
        with contextlib.suppress(BlockingIOError):
            while True:
                heard.append(self.door.recv(100))
        return heard

    def read(self, count: int) -> bytes:
        """What the app reads; the driver works meanwhile."""
        data = b""
        self.sock.setblocking(False)

        def have_all() -> bool:
            nonlocal data
            try:
                data += self.sock.recv(count - len(data))
            except (BlockingIOError, PermissionError):  # the latter in repair: no app runs then
                pass
            return len(data) >= count

        self.until(have_all, f"{count} bytes did not come")
        return data

    def assert_whole(self, number: int) -> None:
        """The host is on the network, the socket out of repair, bytes go both ways, each once; the device has one pattern."""
        assert self.gate.is_open, "the gate is closed"
        assert self.sock.getsockopt(socket.IPPROTO_TCP, handoff.TCP_REPAIR) == 0, "the socket is in repair"
        before = len(self.server.received)
        said, heard = b"to server %d" % number, b"to host %d" % number
        self.sock.setblocking(True)
        self.sock.sendall(said)
        assert self.server.wait_received(before + len(said))[before:] == said
        self.server.push(heard)
        assert self.read(len(heard)) == heard
        assert len(self.client.patterns()) == 1


def settings(network: Network, device: EmulatedDevice, timeline: Timeline) -> DriverSettings:
    host, rules = network.topology.host, StandbyConfig()
    return DriverSettings(
        timeline_fd=timeline.fd,
        host_ns_fd=network.host.fd,
        wire_ns_fd=network.wire.fd,
        port=device.port,
        baudrate=115200,
        interface=HOST_IFNAME,
        device_port=network.device_port,
        bridge=network.topology.bridge,
        mac=host.mac,
        ipv4=host.ip4,
        minute_us=Clock().minute_us,
        lease_min=rules.lease_min,
        probe_retry_min=rules.network_ka_retry_min,
        probes=rules.network_ka_probes,
        learn_next_hop=rules.learn_next_hop,
    )


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    """The test's thread is in the host's namespace meanwhile."""
    if not userns.privileged():
        pytest.skip(userns.refusal().cause)
    with ExitStack() as stack:
        network = stack.enter_context(Network(topology.load("flat")))
        eth, link = network.device.eth, network.device.link
        device = stack.enter_context(create("native", flash=prepared_flash("native"), eth=eth, link=link))
        assert isinstance(device, EmulatedDevice)
        timeline = Timeline(tmp_path / "timeline.jsonl")
        stack.callback(timeline.close)
        outside = stack.enter_context(Namespace("outside", os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)))
        enter_network(network.host.fd)
        stack.callback(lambda: enter_network(outside.fd))
        yield Parts(network, device, timeline, stack)


@pytest.fixture
def served(parts: Parts) -> Iterator[Served]:
    with ExitStack() as stack:
        yield Served(parts, stack)


@pytest.fixture
def second(parts: Parts) -> Iterator[PushServer]:
    """Another server, for another connection."""
    spec = parts.network.topology.server
    with PushServer(parts.network.namespaces[spec.name], spec.ip4, parts.timeline) as server:
        yield server


@pytest.fixture
def two(parts: Parts, second: PushServer) -> Iterator[str]:
    """The key of a connection that the driver holds beside "one", and has noted."""
    with socket.create_connection((second.address, second.port), 5) as sock:
        second.connection()
        parts.driver.reserve(Reserve("two", {"app": "b"}, 1439), sock.dup())
        parts.driver.notes.write()
        yield "two"
