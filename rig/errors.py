"""Errors of the rig.

    RigError                     code, cause, fix; exit 6 (the bench misbehaved)
    ├── UsageError               the caller's words or files are wrong; exit 4
    ├── BenchError               the world misbehaved: port, board, kernel, process; exit 6
    │   └── DeviceError          the device refused: carries group and rc
    └── RigBug                   ours, please report it; exit 3

Every error says what happened, why, and the command that mends it. Codes are for searching: a code has one meaning, and
`rig/error_codes.py` has the meaning of each.
"""

from __future__ import annotations

from rig.exit_codes import Exit


class RigError(Exception):
    """Base: `code` such as "RIG-S01", `cause` one sentence, `fix` the command or step that mends it ("" if none)."""

    exit_code = Exit.BENCH_ERROR

    def __init__(self, code: str, cause: str, fix: str = "") -> None:
        super().__init__(f"{code} {cause}" + (f"\n  fix: {fix}" if fix else ""))
        self.code = code
        self.cause = cause
        self.fix = fix


class UsageError(RigError):
    """The caller's words, configuration or image file are wrong."""

    exit_code = Exit.USAGE


class BenchError(RigError):
    """The bench misbehaved: a port, board, kernel feature or process."""


class DeviceError(BenchError):
    """The device answered a request with an error. `rc` is from `enum off_rc` for the offload group."""

    def __init__(self, group: int, rc: int, name: str, what: str) -> None:
        super().__init__("RIG-B10", f"the device refused {what}: {name} (group {group}, rc {rc})")
        self.group = group
        self.rc = rc
        self.name = name
        self.what = what


class RigBug(RigError):
    """Something that cannot happen did."""

    exit_code = Exit.BUG
