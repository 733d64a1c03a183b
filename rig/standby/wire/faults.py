"""Errors that cross from one process to another: what is raised on one side is raised on the other, with class and words.

A `HostError` keeps its HRESULT, an error of the rig code, cause and fix (so a bench that misbehaves is not taken for a host that
failed), a refusal of the device its group and number. Whatever nobody foresaw is INTERNAL: RIG-X06 where a test or the rig sees
it, E_UNEXPECTED in an app.
"""

from __future__ import annotations

import errno
from typing import TypeAlias

import msgspec

from rig.errors import BenchError, DeviceError, RigBug, RigError, UsageError
from rig.standby.wire.hresult import HostError, HResult


class Refused(msgspec.Struct, frozen=True, tag=True):
    """A HostError."""

    hresult: int
    text: str


class RigFault(msgspec.Struct, frozen=True, tag=True):
    """A RigError; `kind` is the name of its class."""

    kind: str
    code: str
    cause: str
    fix: str


class DeviceRefused(msgspec.Struct, frozen=True, tag=True):
    """A DeviceError."""

    group: int
    rc: int
    name: str
    what: str


class Internal(msgspec.Struct, frozen=True, tag=True):
    """An exception that nobody foresaw, in words."""

    where: str
    text: str


Fault: TypeAlias = Refused | RigFault | DeviceRefused | Internal

_KINDS: dict[str, type[RigError]] = {cls.__name__: cls for cls in (RigError, UsageError, BenchError, RigBug)}


_HRESULTS = frozenset(HResult)

SCARCE = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS, errno.EAGAIN})
"""Of the process, of the machine; EAGAIN from fork()."""


class InternalFault(RigBug):
    """Another process of the host met an exception that nobody foresaw; its SERVICE_FAULT record says where."""

    def __init__(self, where: str, text: str) -> None:
        super().__init__("RIG-X06", f"{where}: {text}", "please report it, with the timeline")
        self.where = where
        self.text = text


def fault_of(error: BaseException, where: str) -> Fault:
    """How `error` crosses. `where`: the process and the message that it was serving, for one that nobody foresaw."""
    if isinstance(error, HostError):
        return Refused(int(error.hresult), error.text)
    if isinstance(error, DeviceError):
        return DeviceRefused(error.group, error.rc, error.name, error.what)
    if isinstance(error, InternalFault):
        return Internal(error.where, error.text)
    if isinstance(error, RigError):
        kind = next(cls.__name__ for cls in type(error).__mro__ if cls.__name__ in _KINDS)
        return RigFault(kind, error.code, error.cause, error.fix)
    return Internal(where, f"{type(error).__name__}: {error}")


def as_refusal(error: Exception) -> Exception:
    """What a caller gets for an error of whom it asked: one that has no descriptor or memory left refuses, and goes on."""
    if isinstance(error, OSError) and error.errno in SCARCE:
        return HostError(HResult.OUT_OF_MEMORY, f"there is no room for it now: {error.strerror}")
    return error


def is_foreseen(error: BaseException) -> bool:
    """Whether the error is an answer; else it is a fault of ours, to be written down where it happened."""
    return isinstance(error, (HostError, RigError)) and not isinstance(error, RigBug)


def error_of(fault: Fault) -> HostError | RigError:
    """What the caller gets to see raised."""
    match fault:
        case Refused(hresult, text):
            return (
                HostError(HResult(hresult), text) if hresult in _HRESULTS else HostError(HResult.FAIL, f"0x{hresult:X}: {text}")
            )
        case RigFault(kind, code, cause, fix):
            return _KINDS.get(kind, RigError)(code, cause, fix)
        case DeviceRefused(group, rc, name, what):
            return DeviceError(group, rc, name, what)
        case Internal(where, text):
            return InternalFault(where, text)


def host_error_of(fault: Fault) -> HostError:
    """The same for an app, which knows HRESULTs only: the device's or the rig's trouble is E_UNEXPECTED, with its words."""
    error = error_of(fault)
    return error if isinstance(error, HostError) else HostError(HResult.UNEXPECTED, str(error))
