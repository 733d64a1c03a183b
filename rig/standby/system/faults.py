"""Exceptions that nobody foresaw: written down, answered INTERNAL by the line, and everything else goes on."""

from __future__ import annotations

import asyncio
import contextlib
import traceback
from typing import Any

from rig.room import out_of_room
from rig.timeline import TimelineWriter


class Faults:
    def __init__(self, timeline: TimelineWriter) -> None:
        self._timeline = timeline

    def met(self, where: str, error: BaseException) -> None:
        with contextlib.suppress(OSError):  # the disk that takes what is printed is full, too
            traceback.print_exception(error)
        if out_of_room(error):
            self._timeline.is_full()
        self._timeline.add("SERVICE_FAULT", where=where, error=f"{type(error).__name__}: {error}")

    def of_loop(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """An exception handler of asyncio's."""
        error = context.get("exception") or RuntimeError(context["message"])
        self.met(str(context.get("handle") or context.get("task") or "loop"), error)
