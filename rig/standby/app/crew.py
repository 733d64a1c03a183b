"""The threads of an app's process: all wait for the same things, and whoever hears something does what is to be done about it.

No thread hands anything to another one on the way of a wake: each such step costs two switches of threads and a wait for the
interpreter's lock. One more always listens: when none is left, as app code may wait for whatever it likes, another is started.

Work of one lane is done one after another, in the order in which it was heard; work of different lanes side by side. What is
heard on a descriptor is heard by one thread, which puts the work into its lane before another may hear the next thing there.
"""

from __future__ import annotations

import os
import queue
import select
import threading
from collections import deque
from collections.abc import Callable, Hashable
from typing import NoReturn, TypeAlias

from rig.standby.app.faults import AppFaults

Work: TypeAlias = Callable[[], None]

THREADS = 3
"""To begin with: one listens while a read completes and a task runs."""
DEAF_STATUS = 70
"""EX_SOFTWARE: the exit status of a process whose threads can hear nothing any more."""
ONCE = select.EPOLLIN | select.EPOLLONESHOT


class Crew:
    """Any thread may call. What a callback or a piece of work raises is a fault of the app, written down; the thread goes on.

    A process that waits for what it will be has its threads already, as starting them takes longer than the rest of a task's
    start: nothing is listened to before `belong_to`.
    """

    def __init__(self, faults: AppFaults | None = None) -> None:
        self._app_faults = faults
        self._started = False
        self._epoll = select.epoll()
        self._heard: dict[int, Work] = {}
        self._lanes: dict[Hashable, deque[Work]] = {}
        """Those on which something runs, or is about to; with what waits behind it."""
        self._lock = threading.Lock()
        self._threads = self._listening = 0
        self._local = threading.local()
        self._left: queue.SimpleQueue[Hashable] = queue.SimpleQueue()
        """Lanes that nobody has come to yet."""
        self._more = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC | os.EFD_SEMAPHORE)

    def belong_to(self, faults: AppFaults) -> None:
        """The process is an app's, or a task host, from now on."""
        self._app_faults = faults

    @property
    def _faults(self) -> AppFaults:
        assert self._app_faults is not None, "nothing is listened to before it is known whose process this is"
        return self._app_faults

    def start(self) -> None:
        """The threads end with the process. Safe to call twice."""
        if self._started:
            return
        self._started = True
        self.watch(self._more, self._take_left)
        for _ in range(THREADS):
            self._start_thread()

    # -- what is listened to -------------------------------------------------------------------------------------------

    def watch(self, fd: int, heard: Work) -> None:
        """Call `heard` whenever `fd` is readable, until `unwatch`."""

        def again() -> None:
            try:
                heard()
            finally:
                if fd in self._heard:
                    self._epoll.modify(fd, ONCE)

        self.watch_once(fd, again)

    def watch_once(self, fd: int, heard: Work) -> None:
        """Call `heard` when `fd` is readable; `unwatch` all the same, before the descriptor is closed. Raises OSError,
        ValueError for one that is listened to already."""
        with self._lock:
            if fd in self._heard:
                raise ValueError(f"descriptor {fd} is listened to already")
            self._heard[fd] = heard  # first: it may be heard before the next line returns
            try:
                self._epoll.register(fd, ONCE)
            except BaseException:
                del self._heard[fd]
                raise

    def unwatch(self, fd: int) -> None:
        """Nothing when it is not watched, or was closed meanwhile."""
        with self._lock:
            if self._heard.pop(fd, None) is None:
                return
            try:
                self._epoll.unregister(fd)
            except (OSError, ValueError):
                pass

    # -- what is done --------------------------------------------------------------------------------------------------

    def add(self, lane: Hashable, work: Work) -> None:
        """Never waits. The thread that calls from a callback of `watch` does it itself, behind the callback, unless something of
        that lane is under way; any other leaves it to the crew."""
        if not self._opens(lane, work):
            return
        mine: list[Hashable] | None = getattr(self._local, "lanes", None)
        if mine == []:
            mine.append(lane)
        else:
            self._leave(lane)

    def add_next(self, lane: Hashable, work: Work) -> None:
        """As `add`, for the last that a piece of work does: the thread that does it goes on with this, unless something of that
        lane is under way, and what waits behind the piece is another thread's."""
        if not getattr(self._local, "at_work", False) or self._local.next is not None:
            self.add(lane, work)
            return
        if not self._opens(lane, work):
            return
        self._local.next = lane

    def _opens(self, lane: Hashable, work: Work) -> bool:
        """Whether that is the only work of its lane, and somebody has to come to it. Else who has the lane does it, too."""
        with self._lock:
            waiting = self._lanes.get(lane)
            if waiting is not None:
                waiting.append(work)
                return False
            self._lanes[lane] = deque([work])
            return True

    def _let_go(self, lane: Hashable) -> None:
        """A piece of it is done; what waits behind that is another thread's."""
        with self._lock:
            if not self._lanes[lane]:
                del self._lanes[lane]
                return
        self._leave(lane)

    def _leave(self, lane: Hashable) -> None:
        """For whoever comes to it."""
        self._left.put(lane)
        os.eventfd_write(self._more, 1)

    def _take_left(self) -> None:
        os.eventfd_read(self._more)
        self._local.lanes.append(self._left.get())

    # -- the threads ---------------------------------------------------------------------------------------------------

    def _start_thread(self) -> None:
        with self._lock:
            self._threads += 1
            self._listening += 1
            name = f"crew {self._threads}"
        try:
            threading.Thread(target=self._turns, args=(name,), name=name, daemon=True).start()
        except (RuntimeError, MemoryError) as error:  # the machine has none left: what there are do it, one after another
            with self._lock:
                self._listening -= 1
            self._faults.met("start of a thread", error)

    def _turns(self, name: str) -> NoReturn:
        """One after another, whatever each raises, SystemExit too, which would end the thread alone."""
        while True:
            try:
                self.turn()
            except BaseException as error:
                self._faults.met(name, error)

    def turn(self) -> None:
        """Hear one thing, and do it."""
        heard = self._next()
        with self._lock:
            self._listening -= 1
            alone = self._listening == 0
        if alone:
            self._start_thread()
        try:
            self.do(heard)
        finally:
            with self._lock:
                self._listening += 1

    def do(self, heard: Work) -> None:
        """What `heard` does, and what it adds, on the calling thread, which need be none of the crew."""
        lanes: list[Hashable] = []
        self._local.lanes = lanes
        try:
            heard()
        finally:
            self._local.lanes = None
            for lane in lanes:
                self._run(lane)

    def _next(self) -> Work:
        while True:
            try:
                ready = self._epoll.poll(None, 1)
            except (OSError, ValueError) as error:  # the app has closed descriptors that are not its own
                self._faults.met("a listening thread", error)
                os._exit(DEAF_STATUS)
            for fd, _ in ready:
                heard = self._heard.get(fd)
                if heard is not None:
                    return heard

    def _run(self, lane: Hashable) -> None:
        """What is in the lane, and what comes to it meanwhile."""
        while (work := self._first_of(lane)) is not None:
            self._local.next, self._local.at_work = None, True
            try:
                work()
            except BaseException as error:
                self._faults.met(f"work of {lane}", error)
            self._local.at_work = False
            if self._local.next is not None:
                self._let_go(lane)
                lane = self._local.next

    def _first_of(self, lane: Hashable) -> Work | None:
        """None: it is empty, and open for somebody else."""
        with self._lock:
            waiting = self._lanes[lane]
            if not waiting:
                del self._lanes[lane]
                return None
            return waiting.popleft()
