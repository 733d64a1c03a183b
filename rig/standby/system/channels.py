"""The service's side of control channels: construction, binding, slots, set-up status, closing.

Slot records: SLOT_REQUEST when the transport connects, SLOT_GRANT or SLOT_DENY, SLOT_FREE. A hardware grant reserves the
connection's entry in the device at once (NIC_PATTERN_ADD, CCT-041); standby entry refreshes it.
"""

from __future__ import annotations

import itertools
import socket
from dataclasses import dataclass
from typing import Any

from rig.device.payload import PayloadKeepAlive, PayloadState
from rig.errors import BenchError
from rig.net.tcp_info import TCP_ESTABLISHED, tcp_info
from rig.standby.nic.payload_keep_alive import PayloadOverSleeps
from rig.standby.system.apps import AppProcess
from rig.standby.system.blocking_driver import BlockingDriver
from rig.standby.system.power import Power, PowerState
from rig.standby.system.slots import SlotKind, SlotPolicy
from rig.standby.wire import nic
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.statuses import ControlChannelTriggerStatus as Status
from rig.timeline import TimelineWriter

CHANNEL_ID_LENGTH = 64
KEEP_ALIVE_MINUTES = range(15, 1440)


@dataclass
class Channel:
    """One channel. `sock` is the service's own descriptor of the bound transport."""

    app: AppProcess
    channel_id: str
    minutes: int
    wants_hardware: bool
    network_minutes: int
    bound_socket: int | None = None
    kind: SlotKind | None = None
    sock: socket.socket | None = None
    key: str | None = None
    """By which the driver of the device holds the transport."""
    status: Status | None = None
    over: bool = False
    """The app has read the end of the transport: it can neither wake nor hold the host awake any more."""
    held_pushes: int = 0
    """Push tasks that wait for the system to be active."""
    payload: PayloadKeepAlive | None = None
    """What the device sends in place of probes on this transport; None: probes."""

    def set_network_minutes(self, minutes: int) -> None:
        """The interval of the keep-alives below the app; the device follows at the next standby entry (CCT-036, CCT-037)."""
        self.network_minutes = minutes

    @property
    def push_enabled(self) -> bool:
        return self.status is not None and self.status.allocated

    @property
    def hardware(self) -> bool:
        return self.kind is SlotKind.HARDWARE


class Channels:
    """All channels of the host, by (app, id)."""

    def __init__(
        self, policy: SlotPolicy, driver: BlockingDriver, power: PowerState, timeline: TimelineWriter, network_minutes: int
    ) -> None:
        self.policy = policy
        self.no_slot_fails_connect = True
        self._driver = driver
        self._keys = itertools.count(1)
        self._power = power
        self._timeline = timeline
        self._network_minutes = network_minutes
        self._all: dict[tuple[str, str], Channel] = {}

    def all(self) -> list[Channel]:
        return list(self._all.values())

    def get(self, app: AppProcess, channel_id: str) -> Channel:
        try:
            return self._all[app.name, channel_id]
        except KeyError:
            raise HostError(HResult.ELEMENT_NOT_FOUND, f"app {app.name} has no channel {channel_id!r}") from None

    def construct(self, app: AppProcess, channel_id: str, minutes: int, hardware: bool) -> None:
        """CCT-001, 003, 004, 008."""
        if not app.access:
            raise HostError(HResult.UNAUTHORIZED_ACCESS, "request background access before making a channel")
        if not 1 <= len(channel_id) <= CHANNEL_ID_LENGTH:
            raise HostError(HResult.INVALID_ARG, f"channel id of {len(channel_id)} characters, 1 to {CHANNEL_ID_LENGTH} allowed")
        check_minutes(minutes)
        if (app.name, channel_id) in self._all:
            raise HostError(HResult.INVALID_STATE, f"channel {channel_id!r} is open already in app {app.name}")
        self._all[app.name, channel_id] = Channel(app, channel_id, minutes, hardware, min(self._network_minutes, minutes))
        self._record("CTOR", self._all[app.name, channel_id], minutes=minutes, hardware=hardware)

    def bind(self, channel: Channel, socket_id: int) -> None:
        """A new transport for the channel; what the old one held in the kernel is let go, the slot's kind stays (CCT-039)."""
        self._drop_transport(channel)
        channel.bound_socket = socket_id
        self._record("USING_TRANSPORT", channel, socket=socket_id)

    def connect_begin(self, channel: Channel, host: str, port: int) -> None:
        """Take a slot or fail the connect (CCT-020)."""
        self._record("CONNECT_BEGIN", channel, host=host, port=port)
        if channel.kind is None:
            self._request_slot(channel)

    def connect_end(self, channel: Channel, sock: socket.socket | None, error: str | None) -> None:
        self._record("CONNECT_END", channel, error=error)
        if sock is not None:
            channel.sock = sock
        else:
            self._free_slot(channel)

    def wait_for_push_enabled(self, channel: Channel) -> Status:
        """CCT-015 to 026. The answer is final: never HARDWARE_SLOT_REQUESTED."""
        if channel.bound_socket is None or (channel.sock is None and channel.status is not Status.POLICY_ERROR):
            raise HostError(HResult.ILLEGAL_METHOD_CALL, "wait for push enabled before the bound transport is connected")
        status = self._settle(channel)
        if not status.allocated:
            self._free_slot(channel)
        channel.status = status
        event = "SLOT_GRANT" if status.allocated else "SLOT_DENY"
        self._record(event, channel, status=status.name, kind=channel.kind.value if channel.kind else None)
        return status

    def set_payload(self, channel: Channel, keep_alive: PayloadKeepAlive | None) -> None:
        """From the next standby entry on; counts begin at 0."""
        channel.payload = keep_alive
        self.update(channel)
        self._record("PAYLOAD_KEEP_ALIVE", channel, bytes=len(keep_alive.data) if keep_alive is not None else 0)

    def update(self, channel: Channel) -> None:
        """What the driver needs to know at the next standby entry."""
        if channel.key is not None:
            self._driver.call(nic.Update(channel.key, channel.network_minutes, channel.payload, channel.app.child.pids))

    def payload_state(self, channel: Channel) -> PayloadState | None:
        if channel.payload is None:
            return None
        held = self._driver.call(nic.GetPayloadState(channel.key)) if channel.key is not None else None
        return held or PayloadOverSleeps(channel.payload).state

    def by_key(self, key: str | None) -> Channel | None:
        return next((channel for channel in self.all() if key is not None and channel.key == key), None)

    def forget_dead(self) -> None:
        """Take from the device what it keeps for transports that are over; the channels keep their slots for the next ones."""
        for channel in self.all():
            if channel.over:
                self._give_back_entry(channel)

    def close(self, channel: Channel) -> None:
        self._drop_transport(channel)
        self._free_slot(channel)
        del self._all[channel.app.name, channel.channel_id]

    def close_app(self, app: AppProcess) -> None:
        """The app's process ended: nothing of it stays (CCT-044 holds for a killed app too)."""
        for channel in [c for c in self.all() if c.app is app]:
            self.close(channel)

    def _settle(self, channel: Channel) -> Status:
        if channel.status is Status.POLICY_ERROR or channel.sock is None or channel.kind is None:
            return Status.POLICY_ERROR
        if tcp_info(channel.sock).state != TCP_ESTABLISHED:
            return Status.TRANSPORT_DISCONNECTED
        if not channel.hardware:
            return Status.SERVICE_UNAVAILABLE if self._power.state is Power.ENTERING_STANDBY else Status.SOFTWARE_SLOT_ALLOCATED
        key = f"{channel.app.name}/{channel.channel_id}/{next(self._keys)}"
        names = {"app": channel.app.name, "channel": channel.channel_id}
        call = nic.Reserve(key, names, channel.network_minutes, channel.payload)
        try:
            self._driver.call(call, (channel.sock.fileno(),))
        except BenchError as error:
            return Status.TRANSPORT_DISCONNECTED if error.code == "RIG-N23" else Status.SYSTEM_ERROR
        channel.key = key
        return Status.HARDWARE_SLOT_ALLOCATED

    def _request_slot(self, channel: Channel) -> None:
        kind = self.policy.kind_for(channel.wants_hardware)
        self._record("SLOT_REQUEST", channel, kind=kind.value)
        refused = self.policy.take(kind, channel.app.name)
        if refused is None:
            channel.kind, channel.status = kind, None
            return
        channel.status = Status.POLICY_ERROR
        self._record("SLOT_DENY", channel, kind=kind.value, reason=refused)
        if refused == "none free" and self.no_slot_fails_connect:
            raise HostError(HResult.NO_SLOT, "no free hardware slot; close this channel and make one with a software slot")

    def _drop_transport(self, channel: Channel) -> None:
        self._give_back_entry(channel)
        if channel.sock is not None:
            channel.sock.close()
        channel.sock = channel.bound_socket = channel.status = channel.payload = None
        channel.over = False

    def _give_back_entry(self, channel: Channel) -> None:
        if channel.key is not None:
            self._driver.call(nic.GiveBack(channel.key))
            channel.key = None

    def _free_slot(self, channel: Channel) -> None:
        if channel.kind is not None:
            self.policy.give_back(channel.kind, channel.app.name)
            self._record("SLOT_FREE", channel, kind=channel.kind.value)
            channel.kind = None

    def _record(self, event: str, channel: Channel, **detail: Any) -> None:
        self._timeline.add(event, app=channel.app.name, channel=channel.channel_id, **detail)


def check_minutes(minutes: int) -> None:
    """CCT-004. Raises HostError INVALID_ARG."""
    if minutes not in KEEP_ALIVE_MINUTES:
        raise HostError(HResult.INVALID_ARG, f"server keep-alive of {minutes} minutes, 15 to 1439 allowed")
