"""What a manifest declares, whatever it was read from (`rig help manifest` shows both forms)."""

from __future__ import annotations

from enum import StrEnum

import msgspec

HOST_PROCESS = "backgroundtaskhost.exe"
"""Named as an `Executable`, in any case of letters, it is the process of its own that a task without one has too."""
FIRST_VERSION = "1.0.0.0"
"""Of a manifest that names none, as a fragment does."""


class TaskType(StrEnum):
    """`Task Type=` of the package schema for Windows 10, and `uap:Task`'s; those of Windows 8 are the first five.

    A control channel's is controlChannel, nothing else (B-30); a socket broker's has none of its own (B-16).
    """

    AUDIO = "audio"
    CONTROL_CHANNEL = "controlChannel"
    SYSTEM_EVENT = "systemEvent"
    TIMER = "timer"
    PUSH_NOTIFICATION = "pushNotification"
    GENERAL = "general"
    LOCATION = "location"
    DEVICE_USE = "deviceUse"
    DEVICE_SERVICING = "deviceServicing"
    DEVICE_CONNECTION_CHANGE = "deviceConnectionChange"
    BLUETOOTH = "bluetooth"
    MEDIA_PROCESSING = "mediaProcessing"
    CHAT_MESSAGE_NOTIFICATION = "chatMessageNotification"


NEVER_IN_APP = frozenset({TaskType.DEVICE_USE, TaskType.DEVICE_SERVICING})
"""Their triggers cannot be used with tasks in the app's own process (BGT-006)."""


class BackgroundTasksExtension(msgspec.Struct, frozen=True):
    """One `Extension Category="windows.backgroundTasks"`."""

    entry_point: str
    """ "module.Class", or a name that the app's process has in `app.entry_points`."""
    task_types: frozenset[TaskType]
    executable: str | None = None
    """As it stands there, template marks such as "$targetnametoken$.exe" too: that it is there is what counts."""

    def runs_in_app(self, task_type: TaskType) -> bool:
        """In the app's own process, else in a task host's. A control channel's runs where the channel's objects are."""
        return task_type is TaskType.CONTROL_CHANNEL or names_the_app(self.executable)


class Manifest(msgspec.Struct, frozen=True):
    """One app. `entry` and `privileged` are the rig's own: what runs is Python, and nobody signs it."""

    name: str
    version: str = FIRST_VERSION
    entry: str = ""
    """ "module:Class" of the app's process; "" for a manifest that is installed and never launched."""
    extensions: tuple[BackgroundTasksExtension, ...] = ()
    privileged: bool = False
    """It may use what is for the makers of a device alone (device servicing)."""
    lock_screen: bool = False
    """It can be put on the lock screen."""

    def extension(self, entry_point: str) -> BackgroundTasksExtension | None:
        """An entry point is declared once."""
        return next((declared for declared in self.extensions if declared.entry_point == entry_point), None)

    def declares(self, entry_point: str, task_type: TaskType) -> bool:
        """Each entry point lists every type that it is used with (BGT-005, CCT-049), a control channel's beside an executable
        (CWS-010)."""
        declared = self.extension(entry_point)
        if declared is None or task_type not in declared.task_types:
            return False
        return task_type is not TaskType.CONTROL_CHANNEL or declared.executable is not None

    def runs_in_app(self, entry_point: str, task_type: TaskType) -> bool:
        """Of what is not declared too: a task in the app's process needs no declaration (BGT-006, B-29)."""
        declared = self.extension(entry_point)
        return declared is None or declared.runs_in_app(task_type)


def names_the_app(executable: str | None) -> bool:
    """Whether an `Executable` is the app's own."""
    return executable is not None and executable.lower() != HOST_PROCESS
