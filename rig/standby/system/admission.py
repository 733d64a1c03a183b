"""Who may register and make channels at all, and whose triggers fire: background access, and in Windows 8 the lock screen.

With the profile `win8` some kinds of trigger, and control channels, are for apps on the user's lock screen alone; the others need
no more than that access was asked for, whatever the answer (BGT-023). With `win10` the lock screen counts for nothing, and every
kind needs an access that was allowed (BGT-024).
"""

from __future__ import annotations

from rig.standby.system.package import AppPackage
from rig.standby.system.situation import HostSituation
from rig.standby.wire.statuses import BackgroundAccessStatus as Status
from rig.standby.wire.task_enums import SystemTriggerType as Event
from rig.standby.wire.triggers import AnyTrigger, ChannelKeepAlive, ChannelPush, RawPush, SystemEvent, Time

GATED_EVENTS = frozenset(
    {
        Event.USER_PRESENT,
        Event.USER_AWAY,
        Event.CONTROL_CHANNEL_RESET,
        Event.SESSION_CONNECTED,
        Event.BACKGROUND_WORK_COST_CHANGE,
    }
)
GATED_KINDS = (Time, RawPush, ChannelPush, ChannelKeepAlive)


def needs_lock_screen(trigger: AnyTrigger) -> bool:
    """In Windows 8."""
    return isinstance(trigger, GATED_KINDS) or (isinstance(trigger, SystemEvent) and trigger.event in GATED_EVENTS)


class Admission:
    """Reasons are in words."""

    def __init__(self, profile: str, situation: HostSituation) -> None:
        self._with_lock_screen = profile == "win8"
        self._situation = situation

    def refuses(self, package: AppPackage, trigger: AnyTrigger) -> str | None:
        """Why the app may have no task for it, and one that it has does not run."""
        if not self._with_lock_screen:
            return self._without_access(package)
        if needs_lock_screen(trigger):
            return self._not_on_lock_screen(package)
        return "the app has not asked for background access" if package.access_status is Status.UNSPECIFIED else None

    def refuses_channels(self, package: AppPackage) -> str | None:
        """Why the app may make no control channel (CCT-001, 005, 006)."""
        if self._with_lock_screen:
            return self._not_on_lock_screen(package)
        return self._without_access(package)

    def only_while_active(self, package: AppPackage) -> bool:
        """Its channels work only while the user is there, whatever slot it asks for (CCT-051)."""
        return package.access_status is Status.ALLOWED_MAY_USE_ACTIVE_REAL_TIME_CONNECTIVITY

    def _without_access(self, package: AppPackage) -> str | None:
        return None if package.access else "the app has no background access"

    def _not_on_lock_screen(self, package: AppPackage) -> str | None:
        on_it = package.access and package.name in self._situation.now.surroundings.lock_screen
        return None if on_it else "the app is not on the lock screen"
