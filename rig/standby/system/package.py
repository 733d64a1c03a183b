"""Identity: what an app is, whoever runs it. Its processes are `AppProcess`es; two of one package share what stands here."""

from __future__ import annotations

import msgspec

from rig.manifest.manifest import FIRST_VERSION, Manifest, TaskType
from rig.standby.system.registration import Registration
from rig.standby.wire.statuses import BackgroundAccessStatus

PACKAGES = "package"
"""Kind of what is saved of them."""


class AppPackage(msgspec.Struct, eq=False):
    """`name` is its identity; what it declares, what the user was asked and what it has registered."""

    name: str
    manifest: Manifest | None = None
    """None for one that was never installed: a developer's, started from its code (BGT-006)."""
    user_grants: bool = True
    """What the user answers to an access request."""
    access: bool = False
    """It has asked, and the user said yes."""
    access_status: BackgroundAccessStatus = BackgroundAccessStatus.UNSPECIFIED
    """The answer."""
    access_outdated: bool = False
    """The answer was given to the version before an update: its triggers do nothing until it is renewed (BGT-002)."""
    path: list[str] = msgspec.field(default_factory=list)
    """The folders that its code is imported from: what sys.path was in the process that started or installed it last."""
    registrations: dict[str, Registration] = msgspec.field(default_factory=dict)
    """By task id, in the order in which they were made."""

    def install(self, manifest: Manifest, path: list[str]) -> None:
        self.manifest, self.path = manifest, path

    def update(self, manifest: Manifest, path: list[str]) -> None:
        """What it has registered stays."""
        self.install(manifest, path)
        self.access_outdated = self.access

    @property
    def version(self) -> str:
        return self.manifest.version if self.manifest is not None else FIRST_VERSION

    @property
    def privileged(self) -> bool:
        """It may use what is for the makers of a device alone; a developer's package may."""
        return self.manifest is None or self.manifest.privileged

    def declares(self, entry_point: str, task_type: TaskType) -> bool:
        """Whether a task of that type may have that entry point (BGT-005, CCT-049); of a developer's package any."""
        return self.manifest is None or self.manifest.declares(entry_point, task_type)

    def runs_in_app(self, entry_point: str, task_type: TaskType) -> bool:
        """In one of the app's own processes, else in a task host's."""
        return self.manifest is None or self.manifest.runs_in_app(entry_point, task_type)
