"""What a channel may be bound to: a transport, or what has one of its own, such as an HTTP request."""

from __future__ import annotations

from typing import Protocol, TypeAlias, runtime_checkable

from rig.standby.api.transport import Transport
from rig.standby.wire.hresult import HostError, HResult


@runtime_checkable
class CarriesTransport(Protocol):
    def channel_transport(self) -> Transport:
        """The one that it connects when it is used next. Raises HostError."""


Bindable: TypeAlias = Transport | CarriesTransport


def transport_of(bindable: Bindable) -> Transport:
    """Raises HostError INVALID_ARG for what is neither, whatever the caller's types say (CHC-001)."""
    if isinstance(bindable, Transport):
        return bindable
    if isinstance(bindable, CarriesTransport):
        return bindable.channel_transport()
    raise HostError(HResult.INVALID_ARG, f"a {type(bindable).__name__} is no transport for a channel")
