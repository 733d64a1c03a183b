"""Tests of a device alone are judged by the wake ledger as those of a bench: a device that lies fails them, whatever they ask."""

from __future__ import annotations

from pathlib import Path

from tests.rig.their_tests import attempts_of

THEIRS = """
import pytest
from rig.device import framing
from rig.device.numbers import Command, WakeReason
from rig.device.smp_header import HEADER, message
from rig.suite import wire_door
from rig.suite.conftest import door, light_benches
from rig.suite.peer_frames import tcp
from tests.device.lying_device import LyingDevice

LIES = []
RealLink = wire_door.Link

def link(port, **options):
    device = LyingDevice(port, lambda op, command, body: lie(device, command, body))
    return RealLink(device.port, **options)

wire_door.Link = link

def lie(device, command, body):
    if command == Command.EVENT_WAIT and LIES:
        number, kind, slot, gen, epoch, reason, a, b, c, pattern, t_rx, t_wake, saved, original, frame = body["event"]
        match LIES.pop():
            case "too early":
                reason, saved, original, frame = int(WakeReason.KA_TIMEOUT), 0, 0, b""
            case "late":
                t_wake += 600_000
            case "twice":
                again = {"event": [number + 1, *body["event"][1:]]}
                device._all(device._master, framing.encode(message(1, 100, 0, command, again)))
            case "changed":
                frame = frame[:-1] + bytes([frame[-1] ^ 1])
        return {"event": [number, kind, slot, gen, epoch, reason, a, b, c, pattern, t_rx, t_wake, saved, original, frame]}
    return body

@pytest.mark.parametrize("which", ["", "too early", "late", "twice", "changed"])
@pytest.mark.parametrize("looks", [True, False], ids=["asked", "not asked"])
def test_that_counts_wakes(door, which, looks):
    LIES[:] = [which]
    door.asleep()
    door.send(tcp("PA", payload=b"x" * 20))
    assert door.wakes == 1
    if looks:
        door.event()

@pytest.mark.parametrize(("which", "attaches"), [("", True), ("", False), ("late", False)], ids=["attached", "released", "late"])
def test_that_ends_a_sleep_and_never_looked(door, which, attaches):
    LIES[:] = [which]
    door.asleep()
    door.send(tcp("PA", payload=b"x" * 20))
    if attaches:
        door.client.attach(1)
    else:
        door.host_awake()
        door.release()

def test_that_sleeps_on(door):
    door.asleep()
"""
SAID = {
    "too early": ": too early by ",
    "late": ": late: the device decided ",
    "twice": "it is the second of one sleep, after TCP_DATA",
    "changed": "the device hands over a frame that was another on the wire: byte 73 is 0x79, was 0x78",
}


def test_a_wake_that_was_not_planned_or_is_late_or_told_twice_fails_a_test_of_a_device_alone(tmp_path: Path) -> None:
    """Also where the test itself never asked for the event."""
    for row in attempts_of(THEIRS, tmp_path, 14):
        lie = next((lie for lie in SAID if f"-{lie}-" in row["id"] or row["id"].endswith(f"-{lie}]")), "")
        errors = " ".join(phase.get("error", "") for phase in row["phases"])
        assert (row["verdict"] == "failed") == bool(lie), f"{row['id']}: {row['verdict']} {errors}"
        assert SAID.get(lie, "") in errors, f"{row['id']}: {errors}"
        wakes = [(wake["reason"], bool(wake["fault"])) for wake in row.get("wakes", ())]
        assert any(fault for _, fault in wakes) == bool(lie), wakes


STALE = """
import os
from rig.readable import readable
from rig.suite.conftest import door, light_benches
from rig.suite.peer_frames import tcp

def test_whose_fence_is_answered_twice(door):
    door.asleep()
    door._wire.send(door._fence)
    assert readable(door._wire.fileno(), 10)

def test_after_it(door):
    assert not door.crossed
    door.asleep()
    door.send(tcp("A", seq=4000))
    door.assert_counted(tx_frames=1)
"""


def test_what_a_test_has_left_on_the_wire_is_not_the_next_ones(tmp_path: Path) -> None:
    attempts = attempts_of(STALE, tmp_path, 2)
    assert [attempt["verdict"] for attempt in attempts] == ["passed", "passed"]
