"""Errors of the host API: one family, each named after the HRESULT it stands for."""

from __future__ import annotations

from enum import IntEnum


class HResult(IntEnum):
    """The HRESULTs that the host API raises."""

    UNAUTHORIZED_ACCESS = 0x80070005
    INVALID_ARG = 0x80070057
    ILLEGAL_METHOD_CALL = 0x8000000E
    ELEMENT_NOT_FOUND = 0x80070490
    CLASS_NOT_REGISTERED = 0x80040154
    NOT_SUPPORTED_FOR_SOCKET = 0x8007273D
    OUT_OF_MEMORY = 0x8007000E
    INVALID_STATE = 0x8007139F
    NOT_SUPPORTED = 0x80070032
    """ERROR_NOT_SUPPORTED: this kind of host, or of app, has no such thing (CCT-007)."""
    CANCELLED = 0x800704C7
    """ERROR_CANCELLED: a pending operation ended by Close."""
    NO_SLOT = 0x800705AA
    """ERROR_NO_SYSTEM_RESOURCES: connect on a platform with connected standby and no free hardware slot (CCT-020)."""
    UNEXPECTED = 0x8000FFFF
    """E_UNEXPECTED: the system itself failed while it served the call."""
    NOT_IMPLEMENTED = 0x80004001
    """E_NOTIMPL: this host has no such thing."""
    FAIL = 0x80004005
    """E_FAIL: anything without a name of its own; the text says what."""


class HostError(Exception):
    """A refused call of the host API; `hresult` says which."""

    def __init__(self, hresult: HResult, text: str) -> None:
        super().__init__(f"{hresult.name} (0x{hresult.value:08X}): {text}")
        self.hresult = hresult
        self.text = text


class ProcessGone(HostError):
    """The process on the other end ended."""

    def __init__(self, who: str) -> None:
        super().__init__(HResult.FAIL, f"{who} is gone")
