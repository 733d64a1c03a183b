"""From a message of an app to its handler, by type.

A handler returns the answer, or a coroutine when it may have to wait for the device: then the app's other calls, and everybody
else's, go on. Meanwhile the host stays awake, but for a `Watch`.
"""

from __future__ import annotations

import inspect
import weakref
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeAlias

from rig.standby.system.app_process import AppProcess
from rig.standby.system.governor import Governor
from rig.standby.system.processes import Processes
from rig.standby.wire.descriptors import Descriptors
from rig.standby.wire.from_app import FromApp
from rig.standby.wire.message import Call, Watch

Handler: TypeAlias = Callable[[AppProcess, Any, Descriptors], Any]
Handlers: TypeAlias = Mapping[type[Any], Handler]


class AppMessages:
    """All handlers of all groups."""

    def __init__(
        self, governor: Governor, processes: Processes, *groups: Handlers, after_call: Callable[[], None] = lambda: None
    ) -> None:
        """`after_call`: before its answer goes, whatever it was and whatever came of it."""
        self._governor = governor
        self._after_call = after_call
        self._processes = processes
        self._handlers = {kind: handler for group in groups for kind, handler in group.items()}

    @property
    def kinds(self) -> frozenset[type[Any]]:
        return frozenset(self._handlers)

    def serve(self, app: AppProcess, message: FromApp, descriptors: Descriptors) -> Any:
        """Descriptors that the message brought and nobody takes are closed by who calls. Raises HostError."""
        self._governor.touch()
        try:
            answer = self._handlers[type(message)](app, message, descriptors)
        finally:
            self._processes.go_on_unfinished(app)
            if isinstance(message, Call):
                self._after_call()
        if not inspect.iscoroutine(answer) or isinstance(message, Watch):
            return answer
        held = self._held(app, message, answer)
        weakref.finalize(held, answer.close).atexit = False  # an app that goes at once leaves both never begun
        return held

    async def _held(self, app: AppProcess, message: FromApp, work: Coroutine[Any, Any, Any]) -> Any:
        with self._governor.hold(app.label, f"a call of {type(message).__name__}"):
            try:
                return await work
            finally:
                self._after_call()
