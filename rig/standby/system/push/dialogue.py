"""What host and push service say to one another over one connection (rig/push_line.py)."""

from __future__ import annotations

import asyncio
import itertools
import secrets
import socket
from collections.abc import Callable, Sequence
from typing import TypeAlias

from rig.push_line import (
    Acknowledged,
    ChannelClosed,
    ChannelOpened,
    CloseApp,
    FromService,
    Goodbye,
    Hello,
    Message,
    Notify,
    Ping,
    Pong,
    Power,
    Refused,
    Welcome,
)
from rig.standby.system.governor import Governor, Hold
from rig.standby.system.push.line import PushLine
from rig.standby.system.push.state import LABEL, PushState
from rig.standby.wire.hresult import HostError, HResult
from rig.timeline import TimelineWriter

ANSWER_S = 10.0
"""Real time that the service has for the answer to a ping."""

Answer: TypeAlias = ChannelOpened | ChannelClosed | Refused


class Dialogue:
    """`came` is told of each notification once, in order; `written` returns when what has come of them is written down; `over`
    hears once that the connection is of no use any more, and why."""

    def __init__(
        self,
        sock: socket.socket,
        state: PushState,
        governor: Governor,
        timeline: TimelineWriter,
        *,
        came: Callable[[Notify], None],
        written: Callable[[], None],
        over: Callable[[Dialogue, str], None],
    ) -> None:
        self.line = PushLine(sock, self._hear, self._line_over)
        self._state = state
        self._governor = governor
        self._timeline = timeline
        self._came = came
        self._written = written
        self._over = over
        self._loop = asyncio.get_running_loop()
        self.since_s = self._loop.time()
        self.welcomed: asyncio.Future[None] = self._loop.create_future()
        """It raises OSError when the connection is over before."""
        self.welcomed.add_done_callback(lambda done: done.cancelled() or done.exception())  # perhaps nobody asks
        self._requests = itertools.count(secrets.randbits(60) + 1)
        """What the system before has asked on the same connection may be answered now: its numbers are not ours."""
        self._answers: dict[int, asyncio.Future[Answer]] = {}
        self._pings: dict[int, tuple[Hold, asyncio.TimerHandle]] = {}
        self._gone: dict[int, str] = {}
        """Apps that the service was told of, by request."""
        self._told: Power | None = None

    # -- what the host says --------------------------------------------------------------------------------------------

    def hello(self, power: Power) -> None:
        self._told = power
        self.line.send(Hello(self._state.host, self._state.service, self._state.last, power))

    def was_welcomed(self) -> None:
        """For a system that is a new one, on the connection of the one before."""
        self.welcomed.set_result(None)

    def knows(self, power: Power) -> bool:
        """Whether that is what the service was told last."""
        return power == self._told

    def tell_power(self, power: Power) -> None:
        """The host stays awake until the service knows: what it weighs priorities against must be so when the host sleeps."""
        if self.welcomed.done() and power != self._told:
            if self._told is None:  # the system before may have died before it could say more
                self.line.send(Acknowledged(self._state.last))
                self._tell_gone()
            self._told = power
            self.probe("the push service is told of the power state", power)

    def probe(self, why: str, *behind: Message) -> None:
        """A service that has nothing to say to it is none. `behind`: what is said before, and known when it answers."""
        number = next(self._requests)
        late = self._loop.call_later(ANSWER_S, self.line.end, f"no answer within {ANSWER_S:.0f} s")
        self._pings[number] = self._governor.hold(LABEL, why), late
        self.line.send(*behind, Ping(number))

    async def ask(self, make: Callable[[int], Message]) -> Answer:
        """`make`: the request of that number. Waits for as long as its caller lets it; raises HostError FAIL when the line is
        over before."""
        number = next(self._requests)
        answer: asyncio.Future[Answer] = self._loop.create_future()
        self._answers[number] = answer
        self.line.send(make(number))
        try:
            return await answer
        finally:
            self._answers.pop(number, None)

    def tell_gone(self, app: str) -> None:
        """It is uninstalled."""
        number = next(self._requests)
        self._gone[number] = app
        self.line.send(CloseApp(number, app))

    def close(self, *, on_purpose: bool = False) -> None:
        if on_purpose:
            self.line.send(Goodbye())
        self.line.close()
        self._let_go("it is closed")

    # -- what the service says -----------------------------------------------------------------------------------------

    def _hear(self, messages: Sequence[FromService]) -> None:
        notified = 0
        for message in messages:
            if self.welcomed.done() is isinstance(message, Welcome):
                self.line.end(f"{type(message).__name__} out of turn: Welcome is the first, and comes once")
                return
            notified += self._heard(message)
        self._written()
        if notified:
            self.line.send(Acknowledged(self._state.last))
            self._timeline.add("PUSH_ACKNOWLEDGED", number=self._state.last)

    def _heard(self, message: FromService) -> int:
        """How many notifications it is."""
        match message:
            case Welcome():
                self._welcome(message)
            case Notify():
                self._notified(message)
                return 1
            case Pong(number):
                self._answered_ping(number)
            case ChannelOpened(request) | ChannelClosed(request) | Refused(request):
                self._answered(request, message)
        return 0

    def _welcome(self, welcome: Welcome) -> None:
        """Another run of the service counts from the beginning."""
        if welcome.service != self._state.service:
            self._state.service, self._state.last = welcome.service, 0
        self.welcomed.set_result(None)
        self._tell_gone()

    def _notified(self, notify: Notify) -> None:
        """One that comes again was done before."""
        if notify.number > self._state.last:
            self._state.last = notify.number
            self._came(notify)

    def _answered_ping(self, number: int) -> None:
        hold, late = self._pings.pop(number, (None, None))
        if hold is not None and late is not None:
            late.cancel()
            hold.release()

    def _answered(self, request: int, answer: Answer) -> None:
        """One that nobody waits for any more changes nothing."""
        waiting = self._answers.get(request)
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)
        gone = self._gone.pop(request, None)
        if gone is not None:
            self._state.gone = tuple(app for app in self._state.gone if app != gone)

    def _tell_gone(self) -> None:
        for app in self._state.gone:
            self.tell_gone(app)

    # -- its end -------------------------------------------------------------------------------------------------------

    def _line_over(self, why: str) -> None:
        self._let_go(why)
        self._over(self, why)

    def _let_go(self, why: str) -> None:
        """Nobody waits for it any more."""
        if not self.welcomed.done():
            self.welcomed.set_exception(OSError(why))
        for number in list(self._pings):
            self._answered_ping(number)
        for waiting in self._answers.values():
            if not waiting.done():
                waiting.set_exception(HostError(HResult.FAIL, f"the line to the push service is over: {why}"))
