"""Background tasks as an owner: what lasts of them, and what the end of an app and a restart of the system mean to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rig.standby.system.app_process import AppProcess
from rig.standby.system.owner import Owner
from rig.standby.system.package import AppPackage
from rig.standby.system.processes import Processes
from rig.standby.system.store import Name, saved_of
from rig.standby.system.tasks.access import Access
from rig.standby.system.tasks.delivery import Delivery
from rig.standby.system.tasks.instance import INSTANCES, SavedInstance
from rig.standby.system.tasks.instances import Instances
from rig.standby.system.tasks.quota import Quotas
from rig.standby.system.tasks.registry import Registry
from rig.standby.system.tasks.scheduler import Scheduler
from rig.standby.system.tasks.source import TriggerSource
from rig.standby.wire.task_enums import BackgroundTaskCancellationReason as Reason


class TaskOwner(Owner):
    """The device keeps nothing of theirs. Registrations are saved with their package."""

    def __init__(
        self,
        registry: Registry,
        instances: Instances,
        scheduler: Scheduler,
        delivery: Delivery,
        sources: Sequence[TriggerSource],
        processes: Processes,
        access: Access,
        quotas: Quotas,
    ) -> None:
        self._registry = registry
        self._instances = instances
        self._scheduler = scheduler
        self._delivery = delivery
        self._sources = sources
        self._processes = processes
        self._access = access
        self._quotas = quotas

    def network_is_back(self) -> None:
        """What was taken up may start."""
        self._scheduler.consider_all()

    def app_goes_on(self, app: AppProcess) -> None:
        self._delivery.goes_on(app)

    def app_gone(self, app: AppProcess) -> None:
        self._scheduler.app_gone(app)

    async def app_stops(self, app: AppProcess) -> None:
        """Its runs have their grace; those in processes of their own go on (APT-007). What fires meanwhile is not for it."""
        app.leaving = True
        for instance in self._instances.of_host(app):
            self._scheduler.cancel(instance, Reason.TERMINATING)
        await self._scheduler.until_quiet(lambda: self._instances.of_host(app))

    async def package_stops(self, package: AppPackage, reason: Reason) -> None:
        """Its runs have their grace; its processes end then. What waits does so over an update, and
        what fires until it is over, too."""
        self._scheduler.hold_back(package.name)
        for instance in self._instances.of_package(package.name):
            if not instance.pending or reason is Reason.UNINSTALL:
                self._scheduler.cancel(instance, reason)
        await self._scheduler.until_quiet(lambda: self._instances.of_package(package.name))

    def package_stopped(self, package: AppPackage) -> None:
        self._scheduler.let_go(package.name)

    def package_gone(self, package: AppPackage) -> None:
        """Also what has fired since its processes were stopped, its place on the lock screen, and what it has used."""
        for registration in list(package.registrations.values()):
            self._registry.remove(registration, "its app is uninstalled")
        self._scheduler.cancel_package(package.name, Reason.UNINSTALL)
        self._access.remove(package)
        self._quotas.forget(package.name)

    def take_up(self, things: Mapping[Name, bytes], descriptors: dict[str, int]) -> None:
        """An instance that a process has been told of goes on there; the others wait as they did."""
        hosts = {number: app for app in self._processes for number in app.runs}
        places = {number: place for app in self._processes for place, number in enumerate(app.runs)}
        # a process does its runs in that order; by a standing order a later one may have a lower number
        for saved in sorted(
            saved_of(things, INSTANCES, SavedInstance), key=lambda saved: (places.get(saved.number, len(places)), saved.number)
        ):
            self._scheduler.take_up(saved, hosts.get(saved.number))
        self._delivery.restore(things)
        for source in self._sources:
            source.restore(things)
        for registration in self._registry:
            self._registry.source(registration.trigger).armed(registration)
