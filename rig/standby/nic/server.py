"""The driver's end of the line to the system: calls come in, answers and notices go out, and nobody is waited for."""

from __future__ import annotations

import contextlib
import traceback
from collections import deque
from collections.abc import Callable
from typing import Any

from rig.errors import BenchError
from rig.standby.nic.driver import NicDriver
from rig.standby.nic.loop import Loop, Timer
from rig.standby.nic.pass_through import PassThrough
from rig.standby.wire import nic
from rig.standby.wire.descriptors import Descriptors
from rig.standby.wire.faults import as_refusal, fault_of, is_foreseen
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.line import Line, Malformed, What, datagram, send_datagram
from rig.standby.wire.message import Notice
from rig.timeline import TimelineWriter

UNREAD_MESSAGES = 1000
"""What is kept for a system that does not read, beyond its socket's buffer; then it is given up."""
AGAIN_S = 0.002
ADOPTING = (nic.Adopt, nic.GiveBack, nic.GetHeld)
"""Served while a driver that was started anew waits for descriptors."""
LOST = (nic.Reserve, nic.Adopt, nic.PassThroughRequest)
"""What cannot be done again by who has only the message."""
NEEDS_NO_NOTE = (nic.Wake, nic.GiveBack, nic.GetHeld, nic.GetPayloadState, nic.LinkStats)
"""Served also where no note can be made: the host must wake whatever happens, and what only takes away can be asked again."""
ENDED = "the driver of the device ended before it answered"


class LineToSystem:
    """What goes to the system, in order."""

    def __init__(self, line: Line[nic.ToDriver], loop: Loop) -> None:
        self._line = line
        self._loop = loop
        self._unsent: deque[bytes] = deque()
        self._timer: Timer | None = None
        line.sock.setblocking(False)

    def tell(self, notice: Notice) -> None:
        self.send(What.NOTICE, 0, notice)

    def send(self, what: What, number: int, body: Any) -> None:
        self._unsent.append(datagram(what, number, body))
        if self._timer is None:
            self._flush()

    def _flush(self) -> None:
        self._timer = None
        try:
            while self._unsent:
                send_datagram(self._line.sock, self._unsent[0])
                self._unsent.popleft()
        except BlockingIOError:
            if len(self._unsent) > UNREAD_MESSAGES:
                self._loop.stop()
            self._timer = self._loop.call_later(AGAIN_S, self._flush)
        except OSError:
            self._loop.stop()


class Server:
    """Serves one system until it hangs up."""

    def __init__(
        self,
        line: Line[nic.ToDriver],
        to_system: LineToSystem,
        driver: NicDriver,
        passing: PassThrough,
        stats: Callable[[], dict[str, int]],
        timeline: TimelineWriter,
        loop: Loop,
    ) -> None:
        self._line = line
        self._to_system = to_system
        self._driver = driver
        self._passing = passing
        self._stats = stats
        self._timeline = timeline
        self._loop = loop
        self._owed: set[int] = set()
        self._deferred: deque[tuple[int, Any, Descriptors]] = deque()

    def readable(self) -> None:
        """One message; the loop comes back for the next. It is noted before it is taken: whoever comes after us answers it. What
        cannot be noted is taken all the same, else it would be the next one for ever, and its caller hears why; but for what
        NEEDS_NO_NOTE."""
        try:
            unnoted = self._note_next()
            received = self._line.receive()
        except BlockingIOError:
            return
        except Malformed as malformed:
            if malformed.number:
                self._to_system.send(What.FAULT, malformed.number, fault_of(malformed.as_host_error(), ""))
            return
        if received is None:
            self._loop.stop()
            return
        if unnoted is not None and not isinstance(received.body, NEEDS_NO_NOTE):
            received.descriptors.close()
            self.answer(received.number, unnoted, type(received.body).__name__)
            return
        self._take(received.number, received.body, received.descriptors)

    def _note_next(self) -> Exception | None:
        """Why the next message cannot be noted. Raises BlockingIOError when there is none."""
        with contextlib.suppress(Malformed):
            peeked = self._line.peek()
            if peeked is not None and peeked.what is What.CALL:
                try:
                    self._driver.notes.owes(peeked.number, peeked.body)
                except (OSError, ValueError) as error:
                    return error
        return None

    def owe(self, calls: dict[int, nic.ToDriver]) -> None:
        """Calls that a driver before this one has not answered; the last of them it may not have taken. What came with a
        descriptor is lost with it; all others may be done twice."""
        with contextlib.suppress(Malformed, BlockingIOError):
            peeked = self._line.peek()
            calls = {number: call for number, call in calls.items() if peeked is None or number != peeked.number}
        for number, call in calls.items():
            if isinstance(call, LOST):
                self.answer(number, BenchError("RIG-R26", ENDED))
            else:
                self._owed.add(number)
                self._take(number, call, Descriptors())

    def _take(self, number: int, call: Any, descriptors: Descriptors) -> None:
        if isinstance(call, nic.GetHeld):
            self._refuse_deferred()
        if self._driver.adopting and not isinstance(call, ADOPTING):
            self._deferred.append((number, call, descriptors))
            return
        with descriptors:
            self._serve(number, call, descriptors)
        while self._deferred and not self._driver.adopting:
            self._take(*self._deferred.popleft())

    def _refuse_deferred(self) -> None:
        """As `GetHeld` says."""
        deferred, self._deferred = self._deferred, deque()
        for number, call, descriptors in deferred:
            if isinstance(call, nic.Wake):
                self._deferred.append((number, call, descriptors))
                continue
            descriptors.close()
            self.answer(number, BenchError("RIG-R26", ENDED))

    def _serve(self, number: int, call: Any, descriptors: Descriptors) -> None:
        try:
            if isinstance(call, nic.Enter):
                self._check_still_wanted(number, call)
            if isinstance(call, nic.PassThroughRequest):
                self._driver.settle_now()
                self._passing.send(number, call)
                return
            result = self._result(call, descriptors)
        except Exception as error:
            self.answer(number, error, type(call).__name__)
        else:
            self.answer(number, result)

    def _check_still_wanted(self, number: int, call: nic.Enter) -> None:
        """Raises BenchError RIG-R26 for an entry that the system asked for before it could know of the last wake: what came with
        that may keep the host awake. And for one that the driver before has taken: it may have been answered. First is done what
        that one has left, which may tell of a wake, or find that the host sleeps."""
        if not self._driver.ready_to_enter():
            return
        if number in self._owed:
            raise BenchError("RIG-R26", "the driver of the device ended on the way to sleep")
        if call.woke_told_ns < self._driver.woke_told_ns:
            raise BenchError("RIG-R26", "the host was woken after this entry was asked for")

    def answer(self, number: int, result: Any, where: str = "") -> None:
        """The answer to a call: what came of it, or what it raised."""
        if isinstance(result, Exception):
            result = as_refusal(result)
            if not is_foreseen(result):
                self.on_fault(where, result)
            self._to_system.send(What.FAULT, number, fault_of(result, f"the driver, {where}"))
        else:
            self._to_system.send(What.RESULT, number, result)
        try:
            self._driver.notes.answered(number)
        except (OSError, ValueError) as error:
            self.on_fault("note of an answer", error)

    def on_fault(self, where: str, error: Exception) -> None:
        """An exception that nobody foresaw: written down, and everything else goes on."""
        with contextlib.suppress(OSError):  # the disk that takes what is printed is full
            traceback.print_exception(error)
        self._timeline.add("SERVICE_FAULT", where=f"the driver, {where}", error=f"{type(error).__name__}: {error}")

    def _result(self, call: Any, descriptors: Descriptors) -> Any:
        driver = self._driver
        match call:
            case nic.Reserve():
                sock = descriptors.take_socket()
                if sock is None:
                    raise HostError(HResult.INVALID_ARG, "the connection's descriptor is missing")
                return driver.reserve(call, sock)
            case nic.Adopt(key):
                sock = descriptors.take_socket()
                return driver.adopt(key, sock) if sock is not None else driver.give_back(key)
            case nic.GiveBack(key):
                return driver.give_back(key)
            case nic.Update(key, network_minutes, payload, resume):
                return driver.update(key, network_minutes, payload, resume)
            case nic.GetPayloadState(key):
                return driver.payload_state(key)
            case nic.StopPayload(key):
                return driver.stop_payload(key)
            case nic.AddPattern():
                return driver.add_pattern(call)
            case nic.RemovePattern(key):
                return driver.remove_pattern(key)
            case nic.Enter(keys, wake_timer_ms):
                return driver.enter(keys, wake_timer_ms)
            case nic.Wake(cause):
                return driver.wake(cause)
            case nic.GetHeld():
                return driver.held()
            case nic.LinkStats():
                return self._stats()
        raise HostError(HResult.INVALID_ARG, f"{type(call).__name__} is not served")
