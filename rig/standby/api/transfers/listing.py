"""All operations of the app's package, as the system knows them now."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from rig.standby.api import session
from rig.standby.wire.app_transfers import ListTransfers
from rig.standby.wire.transfer_types import TransferState


def listed(direction: Literal["download", "upload"], group: str | None = None) -> Iterator[TransferState]:
    """By id, page by page. `group`: those of that name alone, "": those in no group."""
    behind = ""
    while page := session.current().call(ListTransfers(behind)):
        behind = page[-1].spec.id
        for state in page:
            if state.spec.direction == direction and group in (None, state.spec.group):
                yield state
