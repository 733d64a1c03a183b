"""The supervisor: starts the system and the apps, hears how they end, keeps what the system must find again. No policy.

It is process 1 of the host's PID namespace. So whatever an app starts, however often it forks, ends with it at the latest, and
one SIGKILL of it ends the whole host; what loses its parent becomes its child. It has one thread and waits for nobody: whoever
does not read what it has to say is ended.

When the system dies it is started anew, with the bench's line, the apps' lines with what waits in them, and the descriptors that
it had put into the store. One that ends by itself, exit status 0, has done what it had to: then all ends.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, TypeAlias

from rig import open_files
from rig.children import exit_words
from rig.errors import BenchError
from rig.events import TimelineEvent as E
from rig.process import enter_network, hear_only_of_ends, outer_pid
from rig.standby.supervisor.companion import Companion, CompanionKind
from rig.standby.supervisor.forked import live, with_only
from rig.standby.supervisor.orphans import end_orphans
from rig.standby.supervisor.spare import Spare
from rig.standby.wire import supervision
from rig.standby.wire.faults import fault_of
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.line import FDS, MESSAGE_BYTES, Line, Malformed, Received, pair
from rig.standby.wire.message import Notice
from rig.timeline import TimelineWriter

ATTEMPTS = 5
"""Systems in a row that die before they serve: the next one would, too."""

SPARE_AFTER_MS = 10
"""Nothing has happened for so long: the fork of the next spare process, and what it does then, are not in the way of the run that
has the last one."""

AGAIN_MS = 100
"""Until a process is wanted once more that the machine had no room for."""


@dataclass(frozen=True)
class Programs:
    """What can be forked, imported before."""

    system: Callable[[bytes, supervision.Inheritance], None]
    app: Callable[[supervision.AppBirth], None]
    task_host: Callable[[int, list[str]], None]
    """With its end of a line that its birth comes over, and the path that it will import from."""
    driver: Callable[[bytes, int, int], None]
    """With its end of the line to the system, and the file in memory that its journal is in."""
    transfers: Callable[[bytes, int, str], None]
    """With its end of the line to the system, and why it is to refuse whatever it is asked for; "": it is not."""


FromSystem: TypeAlias = Received[supervision.FromSystem]


class Supervisor:
    def __init__(self, birth: supervision.HostBirth, numbers: Iterable[int], programs: Programs) -> None:
        self._birth = birth
        self._programs = programs
        self._of_system = {birth.bench_fd, birth.timeline_fd, birth.host_ns_fd}
        self._companions = [Companion(kind) for kind in _kinds(birth, numbers, programs)]
        self._news: Line[Any] = Line(socket.socket(fileno=birth.news_fd), None)
        self._news.sock.setblocking(False)
        self._line: Line[supervision.FromSystem] | None = None
        self._system_pid = 0
        self._timeline = TimelineWriter(birth.timeline_fd, "supervisor")
        self._apps: dict[int, supervision.RunningApp] = {}
        self._spare = Spare(programs.task_host, [birth.timeline_fd])
        self._store: dict[str, int] = {}
        self._incarnation = 0
        self._failed_starts = 0
        self._handlers: Mapping[type[Any], Callable[[FromSystem], None]] = {
            supervision.ForkApp: self._fork_app,
            supervision.Put: self._put,
            supervision.Remove: self._remove,
            supervision.Serving: self._serving,
        }

    def run(self) -> NoReturn:
        enter_network(self._birth.host_ns_fd)
        reads, writes = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        hear_only_of_ends()
        signal.set_wakeup_fd(writes, warn_on_full_buffer=False)
        self._start_companions()
        self._start_system()
        while True:
            poll = select.poll()
            poll.register(reads, select.POLLIN)
            for companion in self._companions:
                if companion.may_be_called:
                    poll.register(companion, select.POLLIN)
            if self._line is not None:
                poll.register(self._line, select.POLLIN)
            ready = dict(poll.poll(self._patience_ms))
            if not ready:
                self._spare.prepare()
            if self._line is not None and self._line.fileno() in ready:
                self._hear_system()
            if reads in ready:
                os.read(reads, 4096)
                self._reap()
            self._start_companions()

    # -- what is beside the system -------------------------------------------------------------------------------------

    def _start_companions(self) -> None:
        """What the device says, and a wake, do not wait for the system: the driver is there before it."""
        for companion in self._companions:
            if companion.is_due() and companion.start():
                self._tell_bench(supervision.CompanionStarted(companion.kind.name, outer_pid(companion.pid)))

    @property
    def _patience_ms(self) -> int | None:
        """After which something is to be done although nothing has happened."""
        if self._spare.wanted:
            return SPARE_AFTER_MS
        return AGAIN_MS if any(companion.is_due() for companion in self._companions) else None

    def _companion_ended(self, companion: Companion, status: str) -> None:
        self._timeline.add(companion.kind.ended, status=status)
        why = companion.died(status)
        if why is not None:
            self._give_up(why)

    # -- the system ----------------------------------------------------------------------------------------------------

    def _start_system(self) -> None:
        self._incarnation += 1
        ours, theirs = pair()
        ours.setblocking(False)
        apps = tuple(self._apps.values())
        companions = {companion.kind.name: companion.systems_fd for companion in self._companions}
        given = supervision.Inheritance(self._incarnation, theirs.fileno(), companions, apps, dict(self._store))
        kept = *companions.values(), *self._of_system, *(app.line_fd for app in apps), *self._store.values()
        own = {0, 1, 2, theirs.fileno(), *kept}
        self._system_pid = os.fork()
        if self._system_pid == 0:
            live(lambda: with_only(own, lambda: self._programs.system(self._birth.system, given)))
        theirs.close()
        self._line = Line(ours, supervision.FromSystem)
        outer = outer_pid(self._system_pid)
        self._tell_bench(supervision.SystemStarted(self._incarnation, outer))
        self._timeline.add("SYSTEM_STARTED", pid=outer, incarnation=self._incarnation)

    def _hear_system(self) -> None:
        """All that it has said, also before it died."""
        while self._line is not None:
            try:
                received = self._line.receive()
            except BlockingIOError:
                return
            except Malformed as malformed:
                self._answer_fault(malformed.number, malformed.as_host_error())
                continue
            if received is None:
                self._hang_up()
                return
            with received.descriptors:
                if type(received.body) in self._handlers:
                    self._handlers[type(received.body)](received)

    def _serving(self, received: FromSystem) -> None:
        self._failed_starts = 0

    def _put(self, received: FromSystem) -> None:
        fd = received.descriptors.take()
        if fd is not None and open_files.is_reserved(fd):
            os.close(fd)
            why = f"the supervisor may open no more than {open_files.most()} files, and keeps {len(self._store)}: rig doctor"
            self._answer_fault(received.number, HostError(HResult.OUT_OF_MEMORY, why))
            return
        if fd is not None:
            self._forget(received.body.name)
            self._store[received.body.name] = fd
        self._tell_system(lambda line: line.send_result(received.number, None))

    def _remove(self, received: FromSystem) -> None:
        self._forget(received.body.name)

    def _forget(self, name: str) -> None:
        if name in self._store:
            os.close(self._store.pop(name))

    def _system_ended(self, status: str) -> None:
        self._hear_system()
        self._hang_up()
        self._timeline.add("SYSTEM_TERMINATED", status=status, incarnation=self._incarnation)
        if status == "exit status 0":
            os._exit(0)
        self._failed_starts += 1
        if self._failed_starts >= ATTEMPTS:
            self._give_up(f"the standby service died {ATTEMPTS} times before it served, {status} at last")
        end_orphans(self._known())
        _throw_away(self._birth.bench_fd)
        self._tell_bench(supervision.SystemEnded(status))
        self._start_system()

    def _hang_up(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None

    # -- apps ----------------------------------------------------------------------------------------------------------

    def _fork_app(self, received: FromSystem) -> None:
        message: supervision.ForkApp = received.body
        line, kept, test = (received.descriptors.take() for _ in range(3))
        given = [fd for fd in (line, kept, test) if fd is not None]
        if line is None or kept is None:
            for fd in given:
                os.close(fd)
            self._answer_fault(received.number, HostError(HResult.INVALID_ARG, "ForkApp without its descriptors"))
            return
        who, what = (message.name, message.instance), (message.entry, message.path)
        folders = self._birth.data, self._birth.trusted
        birth = supervision.AppBirth(*who, *what, line, test, self._birth.timeline_fd, message.task, *folders)
        try:
            forked = self._spare_for(birth) or self._forked(birth, {*given} - {kept})
        except OSError as error:  # the machine has no process left for it, which is no reason for the host to end
            os.close(kept)
            self._answer_fault(received.number, HostError(HResult.OUT_OF_MEMORY, f"no process for the app: {error.strerror}"))
            return
        finally:
            for fd in given:
                if fd != kept:
                    os.close(fd)
        self._apps[forked.pid] = supervision.RunningApp(
            message.key, message.name, forked.pid, forked.outer_pid, kept, message.instance
        )
        self._tell_system(lambda line: line.send_result(received.number, forked))
        if message.task is not None:
            self._spare.want(message.path)

    def _spare_for(self, birth: supervision.AppBirth) -> supervision.Forked | None:
        """Of a task host that may have what every process has."""
        return self._spare.take(birth) if birth.task is not None and birth.task.network else None

    def _forked(self, birth: supervision.AppBirth, fds: set[int]) -> supervision.Forked:
        """Raises OSError."""
        pid = os.fork()
        if pid == 0:
            own = {0, 1, 2, *fds, birth.timeline_fd}
            live(lambda: with_only(own, lambda: self._programs.app(birth)))
        return supervision.Forked(pid, outer_pid(pid))

    def _app_ended(self, pid: int, status: str) -> None:
        app = self._apps.pop(pid)
        end_orphans(self._known())
        os.close(app.line_fd)
        self._tell_system(lambda line: line.send_notice(supervision.AppEnded(app.key, status)))

    def _known(self) -> set[int]:
        return {self._system_pid, *(companion.pid for companion in self._companions), *self._spare.pids, *self._apps}

    def _reap(self) -> None:
        """Orphans too; these have nobody who wants to know."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            words = exit_words(os.waitstatus_to_exitcode(status))
            companion = next((one for one in self._companions if one.pid == pid), None)
            if companion is not None:
                self._companion_ended(companion, words)
            elif pid == self._system_pid:
                self._system_ended(words)
            elif pid in self._apps:
                self._app_ended(pid, words)
            else:
                self._spare.ended(pid)

    # -- what it says --------------------------------------------------------------------------------------------------

    def _answer_fault(self, number: int, error: Exception) -> None:
        if number:
            self._tell_system(lambda line: line.send_fault(number, fault_of(error, "the supervisor")))

    def _tell_system(self, say: Callable[[Line[Any]], None]) -> None:
        if self._line is None:
            return
        try:
            say(self._line)
        except BlockingIOError:  # it hangs; the next one gets to see what is
            os.kill(self._system_pid, signal.SIGKILL)
        except OSError:
            pass  # it has just died, which is heard otherwise

    def _give_up(self, why: str) -> NoReturn:
        """All of the host ends, and whatever the bench asks next is answered with that."""
        fix = "please report it, with the test's output.txt and timeline.jsonl: they have its last words"
        self._tell_bench(supervision.GivenUp(fault_of(BenchError("RIG-R30", why, fix), "the supervisor")))
        with contextlib.suppress(OSError):  # nobody may read that any more
            sys.stderr.write(f"{why}\n")
        os._exit(1)

    def _tell_bench(self, notice: Notice) -> None:
        with contextlib.suppress(OSError):  # a bench that hears nothing is about to end us
            self._news.send_notice(notice)


def _kinds(birth: supervision.HostBirth, numbers: Iterable[int], programs: Programs) -> list[CompanionKind]:
    journal_fd = os.memfd_create("driver's journal", os.MFD_CLOEXEC)
    driver = CompanionKind(
        name=supervision.DRIVER,
        what="the driver of the device",
        ended=E.DRIVER_TERMINATED,
        program=lambda line_fd: programs.driver(birth.driver, line_fd, journal_fd),
        fds={journal_fd, *numbers} - {birth.news_fd, birth.bench_fd},
    )
    transfers = CompanionKind(
        name=supervision.TRANSFERS,
        what="the process of background transfers",
        ended=E.TRANSFERS_TERMINATED,
        program=lambda line_fd: programs.transfers(birth.transfers, line_fd, ""),
        fds={birth.timeline_fd},
        refuse=lambda line_fd, why: programs.transfers(birth.transfers, line_fd, why),
        waits_for_a_message=True,
    )
    return [driver, transfers]


def _throw_away(line_fd: int) -> None:
    """Calls that the dead system has not read: the bench is told that they are not answered."""
    with socket.socket(fileno=os.dup(line_fd)) as line, contextlib.suppress(OSError):
        line.setblocking(False)
        while True:
            data, fds, _, _ = socket.recv_fds(line, MESSAGE_BYTES, FDS)
            for fd in fds:
                os.close(fd)
            if not data:
                return
