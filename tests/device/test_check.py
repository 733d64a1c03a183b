"""`rig check`: silent about a device that keeps the contract, and by name about each way in which one does not."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import cbor2
import pytest
from typer.testing import CliRunner, Result

from rig import cli
from rig.device import framing
from rig.device.cddl import Rules, contract
from rig.device.check.basics import spoilt
from rig.device.emulated import EmulatedDevice
from rig.device.line import PacedLine
from rig.device.link import Link
from rig.device.numbers import READ, WRITE, Command, OffloadRc, PatternType, Power
from rig.device.offload import OffloadClient
from rig.device.smp_header import HEADER
from rig.errors import BenchError
from rig.exit_codes import Exit

from .kinds import KINDS
from .lying_device import OTHER_HEAD, SILENCE, Lie, LyingDevice, lying

READ_REPLY, WRITE_REPLY = READ | 1, WRITE | 1


def check(*options: str) -> Result:
    return CliRunner().invoke(cli.build(), ["check", *options])


@pytest.mark.parametrize("kind", [*KINDS, "native:minimal", "reference"])
def test_the_built_in_devices_keep_the_contract(kind: str) -> None:
    outcome = check("--device", kind)
    assert outcome.exit_code == Exit.PASSED, outcome.output
    assert "as the contract has it; the minimum profile is met" in outcome.output
    assert "not canonical" not in outcome.output


def changed(op: int, command: Command, **fields: Any) -> Lie:
    """These fields in one command's replies; None: left out."""

    def lie(reply_op: int, reply_command: int, body: Any) -> Any:
        if (reply_op, reply_command) != (op, command) or "err" in body:
            return body
        return {key: value for key, value in (body | fields).items() if value is not None}

    return lie


def instead(op: int, command: Command, body: Any) -> Lie:
    return lambda reply_op, reply_command, said: body if (reply_op, reply_command) == (op, command) else said


def with_key(op: int, command: Command, value: bytes, key: str = "newer", *, twice: bool = False) -> Lie:
    """This as it stands behind the others of a map, in the place of what the key stood for or beside it."""

    def lie(reply_op: int, reply_command: int, body: Any) -> Any:
        if (reply_op, reply_command) != (op, command) or "err" in body:
            return body
        pairs = cbor2.dumps({name: said for name, said in body.items() if twice or name != key})
        return bytes([pairs[0] + 1]) + pairs[1:] + cbor2.dumps(key) + value

    return lie


def refusals(found: OffloadRc, told: Any) -> Lie:
    """What is told in place of that refusal."""

    def lie(op: int, command: int, body: Any) -> Any:
        return told if isinstance(body.get("err"), dict) and body["err"]["rc"] == found else body

    return lie


def one_pool() -> Lie:
    """No pattern beside ten slots."""
    slots = 0

    def lie(op: int, command: int, body: Any) -> Any:
        nonlocal slots
        slots = 0 if command == Command.HELLO else slots + (command == Command.ADD_TCP_SLOT)
        return offload_rc(OffloadRc.LIST_FULL) if command == Command.ADD_PATTERN and slots > 10 else body

    return lie


def tuples_first() -> Lie:
    """As of a device that looks for the same connection, or id, before it looks at tokens and programs."""
    same = {Command.ADD_TCP_SLOT: OffloadRc.DUP_TUPLE, Command.ADD_PATTERN: OffloadRc.DUP_ID}
    removes = {Command.REMOVE_TCP_SLOT: Command.ADD_TCP_SLOT, Command.REMOVE_PATTERN: Command.ADD_PATTERN}
    held = set[Command]()
    """Whose last one was not removed."""

    def lie(op: int, number: int, body: Any) -> Any:
        command = Command(number)
        if (op, command) == (WRITE_REPLY, Command.HELLO):
            held.clear()
        elif "err" not in body:
            held.discard(removes.get(command, Command.HELLO))
            held.update({command} & set(same))
        elif command in held and body["err"]["rc"] in (OffloadRc.BAD_ARG, OffloadRc.BAD_LEN):
            return offload_rc(same[command])
        return body

    return lie


def event(index: int, value: int) -> Lie:
    def lie(op: int, command: int, body: Any) -> Any:
        if "event" in body:
            body["event"][index] = value
        return body

    return lie


def events_told(most: int) -> Lie:
    """So many; of no other does anything come."""
    left = most

    def lie(op: int, command: int, body: Any) -> Any:
        nonlocal left
        left -= "event" in body
        return SILENCE if "event" in body and left < 0 else body

    return lie


PREPARED = {"epoch": 1, "power": 1, "captured": 0}
CAPS, STATUS = (READ_REPLY, Command.CAPABILITIES), (READ_REPLY, Command.STATUS)


def offload_rc(number: int) -> dict[str, Any]:
    return {"err": {"group": 100, "rc": number}}


LIES: dict[str, tuple[str, Lie, str]] = {
    "another contract": ("hello", changed(READ_REPLY, Command.HELLO, abi=2), "abi is 2"),
    "a key too few": ("hello", changed(*STATUS, owner=None), "owner: missing"),
    "a negative epoch": ("power", changed(WRITE_REPLY, Command.PREPARE, epoch=-1), "epoch: -1 is no number"),
    "a number beyond its width": (
        "hello",
        changed(*STATUS, power=256),
        "power: 256 is no number from 0 to 255",
    ),
    "a digest too short": ("hello", changed(READ_REPLY, Command.HELLO, digest=bytes(31)), "digest: 31 bytes, 32 are expected"),
    "a text for a number": ("capab", changed(*CAPS, mtu="1500"), "mtu: '1500' is no number"),
    "no CBOR": ("hello", instead(*STATUS, b"\x1c"), "the reply is no CBOR"),
    "deep CBOR": ("hello", instead(*STATUS, b"\x81" * 3000), "STATUS (0x0): "),
    "a number of thousands of digits": ("hello", instead(*STATUS, b"\xc2\x59\x07\xd0" + bytes([255] * 2000)), "int too long to"),
    "such a number among others": (
        "hello",
        with_key(*STATUS, b"\xc2\x59\x07\xd0" + bytes([255] * 2000), "wakes"),
        "int too long",
    ),
    "such a number for a code": ("wrong", refusals(OffloadRc.BAD_ARG, {"err": {"group": 100, "rc": 256**2000}}), "int too long"),
    "a fraction that is none": ("hello", instead(*STATUS, b"\xc4\x82\x1b" + bytes([15] * 8) + b"\1"), "the reply is no CBOR"),
    "a float beyond all": ("hello", instead(*STATUS, b"\xc5\x82\x1a\x3b\x9a\xca\0\1"), "the reply is no CBOR"),
    "what holds itself": ("hello", with_key(*STATUS, b"\xd8\x1c\x81\xd8\x1d\0"), "the reply is no CBOR: tag 28"),
    "SMP's OK for a list": (
        "at once",
        instead(READ_REPLY, Command.LIST_TCP_SLOTS, {"rc": 0}),
        "LIST_TCP_SLOTS (0x0): slots: missing",
    ),
    "SMP's OK for nothing": ("clock", instead(WRITE_REPLY, Command.CLEAR_COUNTERS, {"rc": 0}), "as the contract has it"),
    "patterns longer than a message": (
        "at once",
        changed(*CAPS, MaxWoLPatternSize=65535),
        "ADD_PATTERN (0x2): what it claims makes a message of 73772 bytes, max_message is 4096",
    ),
    "programs longer than a message": ("claimed", changed(*CAPS, program_ops=65535), "a message of 524310 bytes"),
    "tokens longer than a message": ("claimed", changed(*CAPS, token_bytes=65535), "as the contract has it"),
    "no slot": ("TCP slots", changed(*CAPS, MaxTcpSlots=0), "MaxTcpSlots is 0, the minimum profile has 4"),
    "connections that are looked at first": ("claimed", tuples_first(), "as the contract has it"),
    "bytes behind the map": ("hello", lambda op, command, body: cbor2.dumps(body) + b"\0", "HELLO (0x0): bytes behind"),
    "a key twice": (
        "hello",
        with_key(*STATUS, b"\0", "power", twice=True),
        "STATUS (0x0): the reply is no valid CBOR: key 'power' stands twice in a map",
    ),
    "a refused group that is no number": ("wrong", refusals(OffloadRc.BAD_ARG, {"err": {"group": "x", "rc": 6}}), "is neither"),
    "what is wrong taken": (
        "wrong",
        refusals(OffloadRc.BAD_ARG, PREPARED),
        "a number beyond 32 bits: OK, BAD_ARG",
    ),
    "a byte too many taken": (
        "wrong",
        refusals(OffloadRc.BAD_ARG, PREPARED),
        "prepare with a byte behind the map: OK, BAD_ARG is expected",
    ),
    "a key twice taken": (
        "wrong",
        refusals(OffloadRc.BAD_ARG, PREPARED),
        "prepare with a key twice: OK, BAD_ARG is expected",
    ),
    "a list of counters": ("clock", instead(READ_REPLY, Command.COUNTERS, [1]), "body is no map of counters"),
    "a counter without a name": ("clock", instead(READ_REPLY, Command.COUNTERS, {5: 1}), "5: 1 is no counter"),
    "a counter below 0": ("clock", changed(READ_REPLY, Command.COUNTERS, rx_total=-1), "'rx_total': -1 is no counter"),
    "a counter that is true": ("clock", changed(READ_REPLY, Command.COUNTERS, rx_total=True), "'rx_total': True is no counter"),
    "a counter beyond 64 bits": (
        "clock",
        changed(READ_REPLY, Command.COUNTERS, rx_total=2**64),
        "18446744073709551616 is no counter",
    ),
    "a break for a value": ("hello", with_key(*STATUS, b"\xff"), "no valid CBOR: a break (ff) where nothing can end"),
    "keys as they come": (
        "hello",
        lambda op, command, body: cbor2.dumps(dict(sorted(body.items(), reverse=True))),
        "HELLO (0x0): the reply's CBOR is not canonical, which it should be (section 1): key 'now_us' behind 'reset_cause'",
    ),
    "a refusal of another group": ("wrong", refusals(OffloadRc.BAD_ARG, {"err": {"group": 1, "rc": 6}}), "is not of group 100"),
    "a refusal for nothing": ("wrong", refusals(OffloadRc.BAD_ARG, {"err": {"group": 100, "rc": 0}}), "is neither"),
    "a list for a map": ("hello", instead(*STATUS, [1, 2]), "[1, 2] is no map"),
    "a refusal that is none": ("hello", instead(*STATUS, {"err": 5}), "the refusal {'err': 5}"),
    "answers to nobody": (
        "hello",
        instead(READ_REPLY, Command.STATUS, OTHER_HEAD),
        "but a message with the head 0900",
    ),
    "silence": ("patterns", instead(READ_REPLY, Command.LIST_PATTERNS, SILENCE), "no answer to 5 requests"),
    "more slots than it has": ("slots", changed(*CAPS, MaxTcpSlots=17), "add slot 17: NO_SLOT"),
    "fewer slots than it has": ("slots", changed(*CAPS, MaxTcpSlots=15), "slot 16 of 15: OK, NO_SLOT"),
    "more patterns than it has": (
        "patterns",
        changed(*CAPS, NumTotalWoLPatterns=33),
        "add pattern 33, 128",
    ),
    "longer patterns than it has": (
        "patterns",
        changed(*CAPS, MaxWoLPatternSize=200),
        "BAD_LEN, OK is expected",
    ),
    "fewer than the minimum": ("capab", changed(*CAPS, MaxTcpSlots=3), "MaxTcpSlots is 3"),
    "an offload that it does not have": (
        "protocol",
        changed(*CAPS, offload_types=0),
        "which it does not claim",
    ),
    "a type of patterns that it does not have": (
        "claimed",
        changed(*CAPS, pattern_types=1 << PatternType.LINK_UP | 1 << PatternType.BITMAP),
        "a pattern of type LINK_UP, which it claims: UNSUPPORTED, OK is expected",
    ),
    "a type of patterns that it does not name": (
        "claimed",
        changed(*CAPS, pattern_types=1 << PatternType.BITMAP | 1 << PatternType.MAGIC),
        "a pattern of type IPV4_SYN, which it does not claim: OK, UNSUPPORTED is expected",
    ),
    "a flag that it takes and does not name": (
        "claimed",
        changed(*CAPS, slot_flags=0x3F),
        "a slot with the flag VLAN, which it does not claim: OK, UNSUPPORTED is expected",
    ),
    "an NS flag that it does not name": ("claimed", changed(*CAPS, ns_flags=0), "the flag ROUTER, which it does not claim: OK"),
    "longer programs than it has": ("claimed", changed(*CAPS, program_ops=65), "of 65 instructions, of program_ops 65: BAD_LEN"),
    "more tokens than it has": ("claimed", changed(*CAPS, token_bytes=769), "769 bytes of tokens, of token_bytes 769: BAD_ARG"),
    "one room for all": ("at once", one_pool(), "pattern 1 of 32, beside all slots: LIST_FULL, OK is expected"),
    "updates to anything": (
        "other commands",
        instead(WRITE_REPLY, Command.UPDATE_TCP_SLOT, {}),
        "update to an interval of 0: OK, BAD_INTERVAL is expected",
    ),
    "no update": ("other commands", instead(WRITE_REPLY, Command.UPDATE_TCP_SLOT, {"rc": 8}), "without UPDATE_TCP_SLOT"),
    "a slot flag that it does not name": (
        "capab",
        changed(*CAPS, slot_flags=0x1F),
        "does not name KEEP",
    ),
    "a flag taken that nobody has": ("slots", refusals(OffloadRc.UNSUPPORTED, {"gen": 1, "slot": 9}), "bit 31: OK, UNSUPPORTED"),
    "stale handles taken": (
        "slots",
        refusals(OffloadRc.STALE_HANDLE, offload_rc(2)),
        "NOT_FOUND, STALE_HANDLE",
    ),
    "codes that there are not": (
        "power",
        refusals(OffloadRc.BAD_STATE, offload_rc(99)),
        "rc 99, BAD_STATE is expected",
    ),
    "errors of SMP for its own": ("wrong", refusals(OffloadRc.BAD_ARG, {"rc": 3}), "SMP's rc 3, BAD_ARG is expected"),
    "an epoch that stands still": ("power", changed(WRITE_REPLY, Command.COMMIT, epoch=1), "commit: epoch"),
    "the wrong owner": ("power", changed(*STATUS, owner=1), "NONE (0) are expected"),
    "the wrong reason": ("events", event(5, 1), "HOST_TIMER (0x4007) is expected"),
    "an event of nobody's epoch": ("events", event(4, 0), "the event's epoch is 0"),
    "an event that never comes": ("lease", instead(READ_REPLY, Command.EVENT_WAIT, SILENCE), "no answer within 5 s"),
    "an event that an earlier boot's number frees": ("events", events_told(2), "EVENT_WAIT (0x0): no answer"),
    "a clock that goes back": ("clock", changed(READ_REPLY, Command.TIME_SYNC, t3_us=0), "t3_us is before t2_us"),
    "a release without slots": ("power", changed(WRITE_REPLY, Command.RELEASE, slots=[]), "release tells of 0 slots"),
    "no test build": ("hello", changed(READ_REPLY, Command.HELLO, test_build=False), "test_build is false"),
}


@pytest.mark.parametrize("name", LIES)
def test_a_device_that_does_not_keep_it_is_told_so(native: EmulatedDevice, name: str) -> None:
    step, lie, words = LIES[name]
    with lying(native.port, lie) as port:
        outcome = check("--port", port, "-k", step)
    assert outcome.exception is None or isinstance(outcome.exception, SystemExit), outcome.exc_info
    assert words in outcome.output
    only_lacks = "WRONG" not in outcome.output
    assert outcome.exit_code == (Exit.PASSED if only_lacks else Exit.FAILED)


def test_one_that_writes_its_maps_as_they_come_is_told_so_once(native: EmulatedDevice) -> None:
    with lying(native.port, LIES["keys as they come"][1]) as port:
        outcome = check("--port", port)
    assert outcome.exit_code == Exit.PASSED, outcome.output
    assert outcome.output.count("not canonical") == 1


def test_a_spoilt_request_is_right_but_for_what_is_spoilt() -> None:
    body = {"b": 1, "aa": 2, "c": b"x"}
    behind, twice = spoilt(body).values()
    assert behind == cbor2.dumps(body, canonical=True) + b"\0"
    assert twice == bytes.fromhex("a4 6162 01 6163 4178 626161 02 626161 02")


class OtherLength(LyingDevice):
    """Whose headers say one byte more than there is."""

    def _reply(self, message: bytes) -> None:
        longer = len(message) - HEADER.size + 1
        self._all(self._master, framing.encode(message[:2] + longer.to_bytes(2, "big") + message[4:]))


def test_a_head_that_lies_about_the_length_is_said(native: EmulatedDevice) -> None:
    with closing(OtherLength(native.port, lambda op, command, body: body)) as device:
        outcome = check("--port", device.port, "-k", "capab")
    assert re.search(r"HELLO \(0x0\): the reply's header says (\d+) bytes of body, \d+ came", outcome.output)
    assert outcome.exit_code == Exit.FAILED


class OtherHead(LyingDevice):
    """Whose messages begin otherwise."""

    def _reply(self, message: bytes) -> None:
        self._all(self._master, framing.encode(bytes([message[0] & 7, 1]) + message[2:]))


def test_a_head_that_is_not_smp_version_2_is_told_once(native: EmulatedDevice) -> None:
    with closing(OtherHead(native.port, lambda op, command, body: body)) as device:
        outcome = check("--port", device.port, "-k", "capab")
    assert outcome.output.count("the reply's header begins 01 01: 0000 1ooo and flags of 0 are expected") == 1


class Slow(LyingDevice):
    """Whose answers to some commands are right, and late: by less than after which it is asked again."""

    LATE_S = 0.4
    late_at = frozenset({(READ_REPLY, Command.CAPABILITIES), (READ_REPLY, Command.COUNTERS)})

    def _reply(self, message: bytes) -> None:
        if (message[0] & 7, message[7]) in self.late_at:
            threading.Event().wait(self.LATE_S)
        super()._reply(message)


@pytest.mark.parametrize(
    ("late_at", "names"),
    [(Slow.late_at, ["capabilities", "counters"]), (frozenset({(WRITE_REPLY, Command.HELLO)}), ["attach"])],
    ids=["reads", "attach"],
)
def test_one_that_takes_too_long_is_told_so_command_by_command(
    native: EmulatedDevice, late_at: frozenset[tuple[int, Command]], names: list[str]
) -> None:
    with closing(Slow(native.port, lambda op, command, body: body)) as device:
        device.late_at = late_at
        outcome = check("--port", device.port, "-k", "in time")
    late = re.findall(
        r"WRONG +(\w+): [34]\d\d ms from the request's last byte to its reply, the median of 5; 300 ms are allowed",
        outcome.output,
    )
    assert late == names
    assert outcome.exit_code == Exit.FAILED


def test_on_a_slow_line_a_reply_takes_the_lines_time_too(native: EmulatedDevice) -> None:
    with PacedLine(native.port, 9600) as line:
        outcome = check("--port", line.port, "--baud", "9600", "-k", "in time")
    assert outcome.exit_code == Exit.PASSED, outcome.output


class Chatter(LyingDevice):
    """Which, once it is asked for its status, never stops saying what nobody asked for."""

    EVERY_S = 0.0005
    """Oftener than anybody looks: there always is one more to read."""

    def __init__(self, inner: str) -> None:
        self.talks, self.ends = threading.Event(), threading.Event()
        super().__init__(inner, lambda op, command, body: body)

    def _reply(self, message: bytes) -> None:
        if message[7] != Command.STATUS or self.talks.is_set():
            self._all(self._master, framing.encode(message))
            return
        self.talks.set()
        threading.Thread(target=self._talk, args=(message,), daemon=True).start()

    def _talk(self, message: bytes) -> None:
        other = framing.encode(message[:6] + bytes([message[6] ^ 0x80]) + message[7:])
        while not self.ends.wait(self.EVERY_S):
            with contextlib.suppress(OSError):
                os.write(self._master, other)


def test_one_that_never_stops_talking_is_not_listened_to_for_ever(native: EmulatedDevice) -> None:
    with closing(Chatter(native.port)) as device:
        try:
            outcome = check("--port", device.port, "-k", "hello")
        finally:
            device.ends.set()
    assert "as the contract has it" in outcome.output, "what is asked again is answered"


def claims_more(op: int, command: int, body: Any) -> Any:
    return changed(*CAPS, pattern_types=1 << PatternType.LINK_UP | 1 << PatternType.BITMAP)(op, command, body)


def interrupted(op: int, command: int, body: Any) -> Any:
    """The user ends it while the device sleeps, its clock scaled."""
    if (op, command) == (WRITE_REPLY, Command.COMMIT):
        os.kill(os.getpid(), signal.SIGINT)
    return body


@pytest.mark.parametrize(("step", "lie"), [("claimed", claims_more), ("test commands", interrupted)])
def test_the_device_is_left_empty_wherever_it_ends(native: EmulatedDevice, step: str, lie: Lie) -> None:
    with lying(native.port, lie) as port:
        check("--port", port, "-k", step)
    with Link(native.port) as link:
        client = OffloadClient(link)
        status = client.status()
        assert (status.power, client.slots(), client.patterns()) == (Power.D0, (), ())


def test_a_device_that_was_looked_at_before_is_right_again(native: EmulatedDevice) -> None:
    """A board that stays on knows the program that asked the last time."""
    for _ in range(2):
        outcome = check("--port", native.port, "-k", "lost")
        assert outcome.exit_code == Exit.PASSED, outcome.output


def test_findings_as_json(native: EmulatedDevice) -> None:
    with lying(native.port, changed(READ_REPLY, Command.HELLO, abi=2)) as port:
        outcome = check("--port", port, "--json", "-k", "patterns")
    findings = json.loads(outcome.output)
    assert {"step": "hello and attach", "verdict": "WRONG", "words": "abi is 2, this rig speaks 1"} in findings
    assert {"step": "patterns", "verdict": "OK", "words": ""} in findings


def test_a_port_on_which_nobody_speaks_ends_it_with_what_to_look_at(native: EmulatedDevice) -> None:
    with lying(native.port, lambda op, command, body: SILENCE) as port:
        assert cli.main(["check", "--port", port]) == Exit.BENCH_ERROR


@pytest.mark.parametrize("options", [[], ["--port", "/dev/null", "--device", "native"], ["--device", "toaster"]])
def test_it_wants_one_device(options: list[str]) -> None:
    assert cli.main(["check", *options]) == Exit.USAGE


RULES = Rules('a = { "n": uint .size 1, ? "s": tstr .size (1..2), "rows": [0*2 row] } ; words\nrow = [ x: 3..4, ok: bool ]\n')


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"n": 0, "rows": []}, []),
        ({"n": 255, "s": "ab", "rows": [[3, True], [4, False]], "newer": 1}, []),
        ({"rows": [[3, 1]]}, ["n: missing", "rows[0].ok: 1 is neither true nor false"]),
        ({"n": True, "s": "abc", "rows": [[5, True]]}, [
            "n: True is no number from 0 to 255", "s: 3 bytes, 1 to 2 are expected", "rows[0].x: 5 is no number from 3 to 4"]),
        ({"n": 256, "s": b"a", "rows": [1, 2, 3]}, [
            "n: 256 is no number from 0 to 255", "s: b'a' is no text", "rows: [1, 2, 3] is no list of 0 to 2"]),
        (None, ["the body: None is no map"]),
    ],
)  # fmt: skip
def test_words_for_what_violates_a_rule(value: Any, words: list[str]) -> None:
    assert RULES.violations("a", value) == words


def test_every_rule_of_the_contract_can_be_asked() -> None:
    for rule in ("hello_rsp", "slot_list_rsp", "event_rsp", "drain_rsp", "add_tcp_slot_req"):
        assert contract().violations(rule, {}) != []


def test_a_device_that_ends_at_its_start_is_named_with_its_last_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one of a port that is just being written: nothing is wrong with a cable."""
    monkeypatch.setenv("RIG_FIRMWARE_DIR", str(tmp_path))
    row = {"board": "native", "boot": "boot"}
    (tmp_path / "manifest.json").write_text(json.dumps({"devices": {"native:tiny": row}}))
    (tmp_path / "boot").write_text("#!/bin/sh\necho no such machine >&2\nexit 3\n")
    (tmp_path / "boot").chmod(0o755)
    with pytest.raises(BenchError, match=r"RIG-B04 the native device died, .*: no such machine") as said:
        CliRunner().invoke(cli.build(), ["check", "--device", "native:tiny"], catch_exceptions=False)
    assert "cable" not in said.value.fix
