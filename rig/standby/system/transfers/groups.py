"""Completion groups: operations whose common end runs one task (BTR-024 to 026).

A group is made by what is created into it, or by being enabled; its app's process ends with it what has not been enabled. From
`enable` on nothing is added, and when all has ended the group's task runs once; its registration is gone with that, in the same
transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Literal, TypeAlias

import msgspec

from rig.standby.system.app_process import AppProcess
from rig.standby.system.package import AppPackage
from rig.standby.system.processes import Processes
from rig.standby.system.registration import Registration
from rig.standby.system.rows import Rows, SavedTable
from rig.standby.system.store import Name, saved_of
from rig.standby.system.tasks.registry import Registry
from rig.standby.system.tasks.triggers.completion_group import CompletionGroupTasks
from rig.standby.system.transfers.table import TransferTable
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.transfer_types import TransferSpec
from rig.standby.wire.triggers import CompletionGroup, CompletionGroupDetails
from rig.timeline import TimelineWriter

GROUPS = "completion_group"
"""Kind of what is saved of them."""
GROUPS_PER_APP = 256
Member: TypeAlias = tuple[str, Literal["download", "upload"]]


class SavedGroup(msgspec.Struct, frozen=True):
    """`instance`: the process that made it, and will end with it. `run`: of its task. `over`: nothing more comes of it, and it is
    only known as enabled."""

    id: str
    package: str
    instance: int
    members: tuple[Member, ...] = ()
    enabled: bool = False
    run: int | None = None
    over: bool = False

    @property
    def key(self) -> str:
        return _key(self.package, self.id)


def _key(package: str, group: str) -> str:
    return f"{group} {package}"


class CompletionGroups:
    """`released` hears that a group has no use for its operations any more."""

    def __init__(
        self,
        rows: Rows,
        table: TransferTable,
        tasks: CompletionGroupTasks,
        registry: Registry,
        packages: Mapping[str, AppPackage],
        processes: Processes,
        timeline: TimelineWriter,
        has_run: Callable[[int], bool],
        released: Callable[[], None],
    ) -> None:
        """`has_run`: whether a run of that number is not over."""
        self._table = table
        self._tasks = tasks
        self._registry = registry
        self._packages = packages
        self._processes = processes
        self._timeline = timeline
        self._has_run = has_run
        self._released = released
        self._all: SavedTable[SavedGroup] = SavedTable(rows, GROUPS)
        tasks.heard(over=self._run_over, room=self.look)

    def __iter__(self) -> Iterator[SavedGroup]:
        return iter(list(self._all.values()))

    # -- what apps do --------------------------------------------------------------------------------------------------

    def check(self, package: str, spec: TransferSpec) -> None:
        """Whether it may be created. Raises HostError."""
        group = self._of(package, spec.completion_group)
        if group is not None and group.enabled and _member(spec) not in group.members:
            raise HostError(HResult.ILLEGAL_METHOD_CALL, "its completion group is enabled: nothing is added any more (BTR-024)")

    def join(self, app: AppProcess, spec: TransferSpec) -> None:
        """It is about to be created. Raises HostError. Safe to call twice."""
        if spec.completion_group is None:
            return
        self.check(app.name, spec)
        group = self._made(app, spec.completion_group)
        if _member(spec) not in group.members:
            self._change(group, members=(*group.members, _member(spec)))

    def leave(self, transfer_id: str) -> None:
        """It was not created, or never started and is gone."""
        group = self._with(transfer_id)
        if group is not None and group.run is None:
            self._change(group, members=tuple(member for member in group.members if member[0] != transfer_id))
            self.look()

    def enable(self, app: AppProcess, group_id: str) -> None:
        """Raises HostError."""
        group = self._made(app, group_id)
        if group.enabled:
            raise HostError(HResult.ILLEGAL_METHOD_CALL, "the completion group is enabled already (BTR-024)")
        self._change(group, enabled=True)
        self._timeline.add("COMPLETION_GROUP", app=app.name, group=group_id, what="enabled", operations=len(group.members))
        self.look()

    def has(self, transfer_id: str) -> bool:
        """Whether the operation is still to be seen by its group's task."""
        return self._with(transfer_id) is not None

    # -- what becomes of them ------------------------------------------------------------------------------------------

    def look(self) -> None:
        """Fire those of which all has ended."""
        for group in self:
            if group.enabled and group.run is None and not group.over and all(map(self._ended, group.members)):
                self._fire(group)

    def _ended(self, member: Member) -> bool:
        """One that is gone is over, too."""
        transfer = self._table.find(member[0])
        return transfer is None or transfer.ended

    def _fire(self, group: SavedGroup) -> None:
        registration = self._registration(group)
        if registration is None:
            self._over(group, "it has no task")
            return
        if self._tasks.why_not(registration) is not None:  # `room` comes back to it
            return
        ids = {direction: tuple(id_ for id_, of in group.members if of == direction) for direction in ("download", "upload")}
        details = CompletionGroupDetails(ids["download"], ids["upload"])
        self._change(group, run=self._tasks.fire(registration, details, "completion_group"))
        self._registry.remove(registration, "its completion group has ended")
        self._timeline.add("COMPLETION_GROUP", app=group.package, group=group.id, what="fired", operations=len(group.members))

    def _registration(self, group: SavedGroup) -> Registration | None:
        package = self._packages.get(group.package)
        registrations = package.registrations.values() if package is not None else ()
        return next((r for r in registrations if r.trigger == CompletionGroup(group.id)), None)

    def _run_over(self, run: int) -> None:
        for group in [group for group in self if group.run == run]:
            self._over(group, "its task is over")

    def _over(self, group: SavedGroup, why: str) -> None:
        self._timeline.add("COMPLETION_GROUP", app=group.package, group=group.id, what=why, operations=len(group.members))
        if self._processes.get(group.instance) is None:
            del self._all[group.key]
        else:
            self._change(group, over=True, members=())
        self._released()

    # -- ends ----------------------------------------------------------------------------------------------------------

    def app_gone(self, instance: int) -> None:
        """Nobody can enable what it had."""
        for group in [group for group in self if group.instance == instance]:
            if group.over or not group.enabled:
                del self._all[group.key]
        self._released()

    def package_gone(self, package: str) -> None:
        for group in [group for group in self if group.package == package]:
            del self._all[group.key]

    def take_up(self, things: Mapping[Name, bytes]) -> None:
        for group in saved_of(things, GROUPS, SavedGroup):
            self._all[group.key] = group
        for instance in {group.instance for group in self}:
            if self._processes.get(instance) is None:
                self.app_gone(instance)
        for group in self:
            if group.run is not None and not group.over and not self._has_run(group.run):  # the machine lost its power meanwhile
                self._over(group, "its task is over")

    # ------------------------------------------------------------------------------------------------------------------

    def _of(self, package: str, group_id: str | None) -> SavedGroup | None:
        return self._all.get(_key(package, group_id)) if group_id is not None else None

    def _with(self, transfer_id: str) -> SavedGroup | None:
        return next((group for group in self if any(id_ == transfer_id for id_, _ in group.members)), None)

    def _made(self, app: AppProcess, group_id: str) -> SavedGroup:
        found = self._of(app.name, group_id)
        if found is not None:
            return found
        if sum(group.package == app.name for group in self) >= GROUPS_PER_APP:
            raise HostError(HResult.OUT_OF_MEMORY, f"app {app.name} has {GROUPS_PER_APP} completion groups, and may have no more")
        made = SavedGroup(group_id, app.name, app.instance)
        self._all[made.key] = made
        return made

    def _change(self, group: SavedGroup, **changes: object) -> None:
        self._all[group.key] = msgspec.structs.replace(self._all[group.key], **changes)


def _member(spec: TransferSpec) -> Member:
    return spec.id, spec.direction
