"""Whether an app may run in the background: asked for once, and again after an update (BGT-001, 002, 003)."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from rig.config import StandbyConfig
from rig.standby.system.package import AppPackage
from rig.standby.system.surroundings import HostSurroundings
from rig.standby.wire.statuses import BackgroundAccessStatus as Status
from rig.standby.wire.surroundings import LOCK_SCREEN_APPS
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
    def __init__(self, packages: Mapping[str, AppPackage], surroundings: HostSurroundings, rules: StandbyConfig) -> None:
        self._packages = packages
        self._surroundings = surroundings
        self._with_lock_screen = rules.profile == "win8"
        self._most = rules.background_apps

    def request(self, package: AppPackage, kind: Kind) -> Status:
        """After an update it changes nothing until the app has removed what it had: the answer counts for the version before."""
        if package.access_outdated:
            return package.access_status
        package.access_status = self._answer(package, kind)
        package.access = package.access_status in ALLOWED
        if package.access and self._with_lock_screen:
            self._put_on_lock_screen(package)
        return package.access_status

    def remove(self, package: AppPackage) -> None:
        package.access = package.access_outdated = False
        package.access_status = Status.UNSPECIFIED
        if self._with_lock_screen:
            self._take_from_lock_screen(package)

    def _answer(self, package: AppPackage, kind: Kind) -> Status:
        wanted = self._surroundings.now.access
        if wanted is not None:
            return wanted
        if not package.user_grants:
            return Status.DENIED if self._with_lock_screen else Status.DENIED_BY_USER
        others = sum(other.access for other in self._packages.values() if other is not package)
        too_many = bool(self._most) and others >= self._most
        if self._with_lock_screen:
            refused = too_many or not self._has_room(package)
            return Status.DENIED if refused else Status.ALLOWED_WITH_ALWAYS_ON_REAL_TIME_CONNECTIVITY
        if too_many:
            return Status.DENIED_BY_SYSTEM_POLICY
        return Status.ALWAYS_ALLOWED if kind is Kind.ALWAYS_ALLOWED else Status.ALLOWED_SUBJECT_TO_SYSTEM_POLICY

    # -- the lock screen, in Windows 8 ---------------------------------------------------------------------------------

    def _has_room(self, package: AppPackage) -> bool:
        """The user can have seven apps there (BGT-023)."""
        there = self._surroundings.now.lock_screen
        return package.name in there or len(there) < LOCK_SCREEN_APPS

    def _put_on_lock_screen(self, package: AppPackage) -> None:
        """The user's yes is just that."""
        there = self._surroundings.now.lock_screen
        if package.name not in there and self._has_room(package):
            self._turn_lock_screen((*there, package.name))

    def _take_from_lock_screen(self, package: AppPackage) -> None:
        self._turn_lock_screen(tuple(name for name in self._surroundings.now.lock_screen if name != package.name))

    def _turn_lock_screen(self, names: tuple[str, ...]) -> None:
        self._surroundings.turn(msgspec.structs.replace(self._surroundings.now, lock_screen=names))
