"""Where triggers of a kind come from. One file a kind, or a few kinds that fire alike, in triggers/."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rig.standby.system.app_process import AppProcess
from rig.standby.system.registration import Registration
from rig.standby.system.store import Name
from rig.standby.system.tasks.instance import Instance
from rig.standby.wire.app_tasks import RegisterTask


class TriggerSource:
    """What a kind has nothing to do with it leaves as it is here: nothing."""

    kinds: tuple[type[Any], ...] = ()

    def check(self, app: AppProcess, wanted: RegisterTask) -> None:
        """Raises HostError: this registration may not be."""

    def armed(self, registration: Registration) -> None:
        """It has been registered, or was taken up by a new system."""

    def disarmed(self, registration: Registration) -> None:
        """It is registered no more."""

    def over(self, instance: Instance) -> None:
        """A run of one is, also one that never began."""

    def restore(self, things: Mapping[Name, bytes]) -> None:
        """What the system before had in rows of its own; `armed` follows for each registration."""
