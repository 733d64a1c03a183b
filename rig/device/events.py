"""Events of the device: the replies to a standing READ {"after": n}, answered when an event with a number above n exists.

Numbers start at 1 at boot. After event n the wait is set again with after = n, which frees it on the device; so a lost
reply comes again, and a doubled one (n not above `after`) is dropped: in order, exactly once. After SILENCE_S without
an event the stream asks hello: a new boot_id means that the device restarted and counts from 1 again, and in any case the
wait is set again, in case the request or its reply was lost. All requests carry the one sequence number of the stream,
so late replies match too. Everything here runs in the link's reader thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from rig.device.link_stats import Stats
from rig.device.numbers import GROUP_OFFLOAD, READ, Command

SILENCE_S = 1.0
NEXT_WAIT_S = 0.005
"""After an event the wait for the next is set again a little later: what the host does about a wake goes first on the line."""
READ_REPLY = READ | 1


class Send(Protocol):
    """Puts a request on the line; its reply comes back through `EventStream.take`."""

    def __call__(self, op: int, group: int, command: int, seq: int, body: Mapping[str, Any]) -> None: ...


class EventStream:
    """State of one stream: the number of the last event, and when to ask again."""

    def __init__(
        self,
        seq: int,
        send: Send,
        on_event: Callable[[list[Any]], None],
        on_restart: Callable[[int], None] | None,
        stats: Stats,
        boot_id: int | None = None,
    ) -> None:
        """`boot_id`: of the boot whose events are wanted, where it is known; else the first one that answers."""
        self.seq = seq
        self.after = 0
        self._send = send
        self._on_event = on_event
        self._on_restart = on_restart
        self._stats = stats
        self._boot_id = boot_id
        self._ask_at_s = 0.0
        self._next_is_wait = False

    def tick(self) -> int:
        """Ask again if it is time; returns the ms until the next call is due."""
        now_s = time.monotonic()
        if now_s >= self._ask_at_s:
            self._ask(now_s)
        return max(1, int((self._ask_at_s - now_s) * 1000) + 1)

    def _ask(self, now_s: float) -> None:
        if self._next_is_wait:
            self._wait()
            return
        self._ask_at_s = now_s + SILENCE_S
        self._send(READ, GROUP_OFFLOAD, Command.HELLO, self.seq, {})

    def wants(self, op: int, group: int, seq: int, command: int) -> bool:
        """Whether a reply is for this stream."""
        mine = command in (Command.EVENT_WAIT, Command.HELLO)
        return seq == self.seq and group == GROUP_OFFLOAD and op == READ_REPLY and mine

    def take(self, command: int, reply: dict[str, Any]) -> None:
        """A reply to one of the stream's requests. An error leaves it to the next silence to ask again."""
        if command == Command.EVENT_WAIT and isinstance(reply.get("event"), list):
            self._event(reply["event"])
        elif command == Command.HELLO and "boot_id" in reply:
            self._check_boot(reply["boot_id"])
            self._wait()

    def overheard(self, group: int, command: int, reply: dict[str, Any]) -> None:
        """Any other reply: a hello or attach of another thread tells of a restart sooner than the next silence."""
        hello_or_attach = group == GROUP_OFFLOAD and command == Command.HELLO and "boot_id" in reply
        if hello_or_attach and self._check_boot(reply["boot_id"]):
            self._wait()

    def _event(self, event: list[Any]) -> None:
        if not event or type(event[0]) is not int:
            self._on_event(event)  # who reads it says what is wrong; without a number it cannot be confirmed
            return
        if event[0] <= self.after:
            self._stats.repeated_events += 1
            return
        self.after = event[0]
        self._stats.events += 1
        self._on_event(event)
        self._ask_at_s = time.monotonic() + NEXT_WAIT_S
        self._next_is_wait = True

    def _check_boot(self, boot_id: int) -> bool:
        """Returns whether this is another boot than before."""
        if boot_id == self._boot_id:
            return False
        restarted = self._boot_id is not None
        self._boot_id = boot_id
        if restarted:
            self.after = 0
            if self._on_restart is not None:
                self._on_restart(boot_id)
        return restarted

    def _wait(self) -> None:
        self._next_is_wait = False
        self._ask_at_s = time.monotonic() + SILENCE_S
        self._send(READ, GROUP_OFFLOAD, Command.EVENT_WAIT, self.seq, {"after": self.after})
