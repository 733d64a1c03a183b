"""Which of the system's calls are to be done by a process that others of its kind may have been before.

It answers each call once, in the order in which the system made them. What waits in the line as it starts is not all: a process
before it may have read the rest, and died. So nothing is done before the system says `Begin`, behind which it says all again that
has no answer; what it says twice to the same process is done once (numbers only ever rise, from system to system, too).
"""

from __future__ import annotations

from rig.standby.wire.inbox import Inbox, Turn, no_note

BEGIN = 0
"""The number of every notice: there is one kind of them, `Begin`."""


class OnlyNewer(Inbox):
    """Keeps no answer: who has read the call is here to answer it, or never."""

    def __init__(self) -> None:
        super().__init__(no_note)
        self._begun = False
        self.current = 0
        """The number of the call that is begun."""

    def take(self, number: int) -> Turn:
        if number == BEGIN:
            self._begun = True
            return Turn.NEW
        if not self._begun:
            return Turn.AHEAD
        if number <= self.current:
            return Turn.UNDER_WAY
        self.current = number
        return Turn.NEW

    def is_done(self, number: int) -> bool:
        return True
