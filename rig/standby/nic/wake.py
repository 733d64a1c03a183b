"""Waking: host awake (the device falls silent, keeps buffering) - the host's port joins the bridge - sockets thawed - the waking
frame and those behind it put in at the host's port, in arrival order, each once - its owner told and continued - unicast steered
to the host.

A device that has fallen silent with the wake's event is asked all the same, and its answer comes when the owner runs already.

No app runs before it can read: until then it would only keep the driver from a processor. What nobody waits for comes last, and
then the driver keeps nobody from one.
The host is on the network at the end whatever fails on the way: a device that does not answer cannot keep it off. What the device
sent and took for connections with payload keep-alives is put into their sockets (takeback.py) as soon as the host is on the
network. One whose state cannot be had is lost, and its owner told so.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from rig.device.codes import says
from rig.device.numbers import GROUP_OFFLOAD, WRITE, Command, FrameFlag, OffloadRc, WakeReason
from rig.device.offload import typed
from rig.device.offload_types import Event, PowerReply
from rig.device.requests import TIMEOUT_S, Pending
from rig.errors import BenchError, DeviceError
from rig.standby.nic.connections import OffloadedConnection, OffloadedPattern
from rig.standby.nic.next_hop import NextHops
from rig.standby.nic.place import Place
from rig.standby.nic.standby import OUT_OF_STEP, Standby
from rig.standby.nic.steps import Step
from rig.standby.wire.message import Notice
from rig.standby.wire.nic import NoMoreTokens

AHEAD_US = 1_000_000
"""Of an event that is older, host awake with its repetitions might not be there before the device speaks again. The clocks were
compared when the host fell asleep: in the longest sleep that a lease of two hours bears they part by some half a second."""


@dataclass(frozen=True)
class Cause:
    """Why the host wakes. `event` and `owner`: where the device said it, and whose frame it was."""

    name: str
    event: Event | None = None
    owner: OffloadedConnection | OffloadedPattern | None = None

    @property
    def connection(self) -> OffloadedConnection | None:
        return self.owner if isinstance(self.owner, OffloadedConnection) else None


class Waking:
    """One wake. `ask` has been called before anything is written down: the device's answer is what it waits for, of a device that
    has not yielded."""

    def __init__(
        self, standby: Standby, next_hops: NextHops, tell: Callable[[Notice], None], note: Callable[[], None], place: Place
    ) -> None:
        """`note`: write down what is taken back, and what is put in."""
        self._standby = standby
        self._next_hops = next_hops
        self._tell = tell
        self._note = note
        self._place = place
        self._asked: Pending | None = None
        self._cause = Cause("")
        self._captured = 0
        self._lease_over = False
        self._mute = False
        self._silenced = False
        self._put_in = False
        self._rest: Pending | None = None
        """Asked for already: what is behind the waking frame."""

    @property
    def lease_over(self) -> bool:
        """The device took the host for dead and has freed everything."""
        return self._lease_over

    def ask(self) -> None:
        """Host awake, on its way; not when a refused commit has left the device silent already. Never raises: the wake begins."""
        if not self._standby.silent:
            with contextlib.suppress(Exception):
                self._asked = self._submit()

    def _submit(self) -> Pending:
        return self._standby.line.submit(WRITE, GROUP_OFFLOAD, Command.HOST_AWAKE, {"epoch": self._standby.epoch})

    def steps(self, cause: Cause) -> list[Step]:
        self._cause = cause
        return [
            *(self._ahead() if self._can_go_ahead(cause.event) else self._behind_the_answer()),
            Step("put in the rest", self._reinject_rest),
            Step("steer", self._standby.gate.steer_to_host),
            Step("note all", self._note),
            Step("go first", self._place.first),
        ]

    def _behind_the_answer(self) -> list[Step]:
        taking_back = not self._standby.silent and self._standby.has_payloads
        return [
            Step("host awake", self._silence),
            Step("join", self._standby.gate.join),
            Step("take back", self._take_back),
            *([Step("note", self._note)] if taking_back else []),
            Step("thaw", self._standby.thaw),
            Step("put in", self._reinject),
            Step("tell", self._tell_owner),
        ]

    def _ahead(self) -> list[Step]:
        return [
            Step("join", self._standby.gate.join),
            Step("thaw", self._standby.thaw),
            Step("put in", self._put_in_the_events_frame),
            Step("tell", self._tell_owner),
            Step("host awake", self._hear_both),
        ]

    def _can_go_ahead(self, event: Event | None) -> bool:
        """All that has to be known stands in the event, and the answer to what is asked comes while the device yields."""
        standby = self._standby
        if event is None or not (standby.yield_ms and event.has_yielded and event.frame) or self._asked is None:
            return False
        if standby.clock is None or standby.has_payloads or standby.reinjection.acked:
            return False
        return abs(standby.clock.device_us(time.monotonic_ns()) - event.t_wake_us) < AHEAD_US

    def _tell_owner(self) -> None:
        """The system hears of it before its processes go on: what they say then comes behind."""
        if not self._standby.untold:
            return
        owner, connection, resumed = self._cause.owner, self._cause.connection, tuple[int, ...]()
        out_of_tokens = self._cause.name == WakeReason.NO_MORE_TOKENS.name
        if owner is not None and owner.resume and not out_of_tokens:
            resumed = owner.resume
            self._standby.timeline.add("APP_RESUME", **owner.names, cause="wake")
        self._tell(self._standby.woke(self._cause.name, owner.key if owner is not None else None, resumed))
        for pid in resumed:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        self._place.behind()
        if out_of_tokens and connection is not None and connection.payload is not None and connection.payload.offered() is None:
            self._tell(NoMoreTokens(connection.key))

    def _silence(self) -> None:
        """The device has fallen silent. Raises BenchError when it cannot be asked; the wake goes on without it."""
        if self._silenced or self._standby.silent:
            return
        self._silenced = True
        try:
            asked = self._asked or self._submit()
            reply = typed(PowerReply.of, Command.HOST_AWAKE, self._standby.line.result(asked))
        except DeviceError as error:
            self._lease_over = says(error, OffloadRc.RESUME_REQUIRED)
            self._mute = self._lease_over
            if says(error, *OUT_OF_STEP):
                self._silence_out_of_step()
            elif not self._lease_over:
                self._mute = True
                raise
        except Exception:
            self._mute = True
            raise
        else:
            self._standby.epoch, self._captured = reply.epoch, reply.captured
            if reply.moved:
                self._follow_next_hops()

    def _silence_out_of_step(self) -> None:
        try:
            self._standby.silence()
        except BenchError:
            self._mute = True
            raise

    def _follow_next_hops(self) -> None:
        """The device heard in the host's place where next hops have gone; the host's kernel must know before it sends."""
        moved = {slot.ref: slot.next_hop_mac for slot in self._standby.device.slots() if slot.next_hop_moves}
        for ref, connection in self._standby.handed_over.items():
            if ref not in moved:
                continue
            self._next_hops.follow(connection, moved[ref])
            hop = connection.next_hop
            self._standby.timeline.add("NEXT_HOP_MOVED", **connection.names, address=hop.ip, mac=hop.mac.hex(":"))

    def _take_back(self) -> None:
        if not self._silenced:  # its own step did not come to it, and nothing is taken back from a device that may speak
            with contextlib.suppress(Exception):
                self._silence()
        if self._mute:
            self._standby.lose_payloads()
        elif not self._standby.silent:
            self._standby.take_back()

    def _reinject(self) -> None:
        if self._put_in or self._mute:
            return
        event, reinjection = self._cause.event, self._standby.reinjection
        if self._captured == 1 and event is not None and event.frame and reinjection.acked == 0:
            self._put_in_the_events_frame()
        else:
            reinjection.some()
        self._put_in = True

    def _hear_both(self) -> None:
        """That the device is silent, and what is behind the waking frame: until that is in, nothing comes to the host but over
        the device, and its app runs already."""
        with contextlib.suppress(Exception):
            self._rest = self._standby.reinjection.ask()
        asked_s = time.monotonic()
        self._silence()
        if time.monotonic() - asked_s >= TIMEOUT_S:  # it may have been asked again, behind the other
            self._rest = None

    def _put_in_the_events_frame(self) -> None:
        if not self._put_in and self._standby.reinjection.acked == 0:  # else mending has drained it meanwhile
            assert self._cause.event is not None, "it has a frame"
            self._standby.reinjection.put_in(1, self._cause.event.frame, FrameFlag.WAKE)
        self._put_in = True

    def _reinject_rest(self) -> None:
        """Before the host gets its frames itself: one of them would overtake those that wait on the device."""
        if not self._put_in or self._mute:
            return
        rest, self._rest = self._rest, None
        if rest is None or self._standby.reinjection.asked(rest):
            self._standby.reinjection.until_none_is_left()
