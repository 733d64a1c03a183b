"""Identity: what an app is, whoever runs it. Its processes are `AppProcess`es; two of one package share what stands here."""

from __future__ import annotations

import msgspec

from rig.standby.system.registration import Registration


class AppPackage(msgspec.Struct, eq=False):
    """`name` is its identity; what the user was asked and what it has registered."""

    name: str
    user_grants: bool = True
    """What the user answers to an access request."""
    access: bool = False
    """It has asked, and the user said yes."""
    registrations: dict[str, Registration] = msgspec.field(default_factory=dict)
    """By task id, in the order in which they were made."""
