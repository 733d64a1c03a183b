"""How a channel gets its slot and its transport, and how it loses them.

Slot records: SLOT_REQUEST when the transport connects, SLOT_GRANT or SLOT_DENY, SLOT_FREE. A hardware grant reserves the
connection in the device at once (NIC_PATTERN_ADD of the driver, CCT-041); standby entry refreshes it. What waits for the device
is a coroutine, and may be begun again from its beginning (reservation.py).
"""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import replace
from typing import Any

from rig.config import StandbyConfig
from rig.device.payload import PayloadKeepAlive, PayloadState
from rig.net.tcp_info import TCP_ESTABLISHED, tcp_info
from rig.standby.system.admission import Admission
from rig.standby.system.app_process import AppProcess
from rig.standby.system.channels.availability import ChannelAvailability
from rig.standby.system.channels.channel import Channel, Transport
from rig.standby.system.channels.decision import AtSetUp, Nic, Row, decide
from rig.standby.system.channels.slots import NONE_FREE, SlotKind, SlotPolicy
from rig.standby.system.channels.table import ChannelTable
from rig.standby.system.channels.watch import TransportWatch
from rig.standby.system.driver import Driver
from rig.standby.system.numbers import Numbers
from rig.standby.system.power import PowerState
from rig.standby.system.reservation import held_again
from rig.standby.system.supervising import Supervising
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.statuses import ControlChannelTriggerStatus as Status
from rig.standby.wire.transport import is_datagram
from rig.timeline import TimelineWriter

CHANNEL_ID_LENGTH = 64
KEEP_ALIVE_MINUTES = range(15, 1440)
CHANNELS_PER_APP = 64
"""Many times the slots that an app may have. What one app holds is written down with each change of any: it must stay small."""
KEPT_TOKENS_BYTES = 16 * 1024
"""Of a payload keep-alive: a client's masks for 4096 WebSocket pings, some days of them."""


class ChannelSetup:
    """Everything that changes a channel."""

    def __init__(
        self,
        table: ChannelTable,
        watch: TransportWatch,
        policy: SlotPolicy,
        admission: Admission,
        driver: Driver,
        supervisor: Supervising,
        numbers: Numbers,
        power: PowerState,
        availability: ChannelAvailability,
        timeline: TimelineWriter,
        rules: StandbyConfig,
    ) -> None:
        self._table = table
        self._watch = watch
        self._policy = policy
        self._admission = admission
        self._driver = driver
        self._supervisor = supervisor
        self._power = power
        self._availability = availability
        self._timeline = timeline
        self._rules = rules
        self._numbers = numbers

    @property
    def supported(self) -> bool:
        """CCT-007."""
        return self._rules.has_channels

    def construct(self, app: AppProcess, channel_id: str, minutes: int, hardware: bool) -> Channel:
        """CCT-001, 003, 004, 007, 008."""
        if not self.supported:
            why = f"a {self._rules.family} host and apps in {self._rules.app_runtime} code have no control channels"
            raise HostError(HResult.NOT_SUPPORTED, why)
        refused = self._admission.refuses_channels(app.package)
        if refused is not None:
            raise HostError(HResult.UNAUTHORIZED_ACCESS, f"{refused}: request background access before making a channel")
        if not 1 <= len(channel_id) <= CHANNEL_ID_LENGTH:
            raise HostError(HResult.INVALID_ARG, f"channel id of {len(channel_id)} characters, 1 to {CHANNEL_ID_LENGTH} allowed")
        check_minutes(minutes)
        if sum(channel.app is app for channel in self._table) >= CHANNELS_PER_APP:
            raise HostError(HResult.OUT_OF_MEMORY, f"app {app.name} has {CHANNELS_PER_APP} channels, and may have no more")
        if self._table.find(app, channel_id) is not None:
            raise HostError(HResult.INVALID_STATE, f"channel {channel_id!r} is open already in app {app.name}")
        channel = Channel(app, channel_id, minutes, hardware, min(self._rules.network_ka_initial_min, minutes))
        self._table.add(channel)
        self._record("CTOR", channel, minutes=minutes, hardware=hardware)
        return channel

    # -- intervals and payloads ----------------------------------------------------------------------------------------

    async def set_server_minutes(self, channel: Channel, minutes: int) -> None:
        check_minutes(minutes)
        channel.minutes = minutes
        channel.network_minutes = min(channel.network_minutes, minutes)
        await self._update(channel)

    async def decrease_network_minutes(self, channel: Channel) -> None:
        """CCT-037; the device follows at the next standby entry (CCT-036)."""
        lower = max(self._rules.network_ka_floor_min, channel.network_minutes - self._rules.network_ka_step_min)
        await self._update(channel, lower)
        channel.network_minutes = lower

    async def set_payload(self, channel: Channel, payload: PayloadKeepAlive | None) -> None:
        """From the next standby entry on; counts begin at 0."""
        if payload is not None and len(payload.tokens) > KEPT_TOKENS_BYTES:
            raise HostError(
                HResult.INVALID_ARG, f"{len(payload.tokens)} bytes of tokens, at most {KEPT_TOKENS_BYTES} can be kept"
            )
        channel.payload = payload
        self._record("PAYLOAD_KEEP_ALIVE", channel, bytes=len(payload.data) if payload is not None else 0)
        await self._update(channel)

    async def payload_state(self, channel: Channel) -> PayloadState:
        """Raises HostError ILLEGAL_METHOD_CALL when there is none."""
        payload = channel.payload
        if payload is None:
            raise HostError(HResult.ILLEGAL_METHOD_CALL, f"channel {channel.channel_id!r} has no payload keep-alive")
        held = await self._driver.payload_state(channel.key) if channel.key is not None else None
        if held is not None:
            return held
        return PayloadState(0, 0, payload.counter.start if payload.counter else None, payload.tokens_left)

    async def stop_payload(self, channel: Channel) -> PayloadState:
        """How far it came, for good: the app sends what is left of it, and whatever it likes behind that. Raises HostError
        INVALID_STATE while that is not known yet, ELEMENT_NOT_FOUND when it never will be."""
        payload = channel.payload
        if payload is None:
            return PayloadState()
        if channel.key is None and not (channel.reset or channel.over):  # nobody has begun it
            channel.payload = None
            return PayloadState()
        state = await self._driver.stop_payload(channel.key) if channel.key is not None else None
        if state is None:
            why = f"nobody knows what the device has sent on channel {channel.channel_id!r}"
            raise HostError(HResult.ELEMENT_NOT_FOUND, why)
        return state

    async def set_resumed(self, channel: Channel) -> None:
        """The processes of the app, as they have been stopped, are what a wake of the channel continues."""
        if not channel.reservation.resumes(channel.app.child.pids):
            await self._update(channel)

    async def _update(self, channel: Channel, network_minutes: int | None = None) -> None:
        await channel.reservation.update(
            self._driver,
            network_minutes=network_minutes or channel.network_minutes,
            payload=channel.payload,
            resume=channel.app.child.pids,
        )

    # -- transports ----------------------------------------------------------------------------------------------------

    async def bind(self, channel: Channel, socket_id: int, held: int = 0) -> None:
        """A new transport for the channel; what the old one held in the kernel is let go, the slot's kind stays (CCT-039).
        `held`: as UsingTransport has it."""
        await self.give_back(channel)
        self._drop_transport(channel)
        channel.transport = Transport(socket_id, held=held)
        self._record("USING_TRANSPORT", channel, socket=socket_id)

    def connect_begin(self, channel: Channel, host: str, port: int) -> None:
        """Take a slot or fail the connect (CCT-020)."""
        self._record("CONNECT_BEGIN", channel, host=host, port=port)
        if channel.wants_hardware and _is_loopback(host):
            raise HostError(HResult.NOT_SUPPORTED_FOR_SOCKET, f"no hardware channel to {host}: the device is on no way there")
        if channel.kind is not None and self._held(channel):
            self._free_slot(channel)  # whether it may have one is another question now
        if channel.kind is None:
            self._request_slot(channel)

    def check_waits_for_transport(self, channel: Channel) -> None:
        """Raises HostError when nothing is bound, or that is connected already."""
        if channel.transport is None or channel.transport.sock is not None:
            raise HostError(HResult.ILLEGAL_METHOD_CALL, f"channel {channel.channel_id!r} waits for no connected transport")

    async def connected(self, channel: Channel, sock: socket.socket) -> None:
        """`sock` belongs to the channel from now on, which waits for it."""
        transport = channel.transport
        assert transport is not None
        try:
            await self._supervisor.put(channel.stored_as, sock.fileno())
        except BaseException:
            sock.close()
            raise
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 0)  # CCT-038: the system keeps it alive, and nobody beside it
        transport.sock = sock
        self._record("CONNECT_END", channel, error=None)

    def not_connected(self, channel: Channel, error: str) -> None:
        self._record("CONNECT_END", channel, error=error)
        self._free_slot(channel)

    async def close(self, channel: Channel) -> None:
        """The slot is free for the next channel when this returns (CCT-044)."""
        await self.give_back(channel)
        self.drop(channel)

    def drop(self, channel: Channel) -> None:
        """All of it but what the device keeps."""
        self._drop_transport(channel)
        self._free_slot(channel)
        if channel in self._table:
            self._table.remove(channel)
            self._record("CHANNEL_CLOSE", channel)

    def reset(self, channel: Channel) -> None:
        """It is of no use any more; its slot is to be freed."""
        self._watch.stop_channel(channel)
        channel.reset, channel.status, channel.held_pushes = True, None, 0

    async def free(self, channel: Channel) -> None:
        """Its slot, for the next channel."""
        await self.give_back(channel)
        self._free_slot(channel)

    def kind_for(self, channel: Channel) -> SlotKind:
        """What it asks for, and its app may have (CCT-051)."""
        also_asleep = not self._admission.only_while_active(channel.app.package)
        return self._policy.kind_for(channel.wants_hardware and also_asleep)

    def _drop_transport(self, channel: Channel) -> None:
        self._watch.stop_channel(channel)
        channel.reset = False
        if channel.sock is not None:
            channel.sock.close()
            self._supervisor.remove(channel.stored_as)
        channel.transport = channel.status = channel.payload = channel.no_slot = None
        channel.kept_alive_by_device = False

    # -- slots ---------------------------------------------------------------------------------------------------------

    async def wait_for_push_enabled(self, channel: Channel) -> Status:
        """CCT-015 to 026. The answer is final: never HARDWARE_SLOT_REQUESTED, and the same one again when it was a refusal."""
        if channel.refused is not None:
            return channel.refused
        if channel.transport is None or (channel.sock is None and channel.no_slot is None):
            raise HostError(HResult.ILLEGAL_METHOD_CALL, "wait for push enabled before the bound transport is connected")
        if channel.sock is not None and is_datagram(channel.sock):
            self._free_slot(channel)
            raise HostError(HResult.OUT_OF_MEMORY, "no channel has a datagram transport: bind a StreamSocket")
        end = await self._outcome(channel)
        kind = channel.kind
        if not end.status.allocated:
            await self.free(channel)
        channel.status = end.status
        event = "SLOT_GRANT" if end.status.allocated else "SLOT_DENY"
        reason = {} if end.status.allocated else {"reason": channel.no_slot or end.why}
        self._record(event, channel, status=end.status.name, kind=kind.value if kind else None, **reason)
        return end.status

    async def _outcome(self, channel: Channel) -> Row:
        """The device is asked once; what happens to the channel meanwhile decides afterwards."""
        end = decide(self._at_set_up(channel, Nic.NOT_ASKED))
        if end.status is not Status.HARDWARE_SLOT_REQUESTED or channel.sock is None:
            return end
        refusal = await channel.reservation.ask(self._reserve(channel, channel.sock))
        at_set_up = self._at_set_up(channel, Nic.HOLDS_IT if refusal is None else Nic.REFUSES)
        if refusal is not None and refusal.over:
            at_set_up = replace(at_set_up, established=False)
        return decide(at_set_up)

    def _at_set_up(self, channel: Channel, nic: Nic) -> AtSetUp:
        sock = channel.sock
        return AtSetUp(
            kind=channel.kind or self.kind_for(channel),
            available=self._availability.ready,
            reset=channel.reset,
            established=sock is None or tcp_info(sock).state == TCP_ESTABLISHED,
            in_standby=self._power.in_standby,
            no_slot=channel.no_slot,
            nic=nic,
        )

    async def _reserve(self, channel: Channel, sock: socket.socket) -> None:
        await channel.reservation.reserve(
            self._driver,
            self._numbers,
            sock.fileno(),
            {"app": channel.app.name, "instance": channel.app.instance, "channel": channel.channel_id},
            network_minutes=channel.network_minutes,
            payload=channel.payload,
            resume=channel.app.child.pids,
        )

    async def give_back(self, channel: Channel) -> None:
        """Take from the device what it keeps for the channel's transport; the channel keeps its slot for the next one."""
        await channel.reservation.give_back(self._driver)

    async def reserve_again(self, channel: Channel) -> bool:
        """The driver has no slot for its connection any more. False: it is gone meanwhile, or refused, and nobody would keep it
        while the host sleeps. It is given back then, as the driver may hold it without one."""
        sock = channel.sock
        if sock is None:
            return False
        held = await held_again(self._reserve_to_go_on(channel, sock))
        if not held:
            await self.give_back(channel)
        return held

    async def _reserve_to_go_on(self, channel: Channel, sock: socket.socket) -> None:
        if not await self._payload_can_go_on(channel):
            raise HostError(HResult.INVALID_STATE, "nobody knows which of its records were sent")
        await self._reserve(channel, sock)

    async def _payload_can_go_on(self, channel: Channel) -> bool:
        """Records that were sealed ahead cannot begin anew: some may have been sent."""
        payload, key = channel.payload, channel.key
        if payload is None or not payload.sealed or key is None:
            return True
        return await self._driver.payload_state(key) is not None

    def restore_slot(self, channel: Channel) -> None:
        """Of a channel that the system before had: it keeps what it holds, whatever the policy says now."""
        if channel.kind is not None:
            self._policy.restore(channel.kind, channel.app.package.name)

    def _request_slot(self, channel: Channel) -> None:
        kind = self.kind_for(channel)
        self._record("SLOT_REQUEST", channel, kind=kind.value)
        channel.no_slot = self._policy.take(kind, channel.app.package.name, self._held(channel))
        if channel.no_slot is None:
            channel.kind, channel.status = kind, None
            return
        self._record("SLOT_DENY", channel, kind=kind.value, reason=channel.no_slot)
        if channel.no_slot == NONE_FREE and self._availability.ready and self._rules.no_slot_fails_connect:
            raise HostError(HResult.NO_SLOT, "no free hardware slot; close this channel and make one with a software slot")

    def _held(self, channel: Channel) -> int:
        return channel.transport.held if channel.transport is not None else 0

    def _free_slot(self, channel: Channel) -> None:
        if channel.kind is not None:
            self._policy.give_back(channel.kind, channel.app.package.name)
            self._record("SLOT_FREE", channel, kind=channel.kind.value)
            channel.kind = None

    def _record(self, event: str, channel: Channel, **detail: Any) -> None:
        self._timeline.add(event, app=channel.app.name, channel=channel.channel_id, **detail)


def _is_loopback(host: str) -> bool:
    """As far as the name tells; what resolves to loopback all the same is refused by the driver (RIG-N14)."""
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host.rstrip(".").lower() == "localhost"


def check_minutes(minutes: int) -> None:
    """CCT-004. Raises HostError INVALID_ARG."""
    if minutes not in KEEP_ALIVE_MINUTES:
        raise HostError(HResult.INVALID_ARG, f"server keep-alive of {minutes} minutes, 15 to 1439 allowed")
