"""The moves that most tests make: open a channel, sleep, push, see the task run, see nothing happen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from rig.bench import Bench
from rig.clock import WAIT_S, Deadline
from rig.config import StandbyConfig
from rig.inject.frames import Flow, tcp_timestamps
from rig.mac import mac_bytes
from rig.net.capture import CaptureTimeout
from rig.net.retransmission import KERNELS_OWN_MS
from rig.peers import PushConnection, PushServer
from rig.standby.api import ControlChannelTriggerStatus as Status
from rig.standby.app_handle import AppHandle
from rig.timeline import Record, TimelineTimeout

CHAT_APP = "rig.suite.chat_app:ChatApp"
"""What `start_app` takes as the entry of the suite's own app."""
QUIET_S = 0.25
"""How long nothing must happen where a wake would take a few milliseconds: a hundred times that."""


LONGEST_MINUTES = 1439
"""Server keep-alive of channels whose keep-alive task would only be in the way."""

NO_PROBES = StandbyConfig(network_ka_initial_min=LONGEST_MINUTES)
"""For tests that forge the server's segments: its answer to a keep-alive would make their timestamps old (RFC 7323 5.3)."""


UNREAD_BYTES = 8000
"""A board's MAC drops what its FIFO of 10 KiB does not hold while the firmware has no time."""


def _portions(frames: Sequence[bytes]) -> Iterator[list[bytes]]:
    """Of UNREAD_BYTES at most, or of one frame."""
    portion: list[bytes] = []
    for frame in frames:
        if portion and sum(map(len, portion)) + len(frame) > UNREAD_BYTES:
            yield portion
            portion = []
        portion.append(frame)
    if portion:
        yield portion


def skip_behind_nat(bench: Bench) -> None:
    """For what takes the address and port that the server sees for the host's own, or makes up connections."""
    if bench.network.topology.next_hop.nat is not None:
        pytest.skip("behind a NAT the server does not see the host's own address and port")


class Scene:
    """One bench and its apps. `app` is the first chat app, started on demand."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.host = bench.host
        self.device = bench.device
        self.timeline = bench.timeline
        self._app: AppHandle | None = None

    @property
    def host_mac(self) -> bytes:
        return mac_bytes(self.bench.network.topology.host.mac)

    @property
    def host_mac_text(self) -> str:
        return self.bench.network.topology.host.mac

    @property
    def server_mac(self) -> bytes:
        """The server's own: what it sends with at its port of the switch."""
        return mac_bytes(self.bench.network.topology.server.mac)

    @property
    def next_hop_mac(self) -> bytes:
        """What the server's frames have when they reach the host: its own, or the gateway's."""
        return mac_bytes(self.bench.network.topology.next_hop.mac)

    @property
    def last_hop_mac(self) -> bytes:
        """What the host's frames have when they reach the server: its own, or the gateway's on that side."""
        return mac_bytes(self.bench.network.topology.last_hop.mac)

    @property
    def device_port(self) -> str:
        """The device's port of the switch."""
        return self.bench.network.ports[-1]

    @property
    def next_hop_port(self) -> str:
        """Where what the host says to the server, or to its whole network, leaves the host's switch."""
        return self.bench.network.topology.next_hop.port

    @property
    def server_port(self) -> str:
        return self.bench.network.topology.server.port

    @property
    def app(self) -> AppHandle:
        if self._app is None:
            self._app = self.start_app("chat")
        return self._app

    def start_app(self, name: str, *, access: bool = True) -> AppHandle:
        """Another chat app."""
        return self.host.start_app(name, CHAT_APP, access=access)

    def let_peers_repeat(self) -> None:
        """For tests that need what a peer sends again: as soon as its kernel does it elsewhere, on connections from now on."""
        self.bench.network.set_least_retransmission(KERNELS_OWN_MS)

    def open(
        self,
        channel: str = "inbox",
        *,
        app: AppHandle | None = None,
        hardware: bool = True,
        server: PushServer | None = None,
        **options: Any,
    ) -> Status:
        """Open a channel to the bench's server, or another; returns the status, whatever it is."""
        server = server or self.bench.server
        arguments: dict[str, Any] = {"channel": channel, "host": server.address, "port": server.port, "hardware": hardware}
        arguments |= {"minutes": LONGEST_MINUTES, **options}
        return Status((app or self.app).call("open_channel", **arguments))

    def open_hardware(
        self, channel: str = "inbox", *, app: AppHandle | None = None, server: PushServer | None = None
    ) -> PushConnection:
        """Open a channel that must get a hardware slot; returns the server's end of it."""
        server = server or self.bench.server
        before = len(server.connections)
        assert self.open(channel, app=app, server=server) is Status.HARDWARE_SLOT_ALLOCATED
        return server.connection(before)

    def sleep(self) -> int:
        """Enter standby; returns the mark after which everything is news."""
        self.host.enter_standby()
        return self.timeline.mark()

    def push_and_run(self, connection: PushConnection, data: bytes, channel: str = "inbox") -> Record:
        """Push while the host sleeps or not; returns the RUN_EXIT of the task that found the data."""
        after = self.timeline.mark()
        connection.push(data)
        self.timeline.wait("TASK_DATA", channel=channel, data=data.hex(), after=after)
        return self.timeline.wait("RUN_EXIT", kind="push", channel=channel, after=after)

    def flow_to_host(self, connection: PushConnection) -> Flow:
        """Addresses and ports of frames from the server to the host on that connection, as they reach the host."""
        plan = self.bench.network.topology
        return self._flow(connection, plan.next_hop.mac, plan.host.mac)

    def flow_to_server(self, connection: PushConnection) -> Flow:
        """Of frames from the host, as they reach the server."""
        plan = self.bench.network.topology
        return self._flow(connection, plan.server.mac, plan.last_hop.mac).reversed

    def _flow(self, connection: PushConnection, src_mac: str, dst_mac: str) -> Flow:
        skip_behind_nat(self.bench)
        peer, peer_port = connection.peer
        local = connection.sock.getsockname()
        return Flow(src_mac=src_mac, dst_mac=dst_mac, src_ip=local[0], dst_ip=peer, src_port=local[1], dst_port=peer_port)

    def handoff(self, channel: str = "inbox") -> Record:
        """The newest hand-over of the channel to the device: snd_nxt, rcv_nxt, tsval."""
        return self.timeline.find("HANDOFF", channel=channel)[-1]

    def peer_timestamps(self) -> tuple[int, int]:
        """(TSval, TSecr) that a forged segment of the server may carry now: the newest that the server itself sent."""
        for frame in reversed(self.bench.capture.frames(self.server_port)):
            stamps = tcp_timestamps(frame.data)
            if frame.data[6:12] == self.server_mac and stamps is not None:
                return stamps
        raise LookupError("the server has sent no segment with timestamps")

    def server_answers(self, after: int) -> bool:
        """Whether the server sends anything in the next QUIET_S."""
        try:
            self.bench.capture.wait_for(self.server_port, lambda data: data[6:12] == self.server_mac, QUIET_S, after=after)
        except CaptureTimeout:
            return False
        return True

    def send_to_device(self, frames: Sequence[bytes]) -> None:
        """All of them, no faster than the device takes them, until it has counted them."""
        before, sent = self.device.counters(), 0
        for some in _portions(frames):
            self.bench.inject.burst(some)
            sent += len(some)
            self.wait_received_by_device(before, sent)

    def wait_received_by_device(self, before: dict[str, int], count: int) -> None:
        """Until the device has counted `count` frames more than in `before`."""
        deadline = Deadline(10)
        while (received := self.device.counters()["rx_total"] - before["rx_total"]) < count:
            assert not deadline.expired, f"the device received {received} of {count} frames"
            deadline.pause()

    def wait_for(self, look: Callable[[], Any], wanted: Any) -> None:
        """What nobody writes down."""
        deadline = Deadline(WAIT_S)
        while (seen := look()) != wanted:
            assert not deadline.expired, f"{seen!r:.200}, not {wanted!r:.200}"
            deadline.pause()

    def wait_counted(self, name: str, before: dict[str, int], count: int) -> None:
        """Until that counter of the device's is higher by `count` than in `before`; what makes it so need not have come yet."""
        deadline = Deadline(10)
        while (rose := self.device.counters()[name] - before[name]) < count:
            assert not deadline.expired, f"{name} rose by {rose}, not by {count}"
            deadline.pause()

    def assert_no_wake(self, after: int, *events: str) -> None:
        """Nothing woke the host since `after`, nor does in the next QUIET_S."""
        try:
            woke = self.timeline.wait_until(
                lambda r: r.event in ("NIC_WAKE", "RUN_ENTER", *events), "a wake", timeout_s=QUIET_S, after=after
            )
        except TimelineTimeout:
            return
        raise AssertionError(f"woken by {woke.event} {dict(woke.detail)}")
