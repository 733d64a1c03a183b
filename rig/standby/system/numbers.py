"""Numbers that the system gives and never gives again, however often it is started anew."""

from __future__ import annotations

import msgspec


class Numbers(msgspec.Struct):
    """The last of each kind. One that was given later is higher; it may be used earlier than one that was given before."""

    instances: int = 0
    """Of app processes."""
    runs: int = 0
    transfers: int = 0
    """Of sockets to the broker."""
    notifications: int = 0
    """Raw ones, that an app was to have."""
    keys: int = 0
    """Of connections and patterns that the driver knows."""

    epochs: int = 0
    """Of systems: what one has counted means nothing to the next."""

    def next_epoch(self) -> int:
        self.epochs += 1
        return self.epochs

    def next_instance(self) -> int:
        self.instances += 1
        return self.instances

    def next_run(self) -> int:
        self.runs += 1
        return self.runs

    def next_runs(self, count: int) -> int:
        """The first of so many."""
        self.runs += count
        return self.runs - count + 1

    def next_transfer(self) -> int:
        self.transfers += 1
        return self.transfers

    def next_notification(self) -> int:
        self.notifications += 1
        return self.notifications

    def next_key(self, what: str) -> str:
        """`what`: "connection" or "pattern", for who reads it."""
        self.keys += 1
        return f"{what} {self.keys}"
