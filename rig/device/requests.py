"""A request to the device, its reply, and who waits for it."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from typing import Any, Protocol

import cbor2

from rig.device.cbor_heads import TAG, heads

TIMEOUT_S = 0.5
RETRIES = 4

GROWING = {4, 5, 25, 28, 29, 30, 256}
"""Tags of fractions with an exponent of their own, and of values and texts that stand in several places: thirty of these within
one another are a thousand million values to whoever writes them down, and a fraction as large as it likes has so many digits."""
MAY_GROW = re.compile(rb"[\xc4\xc5]|[\xd8-\xdb]\0*(?:[\4\5\x19\x1c-\x1e]|\x01\0)")
"""The heads of such tags, which other bytes may be as well."""


class Requester(Protocol):
    """What typed commands need: one request, one reply."""

    def request(
        self,
        op: int,
        group: int,
        command: int,
        body: Mapping[str, Any],
        *,
        timeout_s: float = TIMEOUT_S,
        retries: int = RETRIES,
    ) -> dict[str, Any]:
        """The reply's map. Raises DeviceError when the device refused, BenchError RIG-B03 when nothing answered, UsageError
        RIG-C21 for more than it takes."""
        ...


class Waiter(Protocol):
    """The link that a request went out on."""

    def wait_for(self, pending: Pending, timeout_s: float) -> bool:
        """Until `pending` is over."""
        ...

    def result_of(self, pending: Pending, timeout_s: float, retries: int) -> dict[str, Any]:
        """As `Requester.request`."""
        ...


class Pending:
    """A request on its way. `result` waits for the reply, sending again when none comes."""

    __slots__ = ("_done", "_link", "frame", "key", "over", "reply", "seq")

    def __init__(self, link: Waiter, seq: int, key: tuple[int, int, int], frame: bytes) -> None:
        self._link = link
        self._done = threading.Lock()
        self._done.acquire()
        self.seq = seq
        self.key = key
        self.frame = frame
        self.reply: dict[str, Any] | None = None
        self.over = False

    def complete(self, reply: dict[str, Any] | None) -> None:
        """Called once by the reader thread; None: the port is gone."""
        self.reply = reply
        self.over = True
        self._done.release()

    def wait(self, timeout_s: float) -> bool:
        return self._link.wait_for(self, timeout_s)

    def heard(self, timeout_s: float) -> bool:
        """Waits for another thread to complete it."""
        return self.over or self._done.acquire(timeout=timeout_s)

    def result(self, timeout_s: float = TIMEOUT_S, retries: int = RETRIES) -> dict[str, Any]:
        """As `Requester.request`; call once."""
        return self._link.result_of(self, timeout_s, retries)


def decoded(body: bytes, length_bytes: int) -> dict[str, Any] | None:
    """The map of a reply; None when it is none. Such a reply counts as lost, and the request is repeated."""
    if len(body) != length_bytes:
        return None
    try:
        reply = cbor_of(body)
    except ValueError:
        return None
    return reply if isinstance(reply, dict) else None


def cbor_of(data: bytes) -> Any:
    """Raises ValueError for what is no CBOR: tags stand for dates, fractions, expressions, and what is wrong in one raises what
    it likes. And for one of GROWING, none of which the contract has."""
    if MAY_GROW.search(data) and (grows := GROWING.intersection(head.argument for head in heads(data) if head.major == TAG)):
        raise ValueError(f"tag {min(grows)}: a few bytes of it stand for more than fits anywhere")
    try:
        return cbor2.loads(data)
    except Exception as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error
