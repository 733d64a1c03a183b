"""What an app keeps on the machine: its processes and the hosts of its tasks share it."""

from __future__ import annotations

from pathlib import Path

from rig.standby.api import session
from rig.standby.api.local_settings import LocalSettings


class ApplicationData:
    @staticmethod
    def local_folder() -> Path:
        """The app's own folder, made when it is asked for first. It outlives the app's processes, an update and a restart of the
        machine; it is gone when the app is uninstalled. Raises OSError."""
        folder = session.current().data_folder
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @staticmethod
    def local_settings() -> LocalSettings:
        """By name, for all processes of the app; they last as long as its folder. Raises OSError."""
        return LocalSettings(ApplicationData.local_folder())
