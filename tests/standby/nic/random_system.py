"""A system that asks its driver for whatever comes to its mind, and goes by what it hears: SleepCycle, NicProcess and the owners
of what a device keeps, as far as the driver can tell."""

from __future__ import annotations

import contextlib
import socket
from dataclasses import dataclass, field
from enum import Enum
from random import Random
from typing import Any

from rig.device.pattern import Pattern
from rig.device.payload import PayloadKeepAlive
from rig.peers import PushConnection, PushServer
from rig.standby.wire import nic
from rig.standby.wire.faults import Internal
from rig.standby.wire.line import Received, What
from rig.standby.wire.message import Call, Notice, decoded_answer

from .conftest import DOOR, DOORMAN, Parts
from .served import Served

PATTERNS = {"door": DOOR, "other": Pattern.udp(0, 7001)}
PAYLOADS = (None, PayloadKeepAlive.mqtt_ping())


class Believed(Enum):
    """By the system, of the host."""

    AWAKE = "awake"
    FALLING_ASLEEP = "falling asleep"
    ASLEEP = "asleep"


@dataclass
class Connection:
    sock: socket.socket
    peer: PushConnection
    pushed: bytes = b""
    read: bytes = b""


@dataclass
class RandomSystem:
    """`said` and `log`: what it has asked and is not answered yet, and all that happened."""

    parts: Parts
    served: Served
    chance: Random
    server: PushServer
    """For a second connection."""
    connections: dict[str, Connection]
    held: set[str]
    """Keys of those that it wants the driver to hold."""
    log: list[str] = field(default_factory=list)
    believed: Believed = Believed.AWAKE
    hold: bool = False
    """Something keeps the host awake."""
    patterns: set[str] = field(default_factory=lambda: {"door"})
    said: dict[int, Call[Any]] = field(default_factory=dict)
    _told_ns: int = 0
    _number: int = 1
    _starting: bool = False
    _unheard: list[Notice] = field(default_factory=list)
    _wanted: set[str] = field(default_factory=set)
    """By a driver that adopts, and not known to this system yet."""
    _lost: set[str] = field(default_factory=set)

    # -- what it does --------------------------------------------------------------------------------------------------

    def step(self) -> None:
        """One thing, unless it has not begun yet."""
        self.read()
        if not self._starting:
            self.chance.choices(
                (self._enter, self._turn_hold, self._turn_two, self._turn_other, self._ask, self.push, self._nothing),
                (45, 10, 10, 8, 12, 7, 8),
            )[0]()

    def dies(self) -> None:
        """Its successor asks first of all what the driver holds."""
        self.log.append("the system dies")
        for call in self.said.values():  # what was never written down as done
            if isinstance(call, nic.Reserve):
                self.held.discard(call.key)
            if isinstance(call, nic.AddPattern):
                self.patterns.discard(call.key)
        self._number = ((self._number >> 32) + 1) << 32
        self.said.clear()
        self._wanted.clear()
        self._unheard.clear()
        self._starting = True
        self._say(nic.GetHeld())

    def push(self) -> None:
        """By the servers of some of the connections."""
        for key in self.kept():
            if not self._busy_with(key) and self.chance.random() < 0.7:
                connection = self.connections[key]
                data = b"%s%d;" % (key.encode(), len(connection.pushed))
                connection.pushed += data
                connection.peer.push(data)
                self.log.append(f"push {key}")

    def kept(self) -> list[str]:
        """Those that the driver has not said to be lost."""
        return sorted(self.held - self._lost)

    def unread(self) -> list[str]:
        return [key for key in self.kept() if self.connections[key].pushed != self.connections[key].read]

    def _say(self, call: Call[Any], fd: int | None = None) -> None:
        self.said[self._number] = call
        self.log.append(f"{self._number:#x} {call}")
        self.served.line.send_call(self._number, call, [fd] if fd is not None else [])
        self._number += 1

    def _enter(self) -> None:
        if self.believed is Believed.AWAKE and not self.hold and not self._entering:
            self.believed = Believed.FALLING_ASLEEP
            self._say(nic.Enter(self.kept(), 0, self._told_ns))

    def _turn_hold(self) -> None:
        self.hold = not self.hold
        self._wake_if_held()

    def _wake_if_held(self) -> None:
        if self.hold and self.believed is not Believed.AWAKE:
            self._say(nic.Wake("user"))

    def _turn_two(self) -> None:
        """Given back, or another one of that key."""
        if self._busy_with("two") or "two" not in self.connections:
            return
        if "two" in self.held:
            self.held.discard("two")
            self._say(nic.GiveBack("two"))
        elif self.parts.driver.idle and self.believed is Believed.AWAKE and not self._entering:
            self.connections["two"].sock.close()
            self.connections["two"] = self.connect()
            self._reserve("two")

    def connect(self) -> Connection:
        """To the second server."""
        before = len(self.server.connections)
        sock = socket.create_connection((self.server.address, self.server.port), 5)
        return Connection(sock, self.server.connection(before))

    def _reserve(self, key: str) -> None:
        self.held.add(key)
        self._lost.discard(key)
        payload = self.chance.choice(PAYLOADS)
        self._say(nic.Reserve(key, {"app": key}, 1439, payload), self.connections[key].sock.fileno())

    def _turn_other(self) -> None:
        if self._busy_with("other"):
            return
        if "other" in self.patterns:
            self.patterns.discard("other")
            self._say(nic.RemovePattern("other"))
        else:
            self._say(nic.AddPattern("other", DOORMAN, PATTERNS["other"]))

    def _ask(self) -> None:
        if "one" in self.kept() and not self._busy_with("one"):
            update = nic.Update("one", 1439, self.chance.choice(PAYLOADS), ())
            self._say(self.chance.choice((update, nic.StopPayload("one"), nic.GetPayloadState("one"))))

    def _nothing(self) -> None:
        pass

    @property
    def _entering(self) -> bool:
        return any(isinstance(call, nic.Enter) for call in self.said.values())

    def _busy_with(self, key: str) -> bool:
        return any(getattr(call, "key", None) == key for call in self.said.values())

    # -- what it hears -------------------------------------------------------------------------------------------------

    def read(self) -> None:
        """All that there is, and what its apps can read."""
        while (received := self.served.receive()) is not None:
            if received.what is What.NOTICE:
                self._notice(received.body)
            else:
                self._answer(received)
        if self.believed is Believed.AWAKE:
            for connection in self.connections.values():
                connection.sock.setblocking(False)
                with contextlib.suppress(BlockingIOError, PermissionError):  # the latter in repair
                    connection.read += connection.sock.recv(1000)

    def _notice(self, notice: Notice) -> None:
        self.log.append(f"heard {notice}")
        if isinstance(notice, nic.Woke):
            self._told_ns = notice.told_ns
        if isinstance(notice, nic.Adopting):
            self._wanted = set(notice.keys)
            if not self._starting:
                self._adopt()
        elif self._starting:
            self._unheard.append(notice)
        else:
            self._hear(notice)

    def _hear(self, notice: Notice) -> None:
        if isinstance(notice, nic.Woke):
            self.believed = Believed.AWAKE
        if isinstance(notice, nic.Lost):
            self._lost.add(notice.key)

    def _adopt(self) -> None:
        for key in sorted(self._wanted & self.held):
            self._wanted.discard(key)
            self._say(nic.Adopt(key), self.connections[key].sock.fileno())

    def _answer(self, received: Received[Any]) -> None:
        call = self.said.pop(received.number, None)
        self.log.append(f"answer to {received.number:#x}: {received.what.name} {received.body!r}")
        if call is None:  # of a system before
            return
        done = received.what is What.RESULT
        assert not isinstance(received.body, Internal), received
        assert not getattr(received.body, "code", "").startswith("RIG-X"), received
        match call:
            case nic.Enter() if self.believed is Believed.FALLING_ASLEEP:
                entered = done and isinstance(decoded_answer(call, received.body), nic.Entered)
                self.believed = Believed.ASLEEP if entered else Believed.AWAKE
            case nic.Reserve(key) if not done:
                self.held.discard(key)
            case nic.AddPattern(key):
                (self.patterns.add if done else self.patterns.discard)(key)
            case nic.GetHeld():
                self._begin(decoded_answer(call, received.body))

    def _begin(self, held: nic.Held) -> None:
        """As System.start."""
        self._starting = False
        self._told_ns = max(self._told_ns, held.woke_told_ns)
        self.believed = Believed.ASLEEP if held.asleep else Believed.AWAKE
        self._adopt()
        unheard, self._unheard = self._unheard, []
        for notice in unheard:
            self._hear(notice)
        for key in sorted(held.slots.keys() - self.held):
            self._say(nic.GiveBack(key))
        for key in sorted(set(held.patterns) - self.patterns):
            self._say(nic.RemovePattern(key))
        for key in sorted(self.held - held.slots.keys()):
            self._reserve(key)
        for key in sorted(self.patterns - set(held.patterns)):
            self._say(nic.AddPattern(key, DOORMAN, PATTERNS[key]))
        self._wake_if_held()
