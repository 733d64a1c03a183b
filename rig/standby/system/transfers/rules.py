"""What an operation may be, and how many there may be; when an app may pause it and let it go on."""

from __future__ import annotations

from urllib.parse import urlsplit

import msgspec

from rig.config import StandbyConfig
from rig.standby.system.transfers.table import TransferTable
from rig.standby.system.transfers.transfer import PAUSED, Transfer
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.transfer_enums import BackgroundTransferStatus as Status
from rig.standby.wire.transfer_types import SPEC_BYTES, TransferSpec
from rig.timeline import TimelineWriter

TRANSFERS_PER_APP = 200
"""BTR-004."""
GROUPS = 50
"""BTR-023."""
SCHEMES = {"download": ("http", "https", "ftp"), "upload": ("http", "https")}
RESUMABLE = (Status.PAUSED_BY_APPLICATION, Status.PAUSED_RECOVERABLE_WEB_ERROR_STATUS)


def check_spec(spec: TransferSpec) -> None:
    """Raises HostError."""
    wrong = _wrong(spec)
    if wrong is not None:
        raise HostError(HResult.INVALID_ARG, wrong)


def _wrong(spec: TransferSpec) -> str | None:
    if len(msgspec.msgpack.encode(spec)) > SPEC_BYTES:
        return f"all that an operation is made of takes more than {SPEC_BYTES} bytes"
    wrong_uri = check_uri(spec, spec.uri)
    if wrong_uri is not None:
        return wrong_uri
    paths = [spec.path, *(part.path for part in spec.parts)]
    if any(path is not None and (not path.startswith("/") or "\0" in path) for path in paths):
        return "the path of a file is absolute"
    if spec.direction == "download":
        return "a download has a file, and no parts" if spec.path is None or spec.parts else None
    return "an upload has a file or parts" if (spec.path is None) == (not spec.parts) else None


def check_uri(spec: TransferSpec, uri: str) -> str | None:
    """What is wrong with it for that operation (BTR-005)."""
    try:
        parts = urlsplit(uri)
        there = bool(parts.hostname) and parts.port != 0
    except ValueError:
        there = False
    if not there or any(character <= " " for character in uri):
        return f"{uri[:80]!r} is no URI of a server"
    if parts.scheme not in SCHEMES[spec.direction]:
        return f"the scheme of an {spec.direction} is {' or '.join(SCHEMES[spec.direction])}"
    return None


def check_start(transfer: Transfer) -> None:
    """Raises HostError."""
    if transfer.started or transfer.ended:
        _illegal("it was started before")


def check_pause(transfer: Transfer) -> None:
    """Raises HostError (BTR-018)."""
    if transfer.is_post:
        _illegal("a POST is not paused")
    if not transfer.started or transfer.ended:
        _illegal("it is not under way")
    if transfer.status in PAUSED:
        _illegal(f"it is {transfer.status.name} already")


def check_resume(transfer: Transfer) -> None:
    """Raises HostError."""
    if transfer.status not in RESUMABLE:
        _illegal(f"it is {transfer.status.name}, not paused by the app")


def check_set_uri(transfer: Transfer, uri: str) -> None:
    """Raises HostError."""
    if transfer.status not in RESUMABLE:
        _illegal("its URI is changed while the app has paused it")
    wrong = check_uri(transfer.spec, uri)
    if wrong is not None:
        raise HostError(HResult.INVALID_ARG, wrong)


def _illegal(why: str) -> None:
    raise HostError(HResult.ILLEGAL_METHOD_CALL, why)


class Limits:
    """How many operations an app may have at a time, and how many groups it, or the host, has (B-25)."""

    def __init__(self, table: TransferTable, rules: StandbyConfig, timeline: TimelineWriter) -> None:
        self._table = table
        self._strict = rules.strict_transfer_queue
        self._of_host = rules.transfer_groups == "system"
        self._timeline = timeline

    def check(self, package: str, spec: TransferSpec) -> None:
        """Of one more. Raises HostError."""
        if self._table.count(package) >= TRANSFERS_PER_APP:
            if self._strict:
                self._timeline.add("QUEUE_CORRUPT", app=package, operations=self._table.count(package))
            why = f"app {package} has {TRANSFERS_PER_APP} transfers, and may have no more"
            raise HostError(HResult.OUT_OF_MEMORY, why)
        groups = {(transfer.package, transfer.spec.group) for transfer in self._counted(package) if transfer.spec.group}
        if spec.group and (package, spec.group) not in groups and len(groups) >= GROUPS:
            whose = "the host" if self._of_host else f"app {package}"
            raise HostError(HResult.OUT_OF_MEMORY, f"{whose} has {GROUPS} groups of transfers, and may have no more")

    def _counted(self, package: str) -> list[Transfer]:
        there = self._table if self._of_host else self._table.of(package)
        return [transfer for transfer in there if not transfer.leaving]
