"""Groups of transfers: those of one group run side by side, or one after another (BTR-023)."""

from __future__ import annotations

import threading
from typing import ClassVar

from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.transfer_enums import BackgroundTransferBehavior
from rig.standby.wire.transfer_types import TransferSpec

NAME_LENGTH = 40
"""Most characters of a name: of the old property, which a name is the same as."""


class BackgroundTransferGroup:
    """`create_group` makes it."""

    _lock: ClassVar[threading.Lock] = threading.Lock()
    _known: ClassVar[dict[str, BackgroundTransferGroup]] = {}

    def __init__(self, name: str, behavior: BackgroundTransferBehavior) -> None:
        self.name = name
        self.transfer_behavior = behavior
        """Of what is created from now on, and of the group with that."""

    @classmethod
    def create_group(cls, name: str) -> BackgroundTransferGroup:
        """The same name is the same group, in all processes of the app. Raises HostError INVALID_ARG."""
        if not 0 < len(name) <= NAME_LENGTH:
            raise HostError(HResult.INVALID_ARG, f"name of a group {name[:100]!r}: 1 to {NAME_LENGTH} characters")
        return cls._group(name, BackgroundTransferBehavior.PARALLEL)

    @classmethod
    def of(cls, spec: TransferSpec) -> BackgroundTransferGroup | None:
        """As the operation was created; None: in no group."""
        return cls._group(spec.group, spec.behavior) if spec.group else None

    @classmethod
    def _group(cls, name: str, behavior: BackgroundTransferBehavior) -> BackgroundTransferGroup:
        with cls._lock:
            return cls._known.setdefault(name, cls(name, behavior))

    def __repr__(self) -> str:
        return f"BackgroundTransferGroup({self.name!r}, {self.transfer_behavior.name})"
