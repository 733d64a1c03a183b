"""A process beside the system that cannot do what it is there for: each call hears why."""

from __future__ import annotations

from typing import Any

from rig.standby.wire.faults import Fault
from rig.standby.wire.line import Line, Malformed, What


def refuse_all(line: Line[Any], fault: Fault) -> None:
    """Until the system has heard enough."""
    line.sock.setblocking(True)
    while True:
        try:
            received = line.receive()
        except Malformed as malformed:
            if malformed.what is What.CALL:
                line.send_fault(malformed.number, fault)
            continue
        if received is None:
            return
        received.descriptors.close()
        if received.what is What.CALL:
            line.send_fault(received.number, fault)
