"""The driver's way to the device: one request or several on their way, and no long wait for a mute device twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from rig.device.link import Link
from rig.device.numbers import GROUP_OFFLOAD, WRITE, Command
from rig.device.offload import typed
from rig.device.requests import RETRIES, TIMEOUT_S, Pending
from rig.errors import BenchError, DeviceError
from rig.standby.nic.steps import Inject, no_fault

T = TypeVar("T")

ON_THE_WAY = 4
"""Requests sent before the first is answered: the line is never idle then, and a board's receive buffer holds them."""
NO_ANSWER = "RIG-B03"


class DeviceLine:
    """A Requester. After a request that nothing answered the next ones are sent once only, until the device speaks again: the
    host is on its way back to the network meanwhile. `inject` is a test's, called before each request is sent and before its
    reply is taken."""

    def __init__(self, link: Link, inject: Inject = no_fault) -> None:
        self.link = link
        self.mute = False
        self._inject = inject

    def request(
        self, op: int, group: int, command: int, body: Mapping[str, Any], *, timeout_s: float = TIMEOUT_S, retries: int = RETRIES
    ) -> dict[str, Any]:
        return self.result(self.submit(op, group, command, body), timeout_s=timeout_s, retries=retries)

    def submit(self, op: int, group: int, command: int, body: Mapping[str, Any]) -> Pending:
        self._inject(_name(command), "before")
        return self.link.submit(op, group, command, body)

    def result(self, pending: Pending, *, timeout_s: float = TIMEOUT_S, retries: int = RETRIES) -> dict[str, Any]:
        try:
            reply = pending.result(timeout_s, 0 if self.mute else retries)
            self._inject(_name(pending.key[2]), "after")
        except DeviceError:
            self.mute = False
            raise
        except BenchError as error:
            self.mute = error.code == NO_ANSWER
            raise
        self.mute = False
        return reply

    def write_all(self, of: Callable[[Mapping[str, Any]], T], command: Command, bodies: Sequence[Mapping[str, Any]]) -> list[T]:
        """One command with each of the bodies, several on their way at a time; the replies in order. Raises at the first that is
        refused or not answered."""
        replies: list[T] = []
        sent: list[Pending] = []
        while len(replies) < len(bodies):
            while len(sent) < min(len(bodies), len(replies) + ON_THE_WAY):
                sent.append(self.submit(WRITE, GROUP_OFFLOAD, command, bodies[len(sent)]))
            replies.append(typed(of, command, self.result(sent[len(replies)])))
        return replies


def _name(command: int) -> str:
    try:
        return Command(command).name
    except ValueError:
        return f"0x{command:02x}"
