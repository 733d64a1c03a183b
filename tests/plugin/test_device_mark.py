"""The mark `device_can`: a device that has less skips the test; a wrong mark is said before anything runs."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import Run

DEVICE = """
import pytest, sys
from rig.device.numbers import Command, OffloadType, PatternType, SlotFlag
from rig.device.offload_types import Capabilities
from rig.errors import DeviceError
asked = []
OTHERS = "mtu timer_res_us ka_max_ms ka_min_ms max_message BufferedFrames MaxWoLPatternSize MinWoLPatternSize "
OTHERS += "MaxWoLPatternOffset SupportedWakeUpEvents MaxWoLPacketSaveBuffer SupportedProtocolOffloads "
OTHERS += "SupportedWoLPacketPatterns NumArpOffloadIPv4Addresses"


class Requester:
    def request(self, op, group, command, body):
        asked.append(command)
        rc, name = (8, "ENOTSUP") if command == Command.FAULT_INJECT else (6, "BAD_ARG")
        raise DeviceError(group, rc, name, "it")

class Device(sys.modules["rig.bench"].Device):
    requester = Requester()
    def counters(self):
        asked.append("counters")
        return {"rx_total": 0}
    def capabilities(self):
        asked.append("capabilities")
        said = {"MaxTcpSlots": 4, "NumTotalWoLPatterns": 8, "pattern_types": 0b110, "offload_types": 0, "slot_flags": 0x3F}
        return Capabilities.of(dict.fromkeys(OTHERS.split(), 0) | said)

bench_class = sys.modules["rig.bench"].Bench
enter = bench_class.__enter__

def with_device(self):
    enter(self)
    self.device = Device()
    return self

bench_class.__enter__ = with_device
setups = sys.modules["rig.bench"].SETUPS
"""


def attempts(lines: list[dict[str, Any]]) -> list[str]:
    return [line["verdict"] for line in lines if line["kind"] == "attempt"]


def reasons(lines: list[dict[str, Any]]) -> str:
    return str([line for line in lines if line["kind"] == "attempt"])


@pytest.mark.parametrize(
    ("needs", "words"),
    [
        ("offload=OffloadType.ARP", "the device has no protocol offload ARP (capabilities)"),
        ("pattern=(PatternType.BITMAP, PatternType.EAPOL)", "the device has no pattern type EAPOL (capabilities)"),
        ("slot_flag=SlotFlag.VLAN | SlotFlag.KEEP", "the device has no slot flag VLAN (capabilities)"),
        ("slots=5", "the device has 4 TCP slots, not 5 (capabilities)"),
        ('counter=("rx_total", "timer_late_1ms")', "the device has no counter timer_late_1ms (capabilities)"),
        ("command=Command.FAULT_INJECT", "the device has no command FAULT_INJECT (capabilities)"),
    ],
)
def test_what_the_device_lacks_is_the_reason_of_the_skip(run_rig: Run, needs: str, words: str) -> None:
    _, lines = run_rig(DEVICE + f"@pytest.mark.device_can({needs})\ndef test_one(bench):\n    assert False\n")
    assert attempts(lines) == ["skipped"]
    assert words in reasons(lines)


def test_what_it_has_or_does_not_speak_of_skips_nothing(run_rig: Run) -> None:
    needs = "slots=4, patterns=8, pattern=PatternType.MAGIC, slot_flag=SlotFlag.KEEP, command=Command.HELLO, token_bytes=9"
    needs += ", counter='rx_total'"
    code, lines = run_rig(DEVICE + f"@pytest.mark.device_can({needs})\ndef test_one(bench):\n    pass\n")
    assert (code, attempts(lines)) == (0, ["passed"])


def test_a_mark_of_the_file_counts_too_and_a_device_is_asked_once(run_rig: Run) -> None:
    source = """
pytestmark = pytest.mark.device_can(slots=4)
@pytest.mark.device_can(offload=OffloadType.NS)
def test_one(bench): pass
@pytest.mark.device_can(slots=16)
def test_two(bench): pass
def test_three(bench):
    assert asked == ["capabilities"]
    assert len(setups) == 2, "no bench for what is known to be skipped"
"""
    code, lines = run_rig(DEVICE + source)
    assert (code, attempts(lines)) == (0, ["skipped", "skipped", "passed"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("slot=4", "device_can(slot=4): one of offload, pattern"),
        ("slots=0", "expected a number above 0"),
        ("slots=True", "expected a number above 0"),
        ("offload=1", "expected OffloadType"),
        ("offload=()", "expected OffloadType"),
        ("flash=False", "expected True"),
        ("counter=1", "expected a counter's name"),
        ("4", "what a device can has a name, as in device_can(slots=16)"),
        ("", "what a device can has a name, as in device_can(slots=16)"),
    ],
)
def test_a_wrong_one_is_said_before_anything_runs(
    run_rig: Run, capfd: pytest.CaptureFixture[str], arguments: str, words: str
) -> None:
    code, lines = run_rig(f"import pytest\n@pytest.mark.device_can({arguments})\ndef test_one(bench):\n    pass\n")
    said = capfd.readouterr()
    assert (code, lines) == (4, [])
    assert words in said.err + said.out
    assert "RIG-C26" in said.err + said.out
