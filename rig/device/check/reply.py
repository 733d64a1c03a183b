"""What a reply's bytes are: one CBOR map, an answer or a refusal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rig.device.brief import brief
from rig.device.check.structure import structure_of
from rig.device.numbers import GROUP_OFFLOAD, OffloadRc
from rig.device.requests import cbor_of
from rig.device.smp_header import HEADER

SMP_NOT_SUPPORTED = 8
"""SMP's own rc for a group or command that the device does not have."""


class Violation(Exception):
    """Of the contract, in words that go on behind what was asked."""


@dataclass(frozen=True)
class Answer:
    """`rc`: None when it is no refusal. `of_smp`: the refusal is one of SMP itself."""

    body: dict[str, Any]
    rc: int | None = None
    of_smp: bool = False

    @property
    def is_absent(self) -> bool:
        """The device does not have the command."""
        return self.of_smp and self.rc == SMP_NOT_SUPPORTED

    def is_refusal(self, rc: OffloadRc) -> bool:
        """With this code of the contract."""
        return not self.of_smp and self.rc == rc

    @property
    def words(self) -> str:
        if self.rc is None:
            return "OK"
        if self.of_smp:
            return f"SMP's rc {brief(self.rc)}"
        return OffloadRc(self.rc).name if self.rc in set(OffloadRc) else f"rc {brief(self.rc)}"


def body_of(reply: bytes) -> tuple[Any, str]:
    """What the one value behind the header is, and where it first deviates from canonical CBOR. Raises Violation."""
    data, (_, _, length, *_) = reply[HEADER.size :], HEADER.unpack_from(reply)
    if len(data) != length:
        raise Violation(f"the reply's header says {length} bytes of body, {len(data)} came")
    try:
        body = cbor_of(data)
    except ValueError as error:
        raise Violation(f"the reply is no CBOR: {error}; {data[:40].hex()}") from None
    structure = structure_of(data)
    if structure.fault:
        raise Violation(f"the reply is no valid CBOR: {structure.fault}")
    if structure.end != length:
        raise Violation(f"bytes behind the reply's map: {data[-40:].hex()} is its end")
    return body, structure.deviation


def refusal_in(body: Any) -> Answer | None:
    """None: it is none, or its code says that all is well. Raises Violation."""
    if not isinstance(body, dict) or not {"err", "rc"} & body.keys():
        return None
    err = body.get("err", body)
    rc = err.get("rc") if isinstance(err, dict) else None
    if type(rc) is not int or ("err" in body and (type(err.get("group")) is not int or not rc)):
        raise Violation(f'the refusal {brief(body, 80)} is neither {{"err": {{"group", "rc"}}}} nor {{"rc"}}')
    if "err" in body and err["group"] != GROUP_OFFLOAD:
        raise Violation(f"the refusal {brief(body, 80)} is not of group {GROUP_OFFLOAD}")
    return Answer(body, rc, of_smp="err" not in body) if rc else None
