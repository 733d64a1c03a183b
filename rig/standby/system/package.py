"""Identity: what an app is, whoever runs it. Its processes are `AppProcess`es; two of one package share what stands here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import msgspec

from rig.manifest.manifest import FIRST_VERSION, Manifest, TaskType
from rig.standby.system.registration import Registration
from rig.standby.system.rows import Rows, SavedObject
from rig.standby.system.store import Name
from rig.standby.wire.statuses import BackgroundAccessStatus

PACKAGES = "package"
"""Kind of what is saved of them."""


class SavedPackage(msgspec.Struct, frozen=True):
    """What outlives the system's process: all of an `AppPackage`."""

    name: str
    manifest: Manifest | None = None
    user_grants: bool = True
    access: bool = False
    access_status: BackgroundAccessStatus = BackgroundAccessStatus.UNSPECIFIED
    access_outdated: bool = False
    path: list[str] = []
    registrations: Mapping[str, Registration] = {}


@dataclass(eq=False)
class AppPackage(SavedObject):
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
    path: list[str] = field(default_factory=list)
    """The folders that its code is imported from: what sys.path was in the process that started or installed it last."""
    registrations: Mapping[str, Registration] = field(default_factory=dict)
    """By task id, in the order in which they were made."""

    @classmethod
    def restored(cls, saved: SavedPackage) -> AppPackage:
        return cls(**msgspec.structs.asdict(saved))

    @property
    def row_name(self) -> Name:
        return PACKAGES, self.name

    def save(self) -> SavedPackage:
        return SavedPackage(
            self.name,
            self.manifest,
            self.user_grants,
            self.access,
            self.access_status,
            self.access_outdated,
            self.path,
            self.registrations,
        )

    def register(self, made: Registration) -> None:
        self.registrations = {**self.registrations, made.task_id: made}

    def unregister(self, task_id: str) -> bool:
        """Whether it was registered."""
        left = {id_: registration for id_, registration in self.registrations.items() if id_ != task_id}
        was_there = len(left) < len(self.registrations)
        self.registrations = left
        return was_there

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


class Packages(Mapping[str, AppPackage]):
    """All that are installed or were started, by name."""

    def __init__(self, rows: Rows, saved: Iterable[SavedPackage]) -> None:
        self._rows = rows
        self._all: dict[str, AppPackage] = {}
        for package in saved:
            self._add(AppPackage.restored(package))

    def of(self, name: str) -> AppPackage:
        """A new one where there is none of that name."""
        return self._all.get(name) or self._add(AppPackage(name))

    def remove(self, name: str) -> None:
        self._all.pop(name).is_forgotten()

    def _add(self, package: AppPackage) -> AppPackage:
        self._all[package.name] = package
        package.is_saved_in(self._rows)
        return package

    def __getitem__(self, name: str) -> AppPackage:
        return self._all[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)
