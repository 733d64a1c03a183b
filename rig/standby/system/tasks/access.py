"""Whether an app may run in the background: asked for once, and again after an update (BGT-001, 002, 003)."""

from __future__ import annotations

from collections.abc import Mapping

from rig.standby.system.package import AppPackage
from rig.standby.system.situation import HostSituation
from rig.standby.wire.statuses import BackgroundAccessStatus as Status
from rig.standby.wire.task_enums import BackgroundAccessRequestKind as Kind

ALLOWED = frozenset(
    {
        Status.ALLOWED_WITH_ALWAYS_ON_REAL_TIME_CONNECTIVITY,
        Status.ALLOWED_MAY_USE_ACTIVE_REAL_TIME_CONNECTIVITY,
        Status.ALWAYS_ALLOWED,
        Status.ALLOWED_SUBJECT_TO_SYSTEM_POLICY,
    }
)


class Access:
    def __init__(self, packages: Mapping[str, AppPackage], situation: HostSituation, most: int) -> None:
        """`most`: apps that a device of little memory lets into the background; 0: as many as want to be."""
        self._packages = packages
        self._situation = situation
        self._most = most

    def request(self, package: AppPackage, kind: Kind) -> Status:
        """After an update it changes nothing until the app has removed what it had: the answer counts for the version before."""
        if package.access_outdated:
            return package.access_status
        package.access_status = self._answer(package, kind)
        package.access = package.access_status in ALLOWED
        return package.access_status

    def remove(self, package: AppPackage) -> None:
        package.access = package.access_outdated = False
        package.access_status = Status.UNSPECIFIED

    def _answer(self, package: AppPackage, kind: Kind) -> Status:
        wanted = self._situation.now.surroundings.access
        if wanted is not None:
            return wanted
        if not package.user_grants:
            return Status.DENIED_BY_USER
        others = sum(other.access for other in self._packages.values() if other is not package)
        if self._most and others >= self._most:
            return Status.DENIED_BY_SYSTEM_POLICY
        return Status.ALWAYS_ALLOWED if kind is Kind.ALWAYS_ALLOWED else Status.ALLOWED_SUBJECT_TO_SYSTEM_POLICY
