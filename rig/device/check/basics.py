"""Who it is, what it can, how soon it replies, and how it takes requests that are wrong, lost or repeated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import IntEnum, IntFlag
from statistics import median
from typing import Any

import cbor2

from rig.device.cbor_heads import MAP
from rig.device.check.asked import OWNER, Asked
from rig.device.check.reply import SMP_NOT_SUPPORTED
from rig.device.contract import KA_ALWAYS_MS, LEASE_MAX_MS, LEASE_MIN_MS, MINIMUM, MINIMUM_FLAGS, MINIMUM_PATTERNS, REPLY_S
from rig.device.numbers import ABI, READ, WRITE, Command, OffloadRc, OffloadType, Owner, PatternType, Power, SlotFlag

NO_COMMAND = 0x7F
T1_NS = 2**63 + 5
TRIES = 5
"""A machine that has other work keeps one or two of them from us: half are to be in time."""


def hello_and_attach(device: Asked) -> None:
    hello = device.takes(device.read(Command.HELLO, {"client": device.client}), "hello")
    device.test_build = hello["test_build"]
    device.holds(hello["abi"] == ABI, f"abi is {hello['abi']}, this rig speaks {ABI}")
    if not hello["test_build"]:
        device.lacks("test_build is false: the suite needs the test commands (clock scale)")
    again = device.takes(device.read(Command.HELLO), "hello again")
    device.holds(again["boot_id"] == hello["boot_id"], "boot_id is another one a moment later")
    device.holds(again["now_us"] >= hello["now_us"], f"now_us goes back: {hello['now_us']}, then {again['now_us']}")
    attached = device.attach()
    device.holds(attached["epoch"] > hello["epoch"], f"attach leaves epoch {hello['epoch']} at {attached['epoch']}")
    status = device.takes(device.read(Command.STATUS), "status after attach")
    device.holds(status["owner_id"] == OWNER, f"owner_id is {status['owner_id']} after attach with owner {OWNER}")
    power, owner = status["power"], status["owner"]
    device.holds((power, owner) == (Power.D0, Owner.HOST), f"after attach power is {power}, owner {owner}")
    for lease_ms in (LEASE_MIN_MS - 1, LEASE_MAX_MS + 1):
        refused = device.write(Command.HELLO, {"owner": OWNER, "lease_ms": lease_ms})
        device.refuses(refused, OffloadRc.BAD_INTERVAL, f"attach with a lease of {lease_ms} ms")


def capabilities(device: Asked) -> None:
    said = device.takes(device.read(Command.CAPABILITIES), "capabilities")
    device.capabilities = said
    for name, least in MINIMUM.items():
        if said[name] < least:
            device.lacks(f"{name} is {said[name]}, the minimum profile has {least}")
    types, flags = said.get("pattern_types", 0), said.get("slot_flags", 0)
    for kind in MINIMUM_PATTERNS:
        if not types >> kind & 1:
            device.lacks(f"pattern_types does not name {kind.name}")
    for flag in MINIMUM_FLAGS:
        if not flags & flag:
            device.lacks(f"slot_flags does not name {flag.name}")
    shortest_ms, longest_ms = KA_ALWAYS_MS
    if said["ka_min_ms"] > shortest_ms or said["ka_max_ms"] < longest_ms:
        device.lacks(f"keep-alive intervals of {said['ka_min_ms']} to {said['ka_max_ms']} ms: 1 s to an hour are wanted")
    device.says(f"{said['MaxTcpSlots']} TCP slots: {_names(flag for flag in SlotFlag if flags & flag)}")
    kinds = _names(kind for kind in PatternType if types >> kind & 1)
    device.says(f"{said['NumTotalWoLPatterns']} patterns of {said['MaxWoLPatternSize']} bytes: {kinds}")
    offloads = _names(kind for kind in OffloadType if said.get("offload_types", 0) >> kind & 1)
    device.says(f"protocol offloads: {offloads}")


def _names(kinds: Iterable[IntEnum | IntFlag]) -> str:
    return ", ".join(str(kind.name) for kind in kinds) or "none"


def clocks_and_counters(device: Asked) -> None:
    sync = device.takes(device.read(Command.TIME_SYNC, {"t1_ns": T1_NS}), "time sync")
    device.holds(sync["t1_ns"] == T1_NS, f"time sync repeats t1_ns {T1_NS} as {sync['t1_ns']}")
    device.holds(sync["t3_us"] >= sync["t2_us"], "time sync: t3_us is before t2_us")
    device.takes(device.write(Command.CLEAR_COUNTERS), "clear counters")
    counters = device.takes(device.read(Command.COUNTERS), "counters")
    for name in ("rx_total", "tx_frames"):
        if name not in counters:
            device.lacks(f"the counter {name}: tests that compare it cannot run")


def replies_in_time(device: Asked) -> None:
    reads = (Command.HELLO, Command.CAPABILITIES, Command.COUNTERS, Command.STATUS)
    medians = [_median(device, READ, command, {}, command.name.lower()) for command in reads]
    medians.append(_median(device, WRITE, Command.HELLO, {"owner": OWNER}, "attach"))
    took_s, name = max(medians)
    device.says(f"{name} takes longest, {took_s * 1000:.1f} ms")


def _median(device: Asked, op: int, command: Command, body: Mapping[str, Any], name: str) -> tuple[float, str]:
    """In s, from the request's last byte."""
    took_s = []
    for _ in range(TRIES):
        device.takes(device.ask(op, command, body), name)
        took_s.append(max(0.0, device.took.reply_s - device.took.line_s))  # an emulated line may be quicker than its rate
    middle_s = median(took_s)
    words = f"{name}: {middle_s * 1000:.0f} ms from the request's last byte to its reply, the median of {TRIES}"
    device.holds(middle_s <= REPLY_S, f"{words}; {REPLY_S * 1000:.0f} ms are allowed (section 7)")
    return middle_s, name


def wrong_requests(device: Asked) -> None:
    """Refused, and nothing has changed."""
    unknown = device.answer_to(device.request(READ, NO_COMMAND, {}), "empty_rsp", "a command that there is not")
    words = f"command {NO_COMMAND:#x}, which there is not: {unknown.words}, rc {SMP_NOT_SUPPORTED} is expected"
    device.holds(unknown.is_absent, words)
    epoch = device.takes(device.read(Command.STATUS), "status")["epoch"]
    whole = {"arm": 0, "mac": b"\x02\0\0\0\0\x01", "epoch": epoch, "target": 3, "wake_timer_ms": 0}
    bad = {
        "a key too few": {key: value for key, value in whole.items() if key != "target"},
        "a key too many": whole | {"x": 1},
        "a text for a number": whole | {"arm": "all"},
        "a number beyond 32 bits": whole | {"arm": 2**32},
        "a negative number": whole | {"arm": -1},
        "a MAC of 5 bytes": whole | {"mac": bytes(5)},
    }
    for what, body in bad.items():
        device.refuses(device.write(Command.PREPARE, body), OffloadRc.BAD_ARG, f"prepare with {what}")
    for what, payload in spoilt(whole).items():
        refused = device.answer_to(device.request_of(WRITE, int(Command.PREPARE), payload), "power_rsp", f"prepare with {what}")
        device.refuses(refused, OffloadRc.BAD_ARG, f"prepare with {what}")
    after = device.takes(device.read(Command.STATUS), "status")
    device.holds((after["power"], after["epoch"]) == (0, epoch), "a refused prepare has changed power or epoch")


def spoilt(body: Mapping[str, Any]) -> dict[str, bytes]:
    """What is wrong with it, and how it is written then: right but for that."""
    payload, last = cbor2.dumps(body, canonical=True), max(body, key=lambda key: (len(key), key))
    again = cbor2.dumps(last) + cbor2.dumps(body[last])
    return {"a byte behind the map": payload + b"\0", "a key twice": bytes([(MAP << 5) + len(body) + 1]) + payload[1:] + again}


def lost_and_damaged(device: Asked) -> None:
    """The same request again gets the same answer; half a frame and noise get none, and hurt nothing."""
    attach = {"owner": OWNER}
    epoch = device.takes(device.write(Command.HELLO, attach), "attach")["epoch"]
    prepare = {"arm": 0, "mac": b"\x02\0\0\0\0\x01", "epoch": epoch, "target": 3, "wake_timer_ms": 0}
    message = device.request(WRITE, int(Command.PREPARE), prepare)
    first = device.takes(device.answer_to(message, "power_rsp", "prepare"), "prepare")
    device.takes(device.read(Command.STATUS), "status")
    again = device.answer_to(message, "power_rsp", "prepare, the same bytes again")
    as_before = f"the first answer {first} is expected"
    device.holds(again.body == first, f"prepare, the same bytes again: {again.words} {again.body}, {as_before}")
    device.refuses(device.read(Command.HELLO, {"client": -1}), OffloadRc.BAD_ARG, "hello of a client that is no number")
    again = device.answer_to(message, "power_rsp", "prepare, the same bytes behind a hello that was refused")
    behind_refused = f"prepare, the same bytes behind a hello that was refused: {again.words} {again.body}"
    device.holds(again.body == first, f"{behind_refused}, {as_before}")
    device.takes(device.read(Command.HELLO, {"client": device.client ^ 1}), "hello of another client")
    stranger = device.answer_to(message, "power_rsp", "prepare, the same bytes by another client")
    device.refuses(stranger, OffloadRc.BAD_STATE, "prepare, the same bytes by another client, carried out anew")
    device.takes(device.write(Command.HELLO, attach), "attach")
    device.send_damaged(device.request(WRITE, int(Command.HELLO), attach))
    device.takes(device.read(Command.STATUS), "status after noise")
    lie = device.request(READ, int(Command.STATUS), {})
    device.send(lie[:2] + b"\xff\xff" + lie[4:])
    device.takes(device.read(Command.STATUS), "status after a message whose header lies about its length")
