"""Enumerations of the host API that the system answers with; values from the WinRT reference, by name."""

from __future__ import annotations

from enum import IntEnum


class ControlChannelTriggerStatus(IntEnum):
    """Outcome of a channel's set-up."""

    HARDWARE_SLOT_REQUESTED = 0
    """Intermediate, never a success (CCT-026)."""
    SOFTWARE_SLOT_ALLOCATED = 1
    HARDWARE_SLOT_ALLOCATED = 2
    POLICY_ERROR = 3
    SYSTEM_ERROR = 4
    TRANSPORT_DISCONNECTED = 5
    SERVICE_UNAVAILABLE = 6

    @property
    def allocated(self) -> bool:
        """True for the two values that mean success (CCT-017)."""
        return self in (self.SOFTWARE_SLOT_ALLOCATED, self.HARDWARE_SLOT_ALLOCATED)


class BackgroundAccessStatus(IntEnum):
    """Answer to an access request."""

    UNSPECIFIED = 0
    ALLOWED_WITH_ALWAYS_ON_REAL_TIME_CONNECTIVITY = 1
    ALLOWED_MAY_USE_ACTIVE_REAL_TIME_CONNECTIVITY = 2
    DENIED = 3
    ALWAYS_ALLOWED = 4
    ALLOWED_SUBJECT_TO_SYSTEM_POLICY = 5
    DENIED_BY_SYSTEM_POLICY = 6
    DENIED_BY_USER = 7

    @property
    def allowed(self) -> bool:
        """Whether tasks may run in the background at all."""
        return self in (
            self.ALLOWED_WITH_ALWAYS_ON_REAL_TIME_CONNECTIVITY,
            self.ALLOWED_MAY_USE_ACTIVE_REAL_TIME_CONNECTIVITY,
            self.ALWAYS_ALLOWED,
            self.ALLOWED_SUBJECT_TO_SYSTEM_POLICY,
        )
