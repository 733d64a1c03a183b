"""All operations of the app's package, as the system knows them now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from rig.standby.api import session
from rig.standby.wire.app_transfers import ListTransfers, WatchTransfers
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.transfer_types import TransferState


def listed(direction: Literal["download", "upload"], group: str | None = None) -> Iterator[TransferState]:
    """By id, page by page. `group`: those of that name alone, "": those in no group."""
    behind = ""
    while page := session.current().call(ListTransfers(behind)):
        behind = page[-1].spec.id
        for state in page:
            if state.spec.direction == direction and group in (None, state.spec.group):
                yield state


def states_of(ids: Sequence[str]) -> list[TransferState]:
    """In that order, of those that there are: one of a completion group is still there for the group's task when it is listed no
    more."""
    found: dict[str, TransferState] = {}
    while missing := tuple(one for one in ids if one not in found):
        page = _some_of(missing)
        if not page:
            break
        found.update({state.spec.id: state for state in page})
    return [found[one] for one in ids if one in found]


def _some_of(ids: tuple[str, ...]) -> list[TransferState]:
    """One at least, if any is there."""
    try:
        return session.current().call(WatchTransfers(ids)).states
    except HostError as error:
        if error.hresult is HResult.ELEMENT_NOT_FOUND:
            return []
        raise
