"""A device that is asked, and what was found: every answer is held against offload.cddl as it comes in."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

import cbor2

from rig.clock import Deadline
from rig.device import framing
from rig.device.cddl import Rules
from rig.device.check import counters
from rig.device.check.reply import Answer, Violation, body_of, refusal_in
from rig.device.contract import COUNTERS, MINIMUM, RULES
from rig.device.numbers import GROUP_OFFLOAD, READ, WRITE, Command, OffloadRc
from rig.device.raw_line import RawLine
from rig.device.requests import RETRIES, TIMEOUT_S
from rig.device.smp_header import HEADER, VERSION_2, message_of

OWNER = 7
"""Who attaches, where it is all one."""


class Verdict(Enum):
    OK = "ok"
    WRONG = "WRONG"
    """Not as the contract has it."""
    LACKS = "lacks"
    """Of the minimum profile, or what the suite needs of a test build."""


@dataclass(frozen=True)
class Finding:
    step: str
    verdict: Verdict
    words: str


LONGEST_BYTES = 2048
"""Of a message that is waited for, whatever a device claims."""


class StepOver(Exception):
    """Nothing more can be learnt in this step; why is among the findings."""


@dataclass(frozen=True)
class Took:
    """A request, from its first byte until the first one of its reply was there."""

    reply_s: float
    line_s: float
    """Of that, what the request takes on a line of this rate."""


class Asked:
    """`findings` grows; `step` is what they are filed under."""

    def __init__(self, line: RawLine, rules: Rules) -> None:
        self.findings: list[Finding] = []
        self.step = ""
        self.capabilities: Mapping[str, Any] = {}
        """Once they are known."""
        self.test_build = False
        self.heard = False
        """It has said anything at all."""
        self._line = line
        self._rules = rules
        self.client = random.getrandbits(32)
        """What was asked of a running device the last time is not what is asked now, under the same numbers."""
        self._told_version = False
        """A head that is not SMP's is the same in every reply: it is told once."""
        self._told_form = False
        """So is the way in which CBOR is written."""
        self._seq = 0
        self._kept: dict[int, bytes] = {}
        """Answers that came while another one was waited for."""
        self._strange = b""
        """The head of one that came with a request's number and was no answer to it."""
        self.took = Took(0.0, 0.0)
        """Of the last request."""

    # -- what is found -------------------------------------------------------------------------------------------------

    def wrong(self, words: str) -> None:
        self.findings.append(Finding(self.step, Verdict.WRONG, words))

    def lacks(self, words: str) -> None:
        self.findings.append(Finding(self.step, Verdict.LACKS, words))

    def says(self, words: str) -> None:
        """Nothing is wrong: what there is."""
        self.findings.append(Finding(self.step, Verdict.OK, words))

    def holds(self, condition: bool, words: str) -> None:
        """`words`: what is wrong when it does not hold."""
        if not condition:
            self.wrong(words)

    def refuses(self, answer: Answer, wanted: OffloadRc, what: str) -> None:
        if not answer.is_refusal(wanted):
            self.wrong(f"{what}: {answer.words}, {wanted.name} is expected")

    def takes(self, answer: Answer, what: str) -> dict[str, Any]:
        """The body. Raises StepOver."""
        if answer.rc is not None:
            self.wrong(f"{what}: {answer.words}, OK is expected")
            raise StepOver
        return answer.body

    # -- asking --------------------------------------------------------------------------------------------------------

    def read(self, command: Command, body: Mapping[str, Any] | None = None) -> Answer:
        return self.ask(READ, command, body or {})

    def write(self, command: Command, body: Mapping[str, Any] | None = None) -> Answer:
        return self.ask(WRITE, command, body or {})

    def ask(self, op: int, command: Command, body: Mapping[str, Any]) -> Answer:
        """Raises StepOver when nothing comes, or what comes violates the contract; or for what no message of the device's can
        hold, which only what it says of itself can call for."""
        what = f"{command.name} ({op:#x})"
        if not self.fits(body):
            long = f"a message of {_message_bytes(body)} bytes, max_message is {self._most_bytes}"
            self.wrong(f"{what}: what it claims makes {long}")
            raise StepOver
        return self.answer_to(self.request(op, int(command), body), RULES[op, command].reply, what)

    def fits(self, body: Mapping[str, Any]) -> bool:
        """Whether a request is no longer than the device takes."""
        return _message_bytes(body) <= self._most_bytes

    @property
    def _most_bytes(self) -> int:
        return max(MINIMUM["max_message"], int(self.capabilities.get("max_message", 0)))

    @property
    def _both_s(self) -> float:
        """How long a request and its reply are on the line, at the most."""
        return 2 * self._line.line_time_s(bytes(min(self._most_bytes, LONGEST_BYTES)))

    def attach(self, what: str = "attach") -> dict[str, Any]:
        """What it held it has freed then. Raises StepOver."""
        return self.takes(self.write(Command.HELLO, {"owner": OWNER}), what)

    def request(self, op: int, command: int, body: Mapping[str, Any], group: int = GROUP_OFFLOAD) -> bytes:
        """The message, under a number of its own."""
        return self.request_of(op, command, cbor2.dumps(body, canonical=True), group)

    def request_of(self, op: int, command: int, payload: bytes, group: int = GROUP_OFFLOAD) -> bytes:
        """As `request`; `payload`: the body as it is written down, right or wrong."""
        self._seq = (self._seq + 1) % 256
        self._kept.pop(self._seq, None)  # a second answer to one that was sent twice
        return message_of(op, group, self._seq, command, payload)

    def send(self, message: bytes) -> None:
        """Without waiting for an answer."""
        self._line.put(message)

    def send_damaged(self, message: bytes) -> None:
        """Noise, the message with a wrong CRC, and the first half of it."""
        frame = framing.encode(message)
        spoilt = frame[:6] + (b"B" if frame[6:7] == b"A" else b"A") + frame[7:]
        self._line.put_bytes(b"\xff" * 64 + b"\n" + spoilt + frame[: len(frame) // 2] + b"\n")

    def answer_to(self, message: bytes, rule: str, what: str) -> Answer:
        return self._checked(self._exchanged(message, what), rule, what)

    def late_answer_to(self, message: bytes, rule: str, what: str, timeout_s: float) -> Answer:
        """Of one that `send` has sent."""
        reply = self._reply_to(message, timeout_s + self._both_s)
        if reply is None:
            self.wrong(f"{what}: no answer within {timeout_s:g} s")
            raise StepOver
        return self._checked(reply, rule, what)

    def is_silent(self, message: bytes, for_s: float) -> bool:
        return self._reply_to(message, for_s + self._both_s) is None

    def _exchanged(self, message: bytes, what: str) -> bytes:
        self._kept.pop(HEADER.unpack_from(message)[4], None)  # of the same bytes before, which were sent twice
        began_s = time.monotonic()
        for _ in range(RETRIES + 1):
            self._line.put(message)
            reply = self._reply_to(message, TIMEOUT_S + self._both_s)
            if reply is not None:
                self.took = Took(self._line.first_byte_s(reply) - began_s, self._line.line_time_s(message))
                return reply
        but = f", but a message with the head {self._strange.hex()}" if self._strange else ""
        self.wrong(f"{what}: no answer to {RETRIES + 1} requests, {TIMEOUT_S:g} s each{but}")
        raise StepOver

    def _reply_to(self, message: bytes, timeout_s: float) -> bytes | None:
        """Its head is the request's with the operation one up (SMP)."""
        operation, _, _, group, seq, command = HEADER.unpack_from(message)
        wanted, deadline = ((operation & 7) + 1, group, command), Deadline(timeout_s)
        while _head(self._kept.get(seq, b"")) != wanted:
            if seq in self._kept:
                self._strange = self._kept.pop(seq)[: HEADER.size]
            if deadline.expired and not self._line.has_message:
                return None  # however much it goes on to say
            try:
                came = self._line.get(deadline.remaining_s)
            except TimeoutError:
                return None
            if len(came) >= HEADER.size:
                self._kept[HEADER.unpack_from(came)[4]] = came
            else:
                self._strange = came
        self.heard = True
        return self._kept.pop(seq)

    def _checked(self, reply: bytes, rule: str, what: str) -> Answer:
        """Raises StepOver."""
        self._look_at_head(reply, what)
        try:
            body, deviation = body_of(reply)
            refusal = refusal_in(body)
        except Violation as violation:
            self.wrong(f"{what}: {violation}")
            raise StepOver from None
        if deviation and rule != COUNTERS and not self._told_form:
            self._told_form = True
            self.says(f"{what}: the reply's CBOR is not canonical, which it should be (section 1): {deviation}")
        return refusal or self._by_rule(body, rule, what)

    def _look_at_head(self, reply: bytes, what: str) -> None:
        op, flags, *_ = HEADER.unpack_from(reply)
        if (op & ~7, flags) != (VERSION_2, 0) and not self._told_version:
            self._told_version = True
            self.wrong(f"{what}: the reply's header begins {op:02x} {flags:02x}: 0000 1ooo and flags of 0 are expected")

    def _by_rule(self, body: Any, rule: str, what: str) -> Answer:
        """The body without the keys that are not in its rule: newer firmware may have them. Raises StepOver."""
        is_counters = rule == COUNTERS
        violations = counters.violations(body) if is_counters else self._rules.violations(rule, body)
        for violation in violations:
            self.wrong(f"{what}: {violation}")
        if violations:
            raise StepOver
        named = body if is_counters else self._rules.keys(rule)
        return Answer({key: value for key, value in body.items() if key in named})


def _message_bytes(body: Mapping[str, Any]) -> int:
    return HEADER.size + len(cbor2.dumps(body, canonical=True))


def _head(message: bytes) -> tuple[int, int, int] | None:
    """Operation, group and command."""
    if len(message) < HEADER.size:
        return None
    operation, _, _, group, _, command = HEADER.unpack_from(message)
    return operation & 7, group, command
