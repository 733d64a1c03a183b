"""What is around the host and changes without it: power, the user, the network's price. Tests turn all of it (`host.levers`)."""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated, Any, TypeAlias

import msgspec
from msgspec import Meta

from rig.standby.wire.statuses import BackgroundAccessStatus

Percent: TypeAlias = Annotated[int, Meta(ge=0, le=100)]
PackageName: TypeAlias = Annotated[str, Meta(min_length=1, max_length=256)]
LOCK_SCREEN_APPS = 7
"""Most that the user can have there (BGT-023)."""


class NetworkCostType(IntEnum):
    """Of the connection that the host uses; values from the WinRT reference."""

    UNKNOWN = 0
    UNRESTRICTED = 1
    FIXED = 2
    VARIABLE = 3


class Surroundings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The defaults are those of a laptop on its desk: on AC, its user before it, a free network."""

    ac: bool = True
    """External power."""
    battery_percent: Percent = 100
    energy_saver: bool = False
    """The user lets it save; it does on battery below the threshold (BGT-030)."""
    energy_saver_below_percent: Percent = 20
    energy_saver_exempt: tuple[PackageName, ...] = ()
    """Apps that run all the same."""
    user_present: bool = True
    session_connected: bool = True
    quiet_hours: bool = False
    lock_screen: Annotated[tuple[PackageName, ...], Meta(max_length=LOCK_SCREEN_APPS)] = ()
    """Apps that the user has put there."""
    access: BackgroundAccessStatus | None = None
    """What an app hears that asks for background access, from the user or the policy; None: as `start_app` has it."""
    application_triggers: bool = True
    """The user's energy and privacy settings let apps start tasks of their own (APT-005)."""
    device_consent: bool = True
    """What the user answers when an app is about to work with a device (BGT-021)."""
    internet: bool = True
    """The network that the host is on leads to the internet."""
    cost: NetworkCostType = NetworkCostType.UNRESTRICTED
    roaming: bool = False
    over_data_limit: bool = False
    approaching_data_limit: bool = False
    background_data_restricted: bool = False
    time_zone: Annotated[str, Meta(min_length=1, max_length=64)] = "UTC"
    online_id_connected: bool = True
    """The user's Microsoft account is signed in."""

    @property
    def energy_saver_on(self) -> bool:
        """It saves right now."""
        return self.energy_saver and not self.ac and self.battery_percent < self.energy_saver_below_percent


def differences(before: Surroundings, after: Surroundings) -> dict[str, Any]:
    """What is new, by name; plain values."""
    old, new = msgspec.structs.asdict(before), msgspec.structs.asdict(after)
    return {name: plain(value) for name, value in new.items() if value != old[name]}


def plain(value: object) -> object:
    """As a record has it: an enumeration by its name."""
    return value.name if isinstance(value, IntEnum) else value
