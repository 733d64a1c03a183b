"""ControlChannelTrigger: a channel whose transport keeps an app reachable in connected standby.

Canonical order: construct, register the keep-alive and push tasks, bind the transport, connect, wait for push enabled,
check the status, post the first read (CCT-010).
"""

from __future__ import annotations

import gc
import weakref
from typing import ClassVar, TypeVar

from rig.device.payload import PayloadKeepAlive, PayloadState
from rig.standby.api import session
from rig.standby.api.bindable import Bindable, transport_of
from rig.standby.api.enums import ControlChannelTriggerResourceType
from rig.standby.api.sealed_keep_alive import SealedKeepAlive
from rig.standby.api.stream_transport import StreamTransport
from rig.standby.api.transport import Transport
from rig.standby.wire import app_channels
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.message import Call
from rig.standby.wire.statuses import ControlChannelTriggerStatus
from rig.standby.wire.triggers import ChannelKeepAlive, ChannelPush

R = TypeVar("R")

FLUSH_LIMIT_S = 1.0
"""How long flush_transport waits for the peer's acknowledgement before it leaves the bytes to the kernel."""


class ControlChannelTrigger:
    """One control channel. Raises HostError from the constructor when access or arguments are refused (CCT-001, 003, 004)."""

    _open: ClassVar[dict[str, ControlChannelTrigger]] = {}

    def __init__(
        self,
        channel_id: str,
        server_keep_alive_interval_in_minutes: int,
        resource_type: ControlChannelTriggerResourceType = ControlChannelTriggerResourceType.REQUEST_SOFTWARE_SLOT,
    ) -> None:
        self._app = session.current()
        self._closed = False
        self._call(app_channels.ConstructChannel(channel_id, server_keep_alive_interval_in_minutes, bool(resource_type)))
        self._id = channel_id
        self._minutes = server_keep_alive_interval_in_minutes
        self._transport: Transport | None = None
        self._before: list[weakref.ref[Transport]] = []
        """Transports of one use that it had."""
        self._transport_object: Bindable | None = None
        """What was bound: the transport itself, or what carries it."""
        self._payload: PayloadKeepAlive | None = None
        self._sealed: SealedKeepAlive | None = None
        """What of it is sealed ahead, where the transport has TLS."""
        self._open[channel_id] = self

    @staticmethod
    def is_supported() -> bool:
        """Whether there are control channels here at all: not on a phone, nor for JavaScript (CCT-007)."""
        return session.current().call(app_channels.GetChannelsSupported())

    @classmethod
    def by_id(cls, channel_id: str | None) -> ControlChannelTrigger | None:
        """The open channel of that id in this app."""
        return cls._open.get(channel_id) if channel_id is not None else None

    @classmethod
    def transport_failed(cls, channel_id: str) -> None:
        """The system says that the channel's transport is dead: what is posted on it ends. The channel may be closed already."""
        channel = cls.by_id(channel_id)
        transport = channel._transport if channel is not None else None
        if transport is not None:
            transport.lost()

    @property
    def control_channel_trigger_id(self) -> str:
        return self._id

    @property
    def transport_object(self) -> Bindable | None:
        return self._transport_object

    @property
    def push_notification_trigger(self) -> ChannelPush:
        return ChannelPush(self._id)

    @property
    def keep_alive_trigger(self) -> ChannelKeepAlive:
        return ChannelKeepAlive(self._id)

    @property
    def server_keep_alive_interval_in_minutes(self) -> int:
        return self._minutes

    @server_keep_alive_interval_in_minutes.setter
    def server_keep_alive_interval_in_minutes(self, minutes: int) -> None:
        self._call(app_channels.SetServerKeepAlive(self._id, minutes))
        self._minutes = minutes

    @property
    def current_keep_alive_interval_in_minutes(self) -> int:
        """The network interval that the system keeps below the app (CCT-036)."""
        return self._call(app_channels.GetNetworkKeepAlive(self._id))

    @property
    def is_wake_from_low_power_supported(self) -> bool:
        return self._call(app_channels.GetWakeSupported(self._id))

    @property
    def payload_keep_alive(self) -> PayloadKeepAlive | None:
        """What the device sends in connected standby, every network interval, in place of empty TCP probes: a ping of the
        app's own protocol. Set it when the transport is ready for pings: it holds from the next standby entry on, until the
        channel gets another transport. Its expected answers do not wake the host and never reach the app. When its tokens
        are used up, the host wakes and the keep-alive task runs, to give new ones (by setting it anew) or to keep the
        connection alive itself; until then plain probes are sent. So they are while the app has been stopped in the middle of a
        write: what one call writes is one message. An app that writes a message in several calls sets TCP_CORK around them. A
        device that takes none sends probes alone (`payload_keep_alive_state.taken`), and the task runs each server interval.

        Over TLS (1.3, or 1.2 with ChaCha20) it is sealed ahead in records that the device sends one after another: see
        sealed_keep_alive.py. It has no expected answer then, and 10 bytes at most: HostError INVALID_ARG."""
        return self._payload

    @payload_keep_alive.setter
    def payload_keep_alive(self, keep_alive: PayloadKeepAlive | None) -> None:
        transport = self._transport
        stream = transport.stream if isinstance(transport, StreamTransport) else None
        sealed = None
        if keep_alive is not None and stream is not None and stream.layer is not None:
            sealed = SealedKeepAlive(self._id, stream, keep_alive)
        if self._sealed is not None:
            self._sealed.end()
        self._call(app_channels.SetPayload(self._id, keep_alive if sealed is None else None))
        self._payload, self._sealed = keep_alive, sealed
        if sealed is not None:
            sealed.begin()

    def keep_alive_by_device(self, by_device: bool) -> None:
        """An extension of the rig's, off by default: in connected standby `payload_keep_alive` is all that keeps the connection
        alive. The keep-alive task does not wake the host each server interval, as long as the device has payloads to send. Until
        the channel gets another transport."""
        self._call(app_channels.SetKeptAliveByDevice(self._id, by_device))

    @property
    def payload_keep_alive_state(self) -> PayloadState:
        """How many were sent and answered since it was set, and the counter to go on from. Raises HostError
        ILLEGAL_METHOD_CALL when none is set."""
        return self._call(app_channels.GetPayloadState(self._id)) if self._sealed is None else self._sealed.state

    def using_transport(self, transport: Bindable) -> None:
        """Bind a transport, before it connects (CCT-012), without TCP keep-alives (CCT-038). A channel takes a new one after the
        old one broke (CCT-039). HTTP: a request of the RtcRequestFactory, nothing else of that flavour (CHC-001)."""
        bound = transport_of(transport)
        if bound.connected:
            raise HostError(HResult.ILLEGAL_METHOD_CALL, "the transport is connected already: bind it before connect")
        if bound.keep_alive:
            raise HostError(HResult.INVALID_ARG, "the transport of a channel has no TCP keep-alives of its own: switch them off")
        bound.check_bind()
        self._let_go()
        self._call(app_channels.UsingTransport(self._id, bound.socket_id, self._count_held()))
        bound.channel_id = self._id
        self._transport, self._transport_object = bound, transport
        self._payload = None
        self._forget_sealed()

    def _let_go(self) -> None:
        """Of the transport before: what the app has not kept is gone when this returns."""
        if self._transport is not None and self._transport.one_use:
            self._before.append(weakref.ref(self._transport))
            self._transport = self._transport_object = None

    def _count_held(self) -> int:
        """How many of those that it had the app has kept (CXR-003)."""
        if any(reference() is not None for reference in self._before):
            gc.collect()  # what refers to itself alone, nobody has kept
        kept = [transport for reference in self._before if (transport := reference()) is not None]
        self._before = [weakref.ref(transport) for transport in kept]
        return sum(transport.held for transport in kept)

    def wait_for_push_enabled(self) -> ControlChannelTriggerStatus:
        """Blocks until the slot is there or refused: until the transport is connected, if it connects by itself (CHC-003)."""
        transport = self._transport
        if transport is not None and not transport.settled():
            return ControlChannelTriggerStatus.TRANSPORT_DISCONNECTED
        status = ControlChannelTriggerStatus(self._call(app_channels.WaitForPushEnabled(self._id)))
        if transport is not None and status.allocated:
            transport.push_enabled()
        return status

    def decrease_network_keep_alive_interval(self) -> None:
        """The app saw the connection drop: lower the network interval by a step, never below the floor (CCT-037)."""
        self._call(app_channels.DecreaseNetworkKeepAlive(self._id))

    def flush_transport(self) -> None:
        """Returns when the peer has acknowledged what was written, or the kernel owns it for good (CCT-035)."""
        if self._transport is not None:
            self._transport.wait_acknowledged(FLUSH_LIMIT_S)
        self._app.timeline.add("FLUSH", app=self._app.name, instance=self._app.instance, channel=self._id)

    def close(self) -> None:
        """Pending operations end as cancelled; the slot is free for the next channel when this returns (CCT-044). Closed already:
        nothing, whoever has the id by now."""
        if self._closed:
            return
        self._open.pop(self._id, None)
        self._forget_sealed()
        if self._transport is not None:
            self._transport.close()
        self._call(app_channels.CloseChannel(self._id))
        self._closed = True

    def _forget_sealed(self) -> None:
        if self._sealed is not None:
            self._sealed.forget()
            self._sealed = None

    def _call(self, call: Call[R]) -> R:
        """Raises HostError ELEMENT_NOT_FOUND after `close`: the id may be another channel's."""
        if self._closed:
            raise HostError(HResult.ELEMENT_NOT_FOUND, f"channel {self._id!r} has been closed")
        return self._app.call(call)
