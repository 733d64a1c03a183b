"""Apps: their processes, and what they have under way."""

from __future__ import annotations

from dataclasses import dataclass, field

from rig.standby.system.child import Child
from rig.standby.wire.from_app import FromApp
from rig.standby.wire.message import Notice
from rig.standby.wire.peer import Peer
from rig.timeline import TimelineWriter


@dataclass
class AppProcess:
    """One app. `open_reads`: completions begun and not yet returned; `tasks`: instances ordered and not yet done."""

    name: str
    child: Child
    timeline: TimelineWriter
    granted: bool = True
    """What the user answers to an access request."""
    access: bool = False
    foreground: bool = True
    suspended: bool = False
    ready: bool = False
    open_reads: int = 0
    tasks: set[int] = field(default_factory=set)
    peer: Peer[FromApp] | None = None
    """Its end of the line; set as soon as it is watched."""

    @property
    def busy(self) -> bool:
        return self.open_reads > 0 or bool(self.tasks)

    def suspend(self) -> None:
        """Stop it; returns when every thread has stopped, of the processes that it has started too."""
        if self.suspended:
            return
        self.child.stop()
        self.suspended = True
        self.timeline.add("APP_SUSPEND", app=self.name)

    def resume(self, cause: str) -> None:
        if not self.suspended:
            return
        self.timeline.add("APP_RESUME", app=self.name, cause=cause)
        self.suspended = False
        self.child.go_on()

    def was_resumed(self) -> None:
        """By the driver of the device, which has written it down."""
        self.suspended = False

    @property
    def has_unread(self) -> bool:
        """Whether it has said something that nobody has read yet."""
        return self.peer is not None and self.peer.has_unread

    def tell(self, notice: Notice) -> None:
        """Send it a message. It may have died a moment ago: then nothing, and the loop notices the closed socket."""
        if self.peer is not None:
            self.peer.notify(notice)

    def kill(self) -> None:
        self.child.kill()
