"""The host's own network, as conditions and system triggers see it: its link and its addresses."""

from __future__ import annotations

import msgspec


class NetworkState(msgspec.Struct, frozen=True):
    """Of the interface that the offload device shares with the host."""

    link: bool = True
    addresses: tuple[str, ...] = ("192.0.2.1",)
    """Sorted; those with which a host reaches others than its neighbours: no link-local ones."""

    @property
    def connected(self) -> bool:
        return self.link and bool(self.addresses)
