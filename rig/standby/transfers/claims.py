"""Whose a file is: that which a download becomes, and the one beside it that its bytes are in until then, are its own from its
creation to its end."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from rig.standby.transfers.bodies import READS
from rig.standby.transfers.multipart import MultipartBody
from rig.standby.transfers.operation import Operation
from rig.standby.transfers.partial_file import WRITES
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.transfer_types import TransferSpec


def claim(operation: Operation, others: Iterable[Operation]) -> None:
    """Make the file of a download, see that those of an upload can be read. Raises HostError."""
    spec = operation.saved.spec
    paths = [part.path for part in spec.parts] if spec.parts else [spec.path]
    if any(path is not None and not Path(path).is_absolute() for path in paths):
        raise HostError(HResult.INVALID_ARG, "a background transfer of a file whose path is not absolute")
    try:
        if operation.is_download:
            _claim_target(operation, others)
        elif spec.parts:
            for part in spec.parts:
                if part.path is not None:
                    _check_readable(part.path)
            MultipartBody(spec).close()
        else:
            _check_readable(_path(spec))
    except OSError as error:
        raise HostError(HResult.INVALID_ARG, f"{error.filename or spec.path}: {error.strerror}") from error
    except ValueError as error:  # a zero in the path
        raise HostError(HResult.INVALID_ARG, str(error)) from error


def _check_readable(path: str) -> None:
    """Raises OSError, HostError."""
    if not stat.S_ISREG(Path(path).stat().st_mode):  # the end of a pipe would keep this process waiting
        raise HostError(HResult.INVALID_ARG, f"{path} is no file")
    os.close(os.open(path, READS))


def _path(spec: TransferSpec) -> str:
    if spec.path is None:
        raise HostError(HResult.INVALID_ARG, "a background transfer without a file")
    return spec.path


def _claim_target(operation: Operation, others: Iterable[Operation]) -> None:
    """Raises OSError, HostError."""
    _path(operation.saved.spec)
    target, part = operation.target, operation.part
    if is_of_another(operation, others):
        raise HostError(HResult.INVALID_ARG, f"{target} is the file of another background transfer")
    if target.exists() and not target.is_file():
        raise HostError(HResult.INVALID_ARG, f"{target} is no file")
    assert part is not None
    fd = os.open(part, WRITES, 0o666)
    try:
        if os.fstat(fd).st_size:
            raise HostError(HResult.INVALID_ARG, f"{part} is there already, and of no background transfer")
    finally:
        os.close(fd)


def is_of_another(operation: Operation, others: Iterable[Operation]) -> bool:
    """A file of this download is one that has not ended."""
    return any(other.id != operation.id and not other.saved.status.ended and other.files & operation.files for other in others)
