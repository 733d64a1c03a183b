"""What messages about background transfers are made of: those of apps, and those of the process that does the transfers."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

from rig.standby.wire.app_types import Name, Words
from rig.standby.wire.transfer_enums import (
    BackgroundTransferBehavior,
    BackgroundTransferCostPolicy,
    BackgroundTransferPriority,
    BackgroundTransferStatus,
)

TransferId: TypeAlias = Annotated[str, Meta(min_length=36, max_length=36, pattern=r"^[0-9A-Za-z-]*\Z")]
"""A GUID that the app makes, so that a creation which is told twice is one. It is the name of a file, too."""
SPEC_BYTES = 64 * 1024
"""What all of a TransferSpec may take: a state of it, with an answer's headers, goes into one message."""
GroupId: TypeAlias = Annotated[str, Meta(min_length=36, max_length=36)]
"""A GUID: of a completion group."""
Uri: TypeAlias = Annotated[str, Meta(min_length=1, max_length=4096)]
FilePath: TypeAlias = Annotated[str, Meta(min_length=1, max_length=4096)]
"""Absolute."""
PART_SUFFIX = ".part"
"""What has come of a download lies beside its file, under that name, until it is whole (BTR-001)."""
Count: TypeAlias = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Header: TypeAlias = tuple[Name, Annotated[str, Meta(max_length=8192)]]
Headers: TypeAlias = Annotated[tuple[Header, ...], Meta(max_length=64)]


class PasswordCredential(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    user_name: Name
    password: Name


class ContentPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of a multi-part upload: a file or a text (BTR-022)."""

    name: Name
    file_name: Name = ""
    path: FilePath | None = None
    text: Annotated[str, Meta(max_length=16 * 1024)] = ""
    headers: Headers = ()


class TransferSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One operation, as it was created. `path`: what is downloaded gets there, what is uploaded lies there."""

    id: TransferId
    direction: Literal["download", "upload"]
    uri: Uri
    path: FilePath | None = None
    """None for a multi-part upload, whose parts have their own."""
    method: Annotated[str, Meta(max_length=32)] = ""
    """"": GET, or POST for an upload."""
    headers: Headers = ()
    """One of each name: the API has joined those that were set twice (BTR-006)."""
    server_credential: PasswordCredential | None = None
    proxy_credential: PasswordCredential | None = None
    group: Name = ""
    """"": in no group."""
    behavior: BackgroundTransferBehavior = BackgroundTransferBehavior.PARALLEL
    priority: BackgroundTransferPriority = BackgroundTransferPriority.DEFAULT
    cost_policy: BackgroundTransferCostPolicy = BackgroundTransferCostPolicy.DEFAULT
    completion_group: GroupId | None = None
    parts: Annotated[tuple[ContentPart, ...], Meta(max_length=64)] = ()
    subtype: Name = "form-data"
    """multipart/..."""
    boundary: Annotated[str, Meta(max_length=70)] = ""
    """"": one is made."""


class TransferProgress(msgspec.Struct, frozen=True):
    """Bytes; a total of 0 is unknown."""

    bytes_received: int = 0
    total_bytes_to_receive: int = 0
    bytes_sent: int = 0
    total_bytes_to_send: int = 0
    has_restarted: bool = False
    """It began anew at byte 0 (BTR-019)."""
    has_response_changed: bool = False


class ResponseInformation(msgspec.Struct, frozen=True):
    """Of the last answer; there is none before the first, nor for what is not HTTP."""

    actual_uri: str
    status_code: int
    headers: dict[str, str]
    is_resumable: bool


class TransferFault(msgspec.Struct, frozen=True):
    """Why it ended as ERROR. `web_error`: a value of WebErrorStatus, or a code of HTTP."""

    web_error: int
    words: Words


class TransferState(msgspec.Struct, frozen=True):
    """How an operation is now."""

    spec: TransferSpec
    status: BackgroundTransferStatus = BackgroundTransferStatus.IDLE
    progress: TransferProgress = TransferProgress()
    response: ResponseInformation | None = None
    fault: TransferFault | None = None
    attempts: int = 0
    """Requests that were begun, for all of it."""
    answer: FilePath | None = None
    """Of an upload: what the server answers is there, from the first byte on until the operation is forgotten."""
