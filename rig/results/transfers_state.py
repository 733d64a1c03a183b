"""What a host's background transfers are at, from the records of its timeline, as rig.results.host_state is of the rest."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from rig.events import TimelineEvent as E
from rig.results.records import Record, number_of

RATE_NS = 2_000_000_000
"""What a rate is of: the newest two seconds of progress."""
ENDED = ("COMPLETED", "CANCELED", "ERROR")


@dataclass
class Transfer:
    """One operation. `reason`: why it may not run; `error`: what it ended with."""

    id: str
    app: str = ""
    direction: str = ""
    uri: str = ""
    path: str | None = None
    group: str = ""
    priority: str = "DEFAULT"
    status: str = "IDLE"
    reason: str | None = None
    attempts: int = 0
    bytes: int = 0
    total: int = 0
    """0: not known."""
    error: str | None = None
    forgotten: bool = False
    """Its app has heard how it ended, or is gone."""
    _progress: deque[tuple[int, int]] = field(default_factory=deque)

    @property
    def ended(self) -> bool:
        return self.status in ENDED

    @property
    def name(self) -> str:
        """Of its file, or what its URI has last."""
        return (self.path or self.uri.partition("?")[0]).rpartition("/")[2] or self.uri

    def rate_bytes_s(self, now_ns: int) -> float:
        """0 for one that does not run, or of which nothing came for a while."""
        newest = [entry for entry in self._progress if entry[0] >= now_ns - RATE_NS]
        if self.status != "RUNNING" or len(newest) < 2:
            return 0.0
        (first_ns, first), (last_ns, last) = newest[0], newest[-1]
        return max(0, last - first) * 1e9 / (last_ns - first_ns) if last_ns > first_ns else 0.0

    def come(self, t_ns: int, record: Record) -> None:
        self.bytes, self.total = int(number_of(record.get("bytes"))), int(number_of(record.get("total")))
        self._progress.append((t_ns, self.bytes))
        while self._progress[0][0] < t_ns - RATE_NS:
            self._progress.popleft()


@dataclass
class TransfersState:
    """`take` each record in order."""

    now_ns: int = 0
    """Time of the newest record."""
    transfers: dict[str, Transfer] = field(default_factory=dict)
    """By id, in the order of their creation."""

    @property
    def statuses(self) -> Counter[str]:
        return Counter(transfer.status for transfer in self.transfers.values())

    def take(self, record: Record) -> None:
        self.now_ns = max(self.now_ns, int(number_of(record.get("t"))))
        handler = _HANDLERS.get(str(record.get("ev")))
        if handler is not None:
            handler(self, record)

    def created(self, record: Record) -> None:
        transfer = self._of(record)
        transfer.direction, transfer.uri = str(record.get("direction")), str(record.get("uri"))
        transfer.path = str(record["path"]) if record.get("path") else None
        transfer.group, transfer.priority = str(record.get("group") or ""), str(record.get("priority"))

    def turned(self, record: Record) -> None:
        transfer = self._of(record)
        transfer.status = str(record.get("status"))
        transfer.direction = str(record.get("direction"))
        transfer.priority = str(record.get("priority"))
        if transfer.status == "RUNNING" or transfer.ended:
            transfer.reason = None

    def permitted(self, record: Record) -> None:
        transfer = self._of(record)
        reason = record.get("reason")
        transfer.reason = None if transfer.ended or not reason else str(reason)

    def attempted(self, record: Record) -> None:
        transfer = self._of(record)
        transfer.attempts = int(number_of(record.get("attempt")))

    def progressed(self, record: Record) -> None:
        self._of(record).come(self.now_ns, record)

    def over(self, record: Record) -> None:
        transfer = self._of(record)
        transfer.status, transfer.reason = str(record.get("status")), None
        transfer.come(self.now_ns, record)
        transfer.error = str(record["error"]) if record.get("error") else None

    def forgotten(self, record: Record) -> None:
        self._of(record).forgotten = True

    def _of(self, record: Record) -> Transfer:
        name = str(record.get("id"))
        transfer = self.transfers.setdefault(name, Transfer(name))
        transfer.app = str(record.get("app"))
        return transfer


_HANDLERS: Mapping[str, Callable[[TransfersState, Record], None]] = {
    E.TRANSFER_CREATED: TransfersState.created,
    E.TRANSFER_STATUS: TransfersState.turned,
    E.TRANSFER_PERMIT: TransfersState.permitted,
    E.TRANSFER_ATTEMPT: TransfersState.attempted,
    E.TRANSFER_PROGRESS: TransfersState.progressed,
    E.TRANSFER_ENDED: TransfersState.over,
    E.TRANSFER_FORGOTTEN: TransfersState.forgotten,
}
