"""What the host API needs of the process around an app: who it is, its line to the system, its posted reads.

`rig.standby.app` fulfils it in an app's process; the API itself knows nothing of threads and lines.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Protocol, TypeVar

from rig.standby.api.posted_read import PostedRead
from rig.standby.wire.descriptors import Descriptors
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.message import Call, Fetch, Notice
from rig.timeline import TimelineWriter

R = TypeVar("R")

EntryPoint = Callable[[Any], None]
"""Takes a BackgroundTaskInstance."""


class App(Protocol):
    """What an app's class gets: its name and number (two of one name have two), the bench's timeline, and the entry points of its
    tasks, by name."""

    name: str
    instance: int
    timeline: TimelineWriter
    entry_points: dict[str, EntryPoint]
    data_folder: Path
    """Of this app; it may not be there yet."""
    trusted: Path
    """The authorities whose certificates TLS trusts, PEM; none while it is not there."""

    def call(self, call: Call[R], fds: Sequence[int] = ()) -> R:
        """Ask the system. Raises HostError, TimeoutError when it does not answer, OSError when it is gone."""

    def submit(self, call: Call[R]) -> Future[R]:
        """As `call`, and do not wait: its answer may take as long as it likes. What is called back hears the system meanwhile, so
        it leaves its work to `add_work`."""

    def add_work(self, lane: Hashable, work: Callable[[], None]) -> None:
        """To be done on a thread that is none of the app's, behind what was added to that lane before. What it raises is written
        down as the app's fault."""

    def fetch(self, call: Fetch[R]) -> tuple[R, Descriptors]:
        """As `call`; the descriptors are the caller's to take or close."""

    def notify(self, notice: Notice) -> None:
        """Tell the system. Raises OSError when it is gone."""

    @property
    def in_task(self) -> bool:
        """Whether a background task's Run is what calls."""

    def post(self, operation: PostedRead) -> None:
        """Wait for the operation's socket to become readable, unless what completes it is there, then complete it."""

    def withdraw(self, operation: PostedRead) -> None:
        """Stop waiting; the operation completes as cancelled. The socket may be closed when this returns."""


_current: App | None = None


def enter(app: App) -> None:
    """This process is the app's from now on."""
    global _current
    _current = app


def current() -> App:
    """The app of this process. Raises HostError outside an app process."""
    if _current is None:
        raise HostError(HResult.INVALID_STATE, "the host API works inside an app that the standby service started")
    return _current
