"""The commands of the offload group (section 5 of the contract): checked, carried out, answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from rig.device.cddl import Rules
from rig.device.contract import LEASE_DEFAULT_MS, LEASE_MAX_MS, LEASE_MIN_MS, MINIMUM_FLAGS, RULES
from rig.device.numbers import ABI, ARM_ALL, READ, WRITE, Arm, Command, OffloadRc, Power, SlotState
from rig.device.reference.machine import Machine
from rig.device.reference.numbers import CAPABILITIES, COUNTERS, KA_MAX_MS, KA_MIN_MS
from rig.device.reference.patterns import Pattern, refusal
from rig.device.reference.receive import Receiver
from rig.device.reference.slot import Slot

Body: TypeAlias = Mapping[str, Any]
BIGGEST_WINDOW = 2**30
LARGEST_SCALE = 14
VERSION, BOARD = "0.1.0", "reference"


class Refused(Exception):
    def __init__(self, rc: OffloadRc) -> None:
        self.rc = rc


class Deferred(Exception):
    """The answer comes later: a standing wait for an event."""


class Commands:
    def __init__(self, machine: Machine, receiver: Receiver, rules: Rules, boot_id: int) -> None:
        self._machine = machine
        self._receiver = receiver
        self._rules = rules
        self._boot_id = boot_id
        self._table: dict[tuple[int, Command], Callable[[Body], dict[str, Any]]] = {
            (READ, Command.HELLO): self._hello,
            (WRITE, Command.HELLO): self._attach,
            (READ, Command.CAPABILITIES): lambda body: dict(CAPABILITIES),
            (READ, Command.TIME_SYNC): self._time_sync,
            (READ, Command.COUNTERS): lambda body: dict.fromkeys(COUNTERS, 0) | machine.counters,
            (WRITE, Command.CLEAR_COUNTERS): self._clear_counters,
            (WRITE, Command.ADD_TCP_SLOT): self._add_slot,
            (WRITE, Command.REMOVE_TCP_SLOT): self._remove_slot,
            (READ, Command.GET_TCP_SLOT): lambda body: self._told(self._slot(body)),
            (READ, Command.LIST_TCP_SLOTS): self._list_slots,
            (WRITE, Command.PAUSE_TCP_SLOT): self._pause,
            (WRITE, Command.RESUME_TCP_SLOT): self._resume,
            (WRITE, Command.ADD_PATTERN): self._add_pattern,
            (WRITE, Command.REMOVE_PATTERN): self._remove_pattern,
            (READ, Command.LIST_PATTERNS): self._list_patterns,
            (WRITE, Command.ADD_OFFLOAD): self._no_offload,
            (READ, Command.LIST_OFFLOADS): lambda body: {"offloads": []},
            (WRITE, Command.PREPARE): self._prepare,
            (WRITE, Command.COMMIT): self._commit,
            (WRITE, Command.ABORT): self._abort,
            (WRITE, Command.HOST_AWAKE): self._host_awake,
            (READ, Command.DRAIN): self._drain,
            (WRITE, Command.RELEASE): self._release,
            (READ, Command.STATUS): self._status,
            (READ, Command.EVENT_WAIT): self._event_wait,
            (WRITE, Command.SET_CLOCK_SCALE): self._clock_scale,
        }

    def known(self, op: int, command: int) -> bool:
        return (op, command) in self._table

    def carry_out(self, op: int, command: int, body: Any) -> dict[str, Any]:
        """Raises Refused, when nothing has changed but for WAKE_PENDING; Deferred."""
        key = (op, Command(command))
        rule, run = RULES[key].request, self._table[key]
        if self._rules.violations(rule, body) or (isinstance(body, dict) and set(body) - self._rules.keys(rule)):
            raise Refused(OffloadRc.BAD_ARG)
        attach = (op, command) == (WRITE, Command.HELLO)
        if op == WRITE and not attach and self._machine.power is Power.EXPIRED:
            raise Refused(OffloadRc.RESUME_REQUIRED)
        try:
            answer = run(body)
        except Refused as refused:
            if refused.rc is OffloadRc.WAKE_PENDING:
                self._machine.renew_lease()
            raise
        if op == WRITE:
            self._machine.renew_lease()
        return answer

    # -- who, what, when -----------------------------------------------------------------------------------------------

    def _hello(self, body: Body) -> dict[str, Any]:
        return {
            "abi": ABI, "board": BOARD, "epoch": self._machine.epoch, "digest": bytes(32), "now_us": self._machine.now_us(),
            "boot_id": self._boot_id, "version": VERSION, "test_build": True, "reset_cause": 0,
        }  # fmt: skip

    def _attach(self, body: Body) -> dict[str, Any]:
        lease_ms = body.get("lease_ms", LEASE_DEFAULT_MS)
        _unless(LEASE_MIN_MS <= lease_ms <= LEASE_MAX_MS, OffloadRc.BAD_INTERVAL)
        freed = self._machine.attach(body["owner"], lease_ms)
        return {"epoch": self._machine.epoch, "boot_id": self._boot_id, "freed_slots": freed}

    def _time_sync(self, body: Body) -> dict[str, Any]:
        now_us = self._machine.now_us()
        return {"t1_ns": body["t1_ns"], "t2_us": now_us, "t3_us": self._machine.now_us()}

    def _clear_counters(self, body: Body) -> dict[str, Any]:
        self._machine.counters.clear()
        return {}

    def _clock_scale(self, body: Body) -> dict[str, Any]:
        _unless(body["minute_us"] > 0, OffloadRc.BAD_ARG)
        self._machine.minute_us = body["minute_us"]
        return {}

    # -- slots ---------------------------------------------------------------------------------------------------------

    def _slot(self, body: Body) -> Slot:
        slot = self._machine.slot_at(body["slot"], body["gen"])
        if slot is None:
            raise Refused(OffloadRc.STALE_HANDLE)
        return slot

    def _told(self, slot: Slot) -> dict[str, Any]:
        return {"state": slot.row(self._machine.now_us(), self._machine.minute_us)}

    def _add_slot(self, body: Body) -> dict[str, Any]:
        _unless(self._machine.power in (Power.D0, Power.PREPARED), OffloadRc.BAD_STATE)
        _check_slot(body)
        place = self._machine.place_for(body)
        if isinstance(place, OffloadRc):
            raise Refused(place)
        slot = self._machine.add_slot(place, body)
        return {"slot": slot.number, "gen": slot.gen}

    def _remove_slot(self, body: Body) -> dict[str, Any]:
        slot = self._slot(body)
        told = self._told(slot)
        self._machine.free(slot)
        return told

    def _list_slots(self, body: Body) -> dict[str, Any]:
        slots = self._machine.live_slots()
        ends = [[slot.local, slot.local_port, slot.remote, slot.remote_port] for slot in slots]
        return {"ends": ends, "slots": [self._told(slot)["state"] for slot in slots]}

    def _pause(self, body: Body) -> dict[str, Any]:
        slot = self._slot(body)
        _unless(slot.state in (SlotState.IDLE, SlotState.ACTIVE, SlotState.PROBING), OffloadRc.BAD_STATE)
        slot.resumes_to = SlotState.IDLE if slot.state is SlotState.IDLE else SlotState.ACTIVE
        slot.state = SlotState.PAUSED
        return {}

    def _resume(self, body: Body) -> dict[str, Any]:
        slot = self._slot(body)
        _unless(slot.state is SlotState.PAUSED, OffloadRc.BAD_STATE)
        slot.state, slot.unanswered = slot.resumes_to, 0
        return {}

    # -- patterns, offloads --------------------------------------------------------------------------------------------

    def _add_pattern(self, body: Body) -> dict[str, Any]:
        _unless(self._machine.power is Power.D0, OffloadRc.NOT_ACCEPTED)
        rc = refusal(body, self._machine.patterns)
        _unless(rc is OffloadRc.OK, rc)
        self._machine.patterns[body["id"]] = Pattern(body)
        return {}

    def _remove_pattern(self, body: Body) -> dict[str, Any]:
        _unless(self._machine.patterns.pop(body["id"], None) is not None, OffloadRc.NOT_FOUND)
        return {}

    def _list_patterns(self, body: Body) -> dict[str, Any]:
        return {"patterns": [pattern.row() for pattern in self._machine.patterns.values()]}

    def _no_offload(self, body: Body) -> dict[str, Any]:
        raise Refused(OffloadRc.UNSUPPORTED)

    # -- standby -------------------------------------------------------------------------------------------------------

    def _in(self, body: Body, *states: Power) -> None:
        _unless(self._machine.power in states, OffloadRc.BAD_STATE)
        _unless(body["epoch"] == self._machine.epoch, OffloadRc.STALE_EPOCH)

    def _now(self) -> dict[str, Any]:
        machine = self._machine
        return {"epoch": machine.epoch, "power": int(machine.power), "captured": len(machine.frames)}

    def _prepare(self, body: Body) -> dict[str, Any]:
        self._in(body, Power.D0)
        _unless(body["target"] in (2, 3), OffloadRc.BAD_ARG)
        _unless(not body["arm"] & ~int(ARM_ALL) and not body.get("yield_ms"), OffloadRc.UNSUPPORTED)
        _unless(not body["mac"][0] & 1, OffloadRc.BAD_ADDR)
        self._machine.prepare(Arm(body["arm"]), body["mac"], body["wake_timer_ms"])
        return self._now()

    def _commit(self, body: Body) -> dict[str, Any]:
        self._in(body, Power.PREPARED)
        rc = self._receiver.commit()
        _unless(rc is OffloadRc.OK, rc)
        return self._now()

    def _abort(self, body: Body) -> dict[str, Any]:
        self._in(body, Power.PREPARED, Power.AWAKE)
        self._machine.end_standby()
        return self._now()

    def _host_awake(self, body: Body) -> dict[str, Any]:
        self._in(body, Power.D3, Power.WOKEN)
        self._machine.host_awake()
        return self._now()

    def _drain(self, body: Body) -> dict[str, Any]:
        machine = self._machine
        machine.acknowledge_frames(body["ack"])
        rows: list[list[Any]] = []
        room = min(body["max_bytes"], CAPABILITIES["max_message"] - 8) - 40
        for row in machine.frames:
            room -= len(row[5]) + 30
            if rows and room < 0:
                break
            rows.append(row)
        return {"lost": machine.lost, "more": len(rows) < len(machine.frames), "frames": rows}

    def _release(self, body: Body) -> dict[str, Any]:
        machine = self._machine
        _unless(machine.power is Power.AWAKE, OffloadRc.BAD_STATE)
        rows = [self._told(slot)["state"] for slot in machine.live_slots()]
        machine.end_standby()
        machine.frames.clear()
        machine.events.clear()
        return {"epoch": machine.epoch, "slots": rows}

    def _status(self, body: Body) -> dict[str, Any]:
        machine = self._machine
        return {
            "arm": int(machine.arm), "lost": machine.lost, "epoch": machine.epoch, "owner": int(machine.owner),
            "power": int(machine.power), "wakes": machine.wakes, "buffered": len(machine.frames), "owner_id": machine.owner_id,
            "lease_left_ms": machine.lease_left_ms(), "events_pending": len(machine.events),
            "last_wake_reason": int(machine.last_wake_reason),
        }  # fmt: skip

    def _event_wait(self, body: Body) -> dict[str, Any]:
        event = self._machine.event_after(body["after"])
        if event is None:
            raise Deferred
        return {"event": event}


def _unless(condition: bool, rc: OffloadRc) -> None:
    if not condition:
        raise Refused(rc)


def _check_slot(cfg: Body) -> None:
    local, remote = cfg["local"], cfg["remote"]
    for address in (local, remote):
        _unless(len(address) in (4, 16) and _is_station(address), OffloadRc.BAD_ADDR)
    _unless(len(local) == len(remote) and local != remote, OffloadRc.BAD_ADDR)
    _unless(not (cfg["local_mac"][0] | cfg["next_hop_mac"][0]) & 1, OffloadRc.BAD_ADDR)
    _unless(cfg["local_port"] > 0 and cfg["remote_port"] > 0, OffloadRc.BAD_PORT)
    _unless(not cfg["flags"] & ~int(MINIMUM_FLAGS) and "ka_data" not in cfg, OffloadRc.UNSUPPORTED)
    for name in ("ka_idle_ms", "ka_intvl_ms"):
        _unless(KA_MIN_MS <= cfg[name] <= KA_MAX_MS, OffloadRc.BAD_INTERVAL)
    _unless(not (set(cfg) & {"vlan_tci", "flow_label"}), OffloadRc.BAD_ARG)
    _unless(cfg["ka_cnt"] > 0 and cfg["ttl"] > 0, OffloadRc.BAD_ARG)
    _unless(max(cfg["snd_wscale"], cfg["rcv_wscale"]) <= LARGEST_SCALE, OffloadRc.BAD_ARG)
    _unless(max(cfg["rcv_wnd"], cfg["max_snd_wnd"]) < BIGGEST_WINDOW, OffloadRc.BAD_ARG)
    for later, earlier in (("snd_nxt", "snd_una"), ("rcv_nxt", "rcv_wup")):
        _unless((cfg[later] - cfg[earlier]) % 2**32 < 2**31, OffloadRc.BAD_ARG)
    _unless(not cfg["ts_on"] or cfg["ts_hz"] in (1000, 1_000_000), OffloadRc.UNSUPPORTED)


def _is_station(address: bytes) -> bool:
    if len(address) == 16:
        return address[0] != 0xFF and any(address[:15])
    return address[0] not in (0, 127) and address[0] < 224
