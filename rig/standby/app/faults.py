"""What goes wrong in an app's process: written down, and the thread that met it goes on."""

from __future__ import annotations

import traceback
from typing import Any

from rig.timeline import TimelineWriter


class AppFaults:
    """APP_FAULT records of one app. Its methods never raise: they are called where nobody would catch it."""

    def __init__(self, app: str, instance: int, timeline: TimelineWriter) -> None:
        self.instance = instance
        self._app = app
        self._timeline = timeline

    def met(self, where: str, error: BaseException, **detail: Any) -> str:
        """Write it down; returns it in words."""
        words = f"{type(error).__name__}: {_words(error)}"
        self.add("APP_FAULT", where=where, error=words, **detail)
        try:
            traceback.print_exception(error)
        except BaseException:
            pass  # an app may have closed its stderr, or made an exception that cannot be shown
        return words

    def add(self, event: str, **detail: Any) -> None:
        """A record about the app, for those who have something to do afterwards whether or not it can be written."""
        try:
            self._timeline.add(event, **{"app": self._app, "instance": self.instance, **detail})
        except BaseException:
            pass  # the app has closed the timeline's descriptor, or the disk is full: its line to the system is what matters


def _words(error: BaseException) -> str:
    try:
        return str(error)
    except BaseException:
        return "it cannot be shown"
