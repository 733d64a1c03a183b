"""Completed reads: their handlers are called one at a time, and the system is told that they have returned."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rig.standby.api.posted_read import PostedRead
from rig.standby.app.crew import Crew
from rig.standby.app.faults import AppFaults
from rig.standby.wire.from_app import ReadCompleted


class Completions:
    """Whatever a handler raises, the system hears that the completion is over: else the host would wait for it for ever."""

    def __init__(self, faults: AppFaults, say: Callable[[ReadCompleted], None], crew: Crew) -> None:
        """`say` tells the system; nothing of a completion comes behind it."""
        self._faults = faults
        self._say = say
        self._crew = crew

    def add(self, operation: PostedRead) -> None:
        self._crew.add(operation.lane, lambda: self._complete(operation))

    def _complete(self, operation: PostedRead) -> None:
        ended: dict[str, Any] = {
            "socket": operation.socket_id,
            "channel": operation.channel_id,
            "status": operation.status.name,
        }
        self._faults.add("READ_COMPLETE_ENTER", bytes=operation.size_bytes, **ended)
        try:
            operation.call_handler()
        except BaseException as error:
            self._faults.met("read completion", error, socket=operation.socket_id, channel=operation.channel_id)
        finally:
            self._faults.add("READ_COMPLETE_EXIT", **ended)
            if not operation.cancelled:
                push = not operation.pushes_by_itself
                self._say(ReadCompleted(operation.channel_id, operation.socket_id, operation.over, push))
