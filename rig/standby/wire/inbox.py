"""The receiver's half of "exactly once": which numbered messages are done, over any number of restarts of the receiver.

A sender numbers its calls and notices 1, 2, 3 ... and keeps each until it is acknowledged (`outbox.py`). The receiver notes
a number as done in the same transaction as the message's effect, with the answer. A new receiver says which number was the
last (RESUME) and gets everything behind it again, in order: what is not done is done now, of what is done the answer is given
again. What waited in the line when the old receiver died may come before that; it is ahead of its turn and passed over, as it
comes again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum, auto

ANSWERS = 256
"""Kept for those who ask again. An app has as many calls under way as it has threads, so far fewer."""

Note = Callable[[int, bytes, int], None]
"""Make it last, with all that the message has changed: the number that is done, its answer (b"" for none), and the number up to
which all are done. Answers more than ANSWERS below that may go."""


class Turn(Enum):
    NEW = auto()
    AGAIN = auto()
    """Done already."""
    UNDER_WAY = auto()
    """Begun, and not done yet."""
    AHEAD = auto()
    """Something before it has not come."""


class Inbox:
    """Of one sender. `last` and `answers` (by number, also of some above `last`) are what the receiver before noted. `postpone`
    may note with the next `note`, or soon."""

    def __init__(
        self, note: Note, last: int = 0, answers: Mapping[int, bytes] | None = None, postpone: Note | None = None
    ) -> None:
        self.last = last
        """All up to here are done."""
        self.noted = last
        """All up to here are done for whoever comes after this receiver: the sender need not keep them."""
        self._note = note
        self._postpone = postpone or note
        self._above = {number: answer for number, answer in (answers or {}).items() if number > last}
        self._answers = {number: answer for number, answer in (answers or {}).items() if number <= last}
        self._next = last + 1
        self._pass_done()

    def take(self, number: int) -> Turn:
        """Of a message that has come; one that is NEW is under way from now on."""
        if number <= self.last or number in self._above:
            return Turn.AGAIN
        if number < self._next:
            return Turn.UNDER_WAY
        if number > self._next:
            return Turn.AHEAD
        self._next += 1
        self._pass_done()
        return Turn.NEW

    def is_done(self, number: int) -> bool:
        return number <= self.last or number in self._above

    def done(self, number: int, answer: bytes, *, may_wait: bool = False) -> None:
        """The message's effect is complete. `may_wait`: nobody has heard of it. Raises what the note raises: then it is not
        done."""
        last = number if number == self.last + 1 else self.last
        while last + 1 in self._above:
            last += 1
        if may_wait:
            self._postpone(number, answer, last)
        else:
            self._note(number, answer, last)
            self.noted = last
        self._above[number] = answer
        while self.last < last:
            self.last += 1
            self._keep(self.last, self._above.pop(self.last))

    def answer_to(self, number: int) -> bytes:
        """What was answered; b"" when nothing was, or too long ago."""
        return self._above.get(number) or self._answers.get(number, b"")

    def _keep(self, number: int, answer: bytes) -> None:
        if answer:
            self._answers[number] = answer
            if len(self._answers) > ANSWERS:
                del self._answers[next(iter(self._answers))]

    def _pass_done(self) -> None:
        while self._next in self._above:
            self._next += 1


def no_note(number: int, answer: bytes, last: int) -> None:
    """For a receiver that forgets all when it dies."""
