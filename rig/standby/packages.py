"""The host's apps, as a test has them."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from msgspec import structs

from rig.events import TimelineEvent as E
from rig.manifest.checks import check
from rig.manifest.manifest import Manifest
from rig.manifest.read import read_manifest
from rig.standby.app_handle import AppHandle
from rig.standby.news import News
from rig.standby.wire import bench
from rig.standby.wire.app_data import data_of, data_of_apps
from rig.standby.wire.line import pair
from rig.standby.wire.message import Call
from rig.timeline import Record, Timeline

R = TypeVar("R")

START_TIMEOUT_S = 15.0
"""Import of the service and the first exchange with the device, on a loaded two-core machine."""


class Ask(Protocol):
    """A call of the system."""

    def __call__(self, call: Call[R], fds: Sequence[int] = ()) -> R: ...


class AppNotStarted(AssertionError):
    """The app under test could not be imported or made, or ended before it served calls."""


class Packages:
    """Of one host. `running`: its apps by instance, as two of one name are two."""

    def __init__(self, ask: Ask, timeline: Timeline, news: News) -> None:
        self.running: dict[int, AppHandle] = {}
        self._ask = ask
        self._timeline = timeline
        self._news = news

    def start(self, name: str, entry: str, *, access: bool) -> AppHandle:
        """Start an app process; `entry` is "module:Class", importable from here. Returns when it serves calls.

        Raises AppNotStarted with what the app raised, or how its process ended, as soon as that is known.
        """
        return self._started(name, bench.StartApp(name, entry, _path(), access), f" ({entry})")

    def install(self, manifest: Manifest | Path | str, *, name: str = "", entry: str = "") -> Manifest:
        """Returns what was installed. `name` and `entry` win over the manifest's: a piece has neither. Raises UsageError."""
        read = manifest if isinstance(manifest, Manifest) else read_manifest(Path(manifest))
        wanted = structs.replace(read, name=name or read.name, entry=entry or read.entry)
        check(wanted)
        self._ask(bench.InstallPackage(wanted, _path()))
        return wanted

    def update(self, name: str, manifest: Manifest | Path | str, *, entry: str = "") -> Manifest:
        """Returns when the processes of the version before have ended. Raises UsageError."""
        read = manifest if isinstance(manifest, Manifest) else read_manifest(Path(manifest))
        wanted = structs.replace(read, name=name, entry=entry or read.entry)
        check(wanted)
        self._ask(bench.UpdatePackage(wanted, _path()))
        return wanted

    def uninstall(self, name: str) -> None:
        """Returns when its processes have ended; what it kept is gone. Raises UsageError."""
        self._ask(bench.UninstallPackage(name))
        shutil.rmtree(data_of(data_of_apps(self._timeline.path), name), ignore_errors=True)

    def launch(self, name: str) -> AppHandle:
        """The user starts an installed app, or switches to the process that it has already. Raises UsageError, AppNotStarted."""
        for app in reversed(self.running.values()):
            if app.name == name and not app.ended:
                app.resume()
                return app
        return self._started(name, bench.LaunchApp(name), "")

    def _started(self, name: str, call: Call[int], entry: str) -> AppHandle:
        ours, theirs = pair()
        try:
            with theirs:
                instance = self._ask(call, [theirs.fileno()])
            self._wait_started(name, instance, entry)
        except BaseException:
            ours.close()
            raise
        self.running[instance] = AppHandle(name, instance, ours, self._ask, self._timeline, self._news)
        return self.running[instance]

    def _wait_started(self, name: str, instance: int, entry: str) -> None:
        """It may have been for long: the system may have started it."""
        outcomes = (E.APP_READY, E.APP_FAILED, E.APP_TERMINATED)

        def is_outcome(record: Record) -> bool:
            return record.event in outcomes and record.detail.get("instance") == instance

        first = self._timeline.wait_until(is_outcome, f"APP_READY of {name}", timeout_s=START_TIMEOUT_S)
        if first.event != E.APP_READY:
            ended = self._timeline.wait(E.APP_TERMINATED, app=name, instance=instance, after=first.seq, timeout_s=START_TIMEOUT_S)
            why = first.error if first.event == E.APP_FAILED else f"its process ended, {ended.status}; its output stands above"
            raise AppNotStarted(f"app {name!r}{entry} did not start: {why}")

    def lost_power(self) -> None:
        """The machine has: nobody else is left to tell of their end."""
        for app in self.running.values():
            if not app.ended:
                self._timeline.add(E.APP_TERMINATED, app=app.name, instance=app.instance, status="the machine lost its power")

    def close(self) -> None:
        for app in self.running.values():
            app.close()


def _path() -> list[str]:
    """Where we import from."""
    return [p or str(Path.cwd()) for p in sys.path]
