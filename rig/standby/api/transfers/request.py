"""What a downloader and an uploader have alike: how the operations that they create from now on ask their servers."""

from __future__ import annotations

import re
import threading
import time
import uuid
from pathlib import Path
from typing import Any, Literal

from rig.standby.api import session
from rig.standby.api.transfers.completion_group import BackgroundTransferCompletionGroup
from rig.standby.api.transfers.group import BackgroundTransferGroup
from rig.standby.api.transfers.uri import checked_uri
from rig.standby.wire.app_transfers import CreateTransfer
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.transfer_enums import BackgroundTransferBehavior, BackgroundTransferCostPolicy
from rig.standby.wire.transfer_types import PasswordCredential, TransferSpec, TransferState

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""RFC 9110 5.6.2."""
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
"""RFC 9110 5.5: nothing that would end the line."""
_OF_THE_WIRE = ("content-length", "transfer-encoding", "host", "connection", "range", "if-range", "expect", "te", "trailer")
"""What frames the message, or says which bytes are wanted, is not the app's."""


_turn = threading.Lock()
_newest = 0
"""The time of the newest id."""


class Headers:
    """In the order in which names came first."""

    def __init__(self) -> None:
        self._values: dict[str, tuple[str, str]] = {}

    def set(self, name: str, value: str) -> None:
        """One that is there already is joined with it, as a list (BTR-006; RFC 9110 5.3); cookies as RFC 6265 5.4 has them.
        Raises HostError INVALID_ARG."""
        if not _TOKEN.fullmatch(name) or not _VALUE.fullmatch(value):
            raise HostError(HResult.INVALID_ARG, f"request header {name!r}: expected a token, and a value of one line")
        if name.lower() in _OF_THE_WIRE:
            raise HostError(HResult.INVALID_ARG, f"request header {name!r} is set by who sends, not by the app")
        first, before = self._values.get(name.lower(), (name, ""))
        joined = ("; " if name.lower() == "cookie" else ", ").join(part for part in (before, value) if part)
        self._values[name.lower()] = first, joined

    @property
    def items(self) -> tuple[tuple[str, str], ...]:
        return tuple(self._values.values())


class TransferRequests:
    """`completion_group`: all that is created belongs to it, until it is enabled (BTR-024)."""

    direction: Literal["download", "upload"]

    def __init__(self, completion_group: BackgroundTransferCompletionGroup | None = None) -> None:
        self.completion_group = completion_group
        self.method = ""
        """"": GET for a download, POST for an upload."""
        self.cost_policy = BackgroundTransferCostPolicy.DEFAULT
        self.transfer_group: BackgroundTransferGroup | None = None
        self.server_credential: PasswordCredential | None = None
        """For a server that asks for it (RFC 9110 11)."""
        self.proxy_credential: PasswordCredential | None = None
        self._headers = Headers()

    @property
    def group(self) -> str:
        """The name of the group; the older way to say which."""
        return self.transfer_group.name if self.transfer_group is not None else ""

    @group.setter
    def group(self, name: str) -> None:
        self.transfer_group = BackgroundTransferGroup.create_group(name) if name else None

    def set_request_header(self, name: str, value: str) -> None:
        """Of all that is created from now on. The same one twice: the values are joined (BTR-006). Raises HostError
        INVALID_ARG."""
        self._headers.set(name, value)

    def _create(self, uri: str, path: Path | None, **more: Any) -> TransferState:
        """Raises HostError: INVALID_ARG, and what the system says to it (CreateTransfer)."""
        if self.method and not _TOKEN.fullmatch(self.method):
            raise HostError(HResult.INVALID_ARG, f"method {self.method!r}: expected a token, such as PUT")
        group = self.transfer_group
        spec = TransferSpec(
            id=fresh_id(),
            direction=self.direction,
            uri=checked_uri(uri, self.direction),
            path=str(path) if path is not None else None,
            method=self.method.upper(),
            headers=self._headers.items,
            server_credential=self.server_credential,
            proxy_credential=self.proxy_credential,
            group=group.name if group is not None else "",
            behavior=group.transfer_behavior if group is not None else BackgroundTransferBehavior.PARALLEL,
            cost_policy=self.cost_policy,
            completion_group=self.completion_group.id if self.completion_group is not None else None,
            **more,
        )
        session.current().call(CreateTransfer(spec))
        return TransferState(spec)


def fresh_id() -> str:
    """A GUID above all before: the system lists operations by id, and an app that attaches to them in that order lets them go on
    in the order in which it has created them. 48 bits of time in steps of 16 us, the rest by chance (RFC 9562 5.8)."""
    global _newest
    with _turn:
        time_bits = _newest = max(_newest + 1, time.time_ns() >> 14)
    random_bits = uuid.uuid4().int & ((1 << 80) - 1) & ~(0xF << 76) & ~(0x3 << 62)
    return str(uuid.UUID(int=time_bits << 80 | 0x8 << 76 | 0x2 << 62 | random_bits))


def checked_path(path: str | Path) -> Path:
    """Raises HostError INVALID_ARG: the process that reads or writes it has another working directory than the app."""
    path = Path(path)
    if not path.is_absolute() or "\0" in str(path):
        raise HostError(HResult.INVALID_ARG, f"file {str(path)[:200]!r}: an absolute path is wanted, such as in the app's folder")
    return path
