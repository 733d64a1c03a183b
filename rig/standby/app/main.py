"""An app process: started by the service, runs one app class, serves the calls of the test that drives it.

    python -m rig.standby.app.main NAME ENTRY PARENT_PID SERVICE_FD TEST_FD TIMELINE_FD

ENTRY is "module:Class"; the class is called with the `App` and its public methods are what the test can call.
"""

from __future__ import annotations

import importlib
import os
import socket
import sys
import traceback

from rig.process import die_with_parent
from rig.standby.api.runtime import App
from rig.standby.wire import ipc
from rig.standby.wire.hresult import HostError, HResult
from rig.timeline import TimelineWriter


def main(arguments: list[str]) -> None:
    name, entry = arguments[:2]
    parent_pid, service_fd, test_fd, timeline_fd = map(int, arguments[2:])
    die_with_parent(parent_pid)
    app = App(name, socket.socket(fileno=service_fd), TimelineWriter(timeline_fd, f"app:{name}"))
    app.start()
    under_test = _made(entry, app)
    app.service.call("app_ready")
    _serve(socket.socket(fileno=test_fd), under_test)


def _made(entry: str, app: App) -> object:
    """The app under test. What it raises is on the timeline before the process ends, for the test that waits for it."""
    module, _, cls = entry.partition(":")
    try:
        return getattr(importlib.import_module(module), cls)(app)
    except BaseException as error:
        app.timeline.add("APP_FAILED", app=app.name, entry=entry, error=f"{type(error).__name__}: {error}")
        raise


def _serve(test: socket.socket, under_test: object) -> None:
    """Answer the test's calls, one at a time, until it hangs up."""
    while (received := ipc.receive(test)) is not None:
        message, _fds = received
        try:
            result = getattr(under_test, message["do"])(**message["arguments"])
            ipc.answer(test, message, result)
        except HostError as error:
            ipc.answer(test, message, error=error)
        except Exception as error:
            traceback.print_exc()
            ipc.answer(test, message, error=HostError(HResult.FAIL, f"{type(error).__name__}: {error}"))
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
