"""What outlives the system's process of the line to the push service."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

import msgspec

from rig.standby.system.reservation import Reservation
from rig.standby.system.rows import Rows, SavedObject
from rig.standby.system.store import Name, saved_of

PUSH = "push"
"""Kind of what is saved of it, and the name of its descriptor in the supervisor's store."""
LABEL = "the push client"
"""What a hold calls it."""
NAMES = {"app": "push client"}
"""What a record of its connection begins with."""


class SavedPush(msgspec.Struct, frozen=True):
    host: str
    address: str = ""
    port: int = 0
    service: str = ""
    last: int = 0
    connected: bool = False
    key: str | None = None
    gone: tuple[str, ...] = ()


class PushState(SavedObject):
    def __init__(self, rows: Rows, things: Mapping[Name, bytes]) -> None:
        found = saved_of(things, PUSH, SavedPush)
        saved: SavedPush = found[0] if found else SavedPush(secrets.token_hex(16))
        self.host = saved.host
        """What the service knows this host by; made by chance, once."""
        self.address, self.port = saved.address, saved.port
        """Of the service; "": there is none."""
        self.service = saved.service
        """The run of the service that `last` is a number of."""
        self.last = saved.last
        """The newest notification whose fate is written down, in one transaction with it."""
        self.connected = saved.connected
        """The service has said Welcome on the connection whose descriptor is in the supervisor's store."""
        self.reservation = Reservation(saved.key)
        """The connection's place in the device."""
        self.gone = saved.gone
        """Apps that are uninstalled, as long as the service has not heard of it."""
        self.is_saved_in(rows)

    @property
    def row_name(self) -> Name:
        return PUSH, ""

    def save(self) -> SavedPush:
        return SavedPush(
            self.host, self.address, self.port, self.service, self.last, self.connected, self.reservation.key, self.gone
        )
