"""`rig monitor` goes on whatever a device says, and ends with a reason when it cannot."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from rig.commands.monitor import event_text
from rig.device.numbers import GROUP_OFFLOAD, READ, Command, WakeReason
from tests.device.fake_server import FakeServer

EVENT = [1, 1, 0, 1, 4, int(WakeReason.TCP_DATA), 0, 0, 1, 7, 10, 10, 60, 60, b""]
HELLO = (READ, GROUP_OFFLOAD, Command.HELLO)
EVENT_WAIT = (READ, GROUP_OFFLOAD, Command.EVENT_WAIT)


def watching(server: FakeServer, *options: str) -> subprocess.Popen[str]:
    argv = [sys.executable, "-m", "rig", "monitor", server.port, *options]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def changed(**fields: Any) -> list[Any]:
    at = {"n": 0, "kind": 1, "reason": 5}
    row = list(EVENT)
    for name, value in fields.items():
        row[at[name]] = value
    return row


def test_an_event_of_a_newer_contract_is_shown_by_its_number_and_the_next_follows(server: FakeServer) -> None:
    rows = [changed(reason=0x7777), changed(n=2, kind=99), changed(n=3)]
    server.handlers[HELLO] = lambda body: {"boot_id": 3}
    server.handlers[EVENT_WAIT] = lambda body: {"event": rows[body["after"]]} if body["after"] < len(rows) else None
    with watching(server) as watch:
        assert watch.stdout is not None
        shown = ""
        while "TCP_DATA" not in shown and (line := watch.stdout.readline()):
            shown += line
        watch.terminate()
    assert "1 WAKE code 30583 slot SlotRef(slot=0, gen=1)" in shown
    assert "RIG-B11 an event violates offload.cddl (ValueError: 99 is not a valid EventKind): [2, 99, 0, 1, 4" in shown
    assert "3 WAKE TCP_DATA" in shown


def test_a_port_that_goes_away_ends_it_with_the_reason() -> None:
    with FakeServer() as server:
        watch = watching(server)
        assert watch.stderr is not None
        first = watch.stderr.readline()  # nobody answers hello, or answers what is none: said, and watched all the same
    said = first + watch.communicate(timeout=60)[1]
    assert "RIG-S07" in said
    assert "Traceback" not in said
    assert watch.returncode == 6


@pytest.mark.parametrize("row", [[], "wake", [1, 1], changed(kind=2**70)], ids=["empty", "text", "short", "huge"])
def test_what_is_no_event_is_said_in_one_line(row: Any) -> None:
    assert event_text(row).startswith("RIG-B11 an event violates offload.cddl")
    assert "\n" not in event_text(row)
