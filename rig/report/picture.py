"""What the picture of a timeline shows: lanes of bars and marks, made from a test's records.

    power    what the user sees            links    frames, one lane a port of the wire
    sleep    the device owns the identity  wake     NIC_WAKE with its reason
    app      suspended                     tasks    waiting for a condition, RUN_ENTER to RUN_EXIT, deferrals, cancellation
    levers   what the test has turned      holds    who kept the host awake in standby
    sockets  with the broker, by id, in a lane each if they are few; what came on them
    transfers  in the background, by the beginning of their id, likewise: they run, or wait    push  notifications and their line

A keep-alive of the device is an empty ACK that it sends unasked: a peer's frame just before makes it an answer.

A record that belongs to no lane is left out of the picture; it stays in timeline.jsonl.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeVar

from rig.report.scale import Scale
from rig.timeline import Record

WIDTH_PX = 900.0
"""Of the plot; lane names stand to its left."""

MAX_RECORDS = 5000
"""A test of thousands of cycles shows its last ones: that is where it failed, if it did."""

MERGE_PX = 0.5
"""Marks and bars nearer than this cannot be told apart, zoomed in neither: the first is drawn and says how many it stands for."""

MAX_SOCKET_LANES = 6
"""More sockets, or transfers, than these share one lane: their bars lie on each other, and a thousand lanes were worse."""

ID_LETTERS = 8
"""Of a transfer's id, its last ones, which tell those of one test apart: it begins with its time."""

DEVICE_LINK = "device link"
PORTS = {"ph": "host link", "ps": "server link", "pn": DEVICE_LINK}
"""Lanes of the ports of the wire namespace; other ports have their own name."""

STEPS = frozenset(
    "CTOR REGISTER USING_TRANSPORT CONNECT_BEGIN CONNECT_END SLOT_REQUEST SLOT_GRANT SLOT_DENY SLOT_FREE"
    " NIC_PATTERN_ADD NIC_PATTERN_DEL NIC_REFUSED USAGE_FAULT APP_FAILED APP_TERMINATED DEVICE_DIED UNREGISTER".split()
)
HANDOVER = frozenset("HANDOFF REINJECT FRAMES_LOST SLOT_RELEASED SLEEP_REFUSED".split())
BAD = frozenset(
    "FRAMES_LOST SLOT_DENY NIC_REFUSED USAGE_FAULT APP_TERMINATED SLEEP_REFUSED CANCEL_SENT TASK_KILLED RESET"
    " PUSH_LOST PUSH_DROPPED".split()
)
SAY_WHY = frozenset("NIC_WAKE CANCEL_SENT TASK_KILLED SOCKET_ACTIVITY".split())
KEEP_ALIVES = frozenset({"KA_TX"})
"""Those that the app sends itself."""

ANSWER_NS = 2_000_000
"""An empty ACK within 2 ms of a peer's frame answers it; the device needs tens of µs, QEMU on a loaded machine more."""

BEGIN_END = {
    "APP_SUSPEND": ("app", "begin", "suspended"),
    "APP_RESUME": ("app", "end", "suspended"),
    "SLEEP_ENTER": ("sleep", "begin", "asleep"),
    "SLEEP_EXIT": ("sleep", "end", "asleep"),
    "READ_COMPLETE_ENTER": ("read", "begin", "read"),
    "READ_COMPLETE_EXIT": ("read", "end", "read"),
    "TASK_PENDING": ("wait", "begin", "pending"),
    "TASK_START": ("wait", "end", "pending"),
    "DEFERRAL_GET": ("deferral", "begin", "deferral"),
    "DEFERRAL_DONE": ("deferral", "end", "deferral"),
    "OWNERSHIP_TO_BROKER": ("socket", "begin", "brokered"),
    "OWNERSHIP_TO_APP": ("socket", "end", "brokered"),
    "SOCKET_DROPPED": ("socket", "end", "brokered"),
    "RUN_ENTER": ("task", "begin", "task"),
    "RUN_EXIT": ("task", "end", "task"),
}
"""Event -> kind of lane, begin or end of a bar, style of the bar."""

SOCKETS = frozenset({"OWNERSHIP_TO_BROKER", "OWNERSHIP_TO_APP", "SOCKET_DROPPED", "SOCKET_ACTIVITY", "SOCKET_WAITS"})
"""Of the broker's sockets."""


TRANSFERS = frozenset({"TRANSFER_STATUS", "TRANSFER_ATTEMPT"})
ENDED_TRANSFERS = frozenset({"COMPLETED", "CANCELED", "ERROR"})
PUSH_LINE = frozenset({"PUSH_CONNECTED", "PUSH_LOST", "PUSH_RECEIVED", "PUSH_DROPPED"})


@dataclass(frozen=True)
class Bar:
    """A state that lasts, from x to x + width in pixels."""

    x: float
    width: float
    style: str
    label: str
    tip: str
    stands_for: int = 1


@dataclass(frozen=True)
class Mark:
    """Something at one moment."""

    x: float
    style: str
    label: str
    tip: str
    stands_for: int = 1


Shape = TypeVar("Shape", Bar, Mark)


class Few(NamedTuple):
    """Whether each of them has a lane of its own."""

    sockets: bool
    transfers: bool


@dataclass
class Lane:
    """One row of the picture."""

    name: str
    bars: list[Bar] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)


@dataclass(frozen=True)
class Picture:
    """All that the template draws."""

    lanes: list[Lane]
    scale: Scale
    left_out: int
    """Records before the first one shown."""


def draw(records: Iterable[Record]) -> Picture | None:
    """The picture of a test; None when nothing of it can be drawn."""
    in_order = sorted(records, key=lambda record: record.t_ns)
    probes = _keep_alives(in_order)
    sockets = {_socket(record) for record in in_order if record.event in SOCKETS}
    transfers = {_transfer(record) for record in in_order if record.event in TRANSFERS}
    few = Few(len(sockets) <= MAX_SOCKET_LANES, len(transfers) <= MAX_SOCKET_LANES)
    drawable = [(record, lane) for record in in_order if (lane := _lane(record, probes, few)) is not None]
    if not drawable:
        return None
    shown = drawable[-MAX_RECORDS:]
    return _Painter(shown, _power_before(in_order)).picture(len(drawable) - len(shown))


class _Painter:
    def __init__(self, records: list[tuple[Record, str]], power: str) -> None:
        self._records = records
        self._zero_ns = records[0][0].t_ns
        times = [self._ms(record) for record, _ in records]
        self._last_ms = times[-1]
        self._scale = Scale(times, WIDTH_PX)
        self._lanes: dict[str, Lane] = {}
        self._open: dict[tuple[str, str], tuple[float, str, str, str]] = {}
        """(start, style, label, tip) of bars that have not ended, by lane and what tells overlapping bars apart."""
        self._lanes["power"] = Lane("power")
        self._open["power", ""] = (0.0, power, power.replace("-", " "), "")

    def picture(self, left_out: int) -> Picture:
        for record, lane in self._records:
            self._place(record, lane)
        for key in list(self._open):
            self._close_bar(key, self._last_ms, "not ended")
        lanes = [Lane(lane.name, _merge(lane.bars), _merge(lane.marks)) for lane in self._lanes.values()]
        shown = [lane for lane in lanes if lane.bars or lane.marks]  # not that of an end whose beginning nobody wrote
        return Picture(sorted(shown, key=_order), self._scale, left_out)

    def _place(self, record: Record, name: str) -> None:
        lane = self._lanes.setdefault(name, Lane(name))
        if record.event == "POWER":
            self._close_bar((name, ""), self._ms(record), "")
            state = str(record.detail.get("state"))
            self._open_bar(record, name, "", state.replace("_", "-"), state.replace("_", " "))
        elif record.event in BEGIN_END:
            self._begin_or_end(record, name)
        elif record.event == "TRANSFER_STATUS":
            self._transfer_turned(record, name)
        elif record.event == "HELD":
            self._held(record, name)
        else:
            style = "keep-alive" if name == "keep-alives" else _style(record)
            lane.marks.append(Mark(self._x(record), style, _mark_label(record), self._tip(record)))

    def _begin_or_end(self, record: Record, name: str) -> None:
        kind, side, style = BEGIN_END[record.event]
        apart = ("app", "socket") if kind == "socket" else ("instance", "socket")
        key = " ".join(str(record.detail.get(name, "")) for name in apart)
        if side == "begin":
            self._open_bar(record, name, key, style, _bar_label(record, style))
        else:
            self._close_bar((name, key), self._ms(record), self._tip(record))

    def _transfer_turned(self, record: Record, name: str) -> None:
        """A bar for each status but the first and the last; those of transfers in one lane lie on each other."""
        key, status = str(record.detail.get("id")), str(record.detail.get("status"))
        self._close_bar((name, key), self._ms(record), self._tip(record))
        if status != "IDLE" and status not in ENDED_TRANSFERS:
            self._open_bar(record, name, key, "task" if status == "RUNNING" else "pending", status)

    def _held(self, record: Record, name: str) -> None:
        """Written when the hold was over; it may have begun before anything that is drawn."""
        end_ms = self._ms(record)
        start_ms = max(0.0, end_ms - float(record.detail.get("held_ms") or 0))
        holder = str(record.detail.get("holder", ""))
        self._open[name, holder] = (start_ms, "held", holder, self._tip(record))
        self._close_bar((name, holder), end_ms, "")

    def _open_bar(self, record: Record, name: str, key: str, style: str, label: str) -> None:
        self._open[name, key] = (self._ms(record), style, label, self._tip(record))

    def _close_bar(self, key: tuple[str, str], end_ms: float, tip: str) -> None:
        if key not in self._open:
            return
        start_ms, style, label, started = self._open.pop(key)
        x, end = self._scale.x(start_ms), self._scale.x(end_ms)
        lasted = f"{started}\n{tip}\nlasted {end_ms - start_ms:.3f} ms"
        self._lanes[key[0]].bars.append(Bar(x, max(end - x, 2.0), style, label, lasted))

    def _ms(self, record: Record) -> float:
        return (record.t_ns - self._zero_ns) / 1e6

    def _x(self, record: Record) -> float:
        return self._scale.x(self._ms(record))

    def _tip(self, record: Record) -> str:
        detail = ", ".join(f"{name}={value}" for name, value in record.detail.items() if value is not None)
        return f"{self._ms(record):.3f} ms  {record.event}  {detail}"


def _merge(shapes: list[Shape]) -> list[Shape]:
    """One shape for those of one style that would lie on each other; bars that can be seen stay."""
    merged: list[Shape] = []
    for shape in sorted(shapes, key=lambda shape: shape.x):
        before = merged[-1] if merged else None
        near = before is not None and before.style == shape.style and shape.x - before.x < MERGE_PX
        if before is not None and near and getattr(shape, "width", 0.0) < MERGE_PX:
            merged[-1] = replace(before, stands_for=before.stands_for + 1)
        else:
            merged.append(shape)
    return merged


def _power_before(records: list[Record]) -> str:
    """The power state before the first record that changes it."""
    states = (str(record.detail.get("before", "active")) for record in records if record.event == "POWER")
    return next(states, "active").replace("_", "-")


def _keep_alives(records: list[Record]) -> frozenset[int]:
    """The seq of the frames that are keep-alives of the device."""
    found: list[int] = []
    heard_ns = -ANSWER_NS
    for record in records:
        if record.event != "FRAME" or not _at_device(record):
            continue
        if not record.detail.get("as_host"):
            heard_ns = record.t_ns
        elif str(record.detail.get("info", "")).endswith(" A 0") and record.t_ns - heard_ns >= ANSWER_NS:
            found.append(record.seq)
    return frozenset(found)


def _at_device(record: Record) -> bool:
    return bool(record.detail.get("device"))


def _socket(record: Record) -> str:
    return f"socket {record.detail.get('socket', '')}".strip()


def _transfer(record: Record) -> str:
    return f"transfer {str(record.detail.get('id', ''))[-ID_LETTERS:]}".strip()


def _lane(record: Record, probes: frozenset[int], few: Few) -> str | None:
    """The name of the lane that shows the record."""
    event, detail = record.event, record.detail
    if event in SOCKETS:
        return _socket(record) if few.sockets else "sockets"
    if event in TRANSFERS:
        return _transfer(record) if few.transfers else "transfers"
    if event in PUSH_LINE:
        return "push"
    if event in BEGIN_END:
        return _bar_lane(record)
    if event in KEEP_ALIVES or record.seq in probes:
        return "keep-alives"
    if event == "FRAME":
        port = str(detail.get("port", "wire"))
        return DEVICE_LINK if _at_device(record) else PORTS.get(port, f"link {port}")
    named = {
        "POWER": "power",
        "NIC_WAKE": "wake",
        "READ_POST": "reads",
        "FLUSH": "reads",
        "HELD": "holds",
        "LEVER": "levers",
        "CANCEL_SENT": "tasks",
        "CANCEL_HANDLED": "tasks",
        "TASK_KILLED": "tasks",
        "TASK_END": "tasks",
    }
    if event in named:
        return named[event]
    return "set-up" if event in STEPS else "handover" if event in HANDOVER else None


def _bar_lane(record: Record) -> str:
    kind = BEGIN_END[record.event][0]
    if kind == "app":
        return f"app {record.detail.get('app', '')}".strip()
    return {"sleep": "sleep", "read": "reads", "task": "tasks", "wait": "task waits", "deferral": "deferrals"}[kind]


def _bar_label(record: Record, style: str) -> str:
    """A pending task says why it waits."""
    if style == "pending":
        return str(record.detail.get("reason", style))
    named = {"task": "task", "brokered": "socket"}.get(style)
    return str(record.detail.get(named, "")) if named is not None else style


def _style(record: Record) -> str:
    if record.event == "FRAME":
        return "frame"
    if record.event in BAD:
        return "bad"
    return "wake" if record.event == "NIC_WAKE" else "step"


def _mark_label(record: Record) -> str:
    return str(record.detail.get("reason", "")) if record.event in SAY_WHY else ""


ORDER = (
    *("levers", "power", "sleep", "app", "set-up"),
    *("server link", "device link", "host link", "link", "keep-alives"),
    *(
        "wake",
        "handover",
        "push",
        "sockets",
        "socket",
        "transfers",
        "transfer",
        "reads",
        "task waits",
        "tasks",
        "deferrals",
        "holds",
    ),
)
"""From the top: the host's state, the wire, what follows from it."""


def _order(lane: Lane) -> tuple[int, str]:
    kind = lane.name if lane.name in ORDER else lane.name.partition(" ")[0]
    return (ORDER.index(kind) if kind in ORDER else len(ORDER), lane.name)
