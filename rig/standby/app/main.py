"""An app process: forked by the supervisor, runs one app class, serves the calls of the test that drives it.

Its entry is "module:Class", imported here, from the folders that the test imports from; the class is called with the
`rig.standby.api.App` and its public methods are what the test can call.

One that the system starts for a background task has no test that calls it until a user launches the app.
A task host is one without an entry and without such calls: it runs one background task, "module.Class", and ends.
"""

from __future__ import annotations

import gc
import importlib
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import NoReturn

from rig.decoders import decoded
from rig.process import adopt_orphans, name_process
from rig.readable import readable
from rig.standby.app.crew import DEAF_STATUS, Crew
from rig.standby.app.limits import Limits
from rig.standby.app.rehearsal import rehearse
from rig.standby.app.runtime import Runtime
from rig.standby.wire.faults import fault_of
from rig.standby.wire.from_app import AppReady
from rig.standby.wire.hresult import HostError, HResult, ProcessGone
from rig.standby.wire.line import Line, Malformed, Received, What, receive_with_fds
from rig.standby.wire.supervision import AppBirth
from rig.standby.wire.to_app import Invoke
from rig.timeline import TimelineWriter

SPARE = "spare"
"""What a process is called that waits to be a task host."""


def main(birth: AppBirth, crew: Crew | None = None) -> None:
    """`crew`: of a process that has waited for its birth, with threads that are where this one is."""
    adopt_orphans()  # so that all that it starts is in its tree, to be stopped and ended with it
    name_process(birth.name)
    _import_as_the_test_does(birth.name, birth.path)
    limits = Limits(birth.task)
    assert crew is None or not limits.without_network, "its threads would have one"
    limits.network_before_any_thread()
    who = "app" if birth.task is None else "task"
    timeline = TimelineWriter(birth.timeline_fd, f"{who}:{birth.name}")
    app = Runtime(birth, timeline, limits, crew or Crew())
    if birth.task is not None:
        _host_a_run(app)
    app.start()
    under_test = _made(birth.entry, app)
    app.entries.made(under_test)
    _unless_gone(lambda: app.call(AppReady()))
    test_fd = birth.test_fd if birth.test_fd is not None else app.test_lines.get()
    _serve(Line(socket.socket(fileno=test_fd), Invoke), under_test)


def wait_for_birth(line_fd: int, path: list[str]) -> None:
    """A process that is forked before anybody wants it: a task host, as soon as its birth comes, with its line; none when the
    other end is closed. `path`: what sys.path will be, most likely."""
    name_process(SPARE)
    _import_as_the_test_does(SPARE, path)
    crew = Crew()
    crew.start()
    if not readable(line_fd, 0):  # a run that waits already is not to wait for its rehearsal
        with suppress(Exception):  # whatever the machine has none left of: its run may find some
            rehearse(crew, path)
    gc.collect()  # pages that it writes to are the process's own then, and not copied on the way to a run
    with socket.socket(fileno=line_fd) as line:
        wire, fds, _ = receive_with_fds(line, 1)
    if wire:
        main(replace(decoded(AppBirth, wire), line_fd=fds[0]), crew)


def _host_a_run(app: Runtime) -> NoReturn:
    """The run comes over the line to the system, which ends this process by closing it."""
    _unless_gone(app.host_a_run)
    try:
        os.fstat(app.service.line.fileno())
    except OSError:  # the run has closed what was not its own
        os._exit(DEAF_STATUS)
    while True:
        signal.pause()


def _unless_gone(say: Callable[[], object]) -> None:
    """A host that is just ending takes this process along, which is no fault of it."""
    try:
        say()
    except (ConnectionError, ProcessGone):
        sys.exit(0)


def _import_as_the_test_does(name: str, path: list[str]) -> None:
    """As the processes do that it starts itself. Files may have come since somebody looked."""
    sys.argv = [name]
    if sys.path != path:
        sys.path[:] = path
        sys.path_importer_cache.clear()
    os.environ["PYTHONPATH"] = os.pathsep.join(path)
    importlib.invalidate_caches()


def _made(entry: str, app: Runtime) -> object:
    """The app under test. What it raises is on the timeline before the process ends, for the test that waits for it."""
    module, _, cls = entry.partition(":")
    try:
        return getattr(importlib.import_module(module), cls)(app)
    except BaseException as error:
        words = f"{type(error).__name__}: {error}"
        app.timeline.add("APP_FAILED", app=app.name, instance=app.instance, entry=entry, error=words)
        raise


def _serve(test: Line[Invoke], under_test: object) -> None:
    """Answer the test's calls, one at a time, until it hangs up."""
    while (received := _next(test)) is not None:
        with received.descriptors:
            _answer(test, received, under_test)


def _answer(test: Line[Invoke], received: Received[Invoke], under_test: object) -> None:
    call = received.body
    try:
        test.send_result(received.number, getattr(under_test, call.method)(**call.arguments))
    except HostError as error:
        test.send_fault(received.number, fault_of(error, call.method))
    except BaseException as error:  # SystemExit too: it is the method that ends, with a reason that the test hears
        traceback.print_exc()
        failed = HostError(HResult.FAIL, f"{type(error).__name__}: {error}")
        test.send_fault(received.number, fault_of(failed, call.method))


def _next(test: Line[Invoke]) -> Received[Invoke] | None:
    """Passes over what is no call; its sender gets to hear why."""
    while True:
        try:
            return test.receive()
        except Malformed as malformed:
            if malformed.what is What.CALL:
                test.send_fault(malformed.number, fault_of(malformed.as_host_error(), "the test's call"))
