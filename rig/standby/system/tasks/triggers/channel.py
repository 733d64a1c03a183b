"""Control channels: a push task runs after the app's read completion has returned, a keep-alive task when the channel's server
interval ends (CCT-009). Both are one process's alone, and end with the channel.
"""

from __future__ import annotations

from collections.abc import Callable

from rig.standby.system.app_process import AppProcess
from rig.standby.system.registration import Registration
from rig.standby.system.tasks.instance import run_of
from rig.standby.system.tasks.registry import Registry
from rig.standby.system.tasks.scheduler import Scheduler
from rig.standby.system.tasks.source import TriggerSource
from rig.standby.wire.app_tasks import RegisterTask
from rig.standby.wire.to_app import RunTask
from rig.standby.wire.triggers import ChannelKeepAlive, ChannelPush, channel_of


class ChannelTasks(TriggerSource):
    kinds = (ChannelPush, ChannelKeepAlive)

    def __init__(self, registry: Registry, scheduler: Scheduler, get_channel: Callable[[AppProcess, str], object]) -> None:
        """`get_channel` raises HostError for one that the app does not have."""
        self._registry = registry
        self._scheduler = scheduler
        self._get_channel = get_channel

    def check(self, app: AppProcess, wanted: RegisterTask) -> None:
        self._get_channel(app, channel_of(wanted.trigger) or "")

    def fire(self, app: AppProcess, trigger: ChannelPush | ChannelKeepAlive, cause: str) -> None:
        """Every registration of the process for that trigger (twice registered, twice run: BGT-008)."""
        for registration in self._registered(app, trigger):
            self._scheduler.fire(registration, cause=cause)

    def standing(self, app: AppProcess, channel_id: str) -> Registration | None:
        """The registration whose runs the app may begin by itself when a read of the channel is completed: there is one alone,
        and nothing is to be asked before each."""
        wanted = self._registered(app, ChannelPush(channel_id))
        return wanted[0] if len(wanted) == 1 and self._scheduler.may_begin(wanted[0]) else None

    def order(self, registration: Registration, number: int) -> RunTask:
        """What the app would be told."""
        return run_of(registration, number, None, network=True)

    def begun(self, registration: Registration, number: int, app: AppProcess) -> None:
        """Such a run."""
        self._scheduler.begun(registration, number, app)

    def forget(self, app: AppProcess, channel_id: str) -> None:
        """A closed channel's triggers are gone; runs already ordered see no channel (CCT-043)."""
        for registration in self._of(app):
            if registration.channel_id == channel_id:
                self._scheduler.unregister(registration, cancel=False)

    def _registered(self, app: AppProcess, trigger: ChannelPush | ChannelKeepAlive) -> list[Registration]:
        return [registration for registration in self._of(app) if registration.trigger == trigger]

    def _of(self, app: AppProcess) -> list[Registration]:
        return [r for r in app.package.registrations.values() if r.instance == app.instance and r.channel_id is not None]
