"""`rig check` and a device with little room for protocol offloads: right by the contract, unless it says that it has more."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import cbor2
import pytest
from typer.testing import CliRunner

from rig import cli
from rig.device import framing
from rig.device.emulated import EmulatedDevice
from rig.device.numbers import READ, WRITE, Command, OffloadRc
from rig.device.smp_header import HEADER, message
from rig.exit_codes import Exit

from .lying_device import LyingDevice


class LittleRoom(LyingDevice):
    """Refuses a protocol offload that finds `room` others, before the device hears of it; `said`: its offload_count."""

    def __init__(self, inner: str, room: int, said: int | None) -> None:
        self.room, self.said = room, said
        self.held: set[int] = set()
        self._asked = framing.Receiver(self._request, lambda text: None)
        super().__init__(inner, self._capabilities)

    def _capabilities(self, op: int, command: int, body: Any) -> Any:
        if command == Command.CAPABILITIES and op == READ | 1:
            body.pop("offload_count")
            body |= {} if self.said is None else {"offload_count": self.said}
        return body

    def _to_device(self, data: bytes) -> None:
        self._asked.feed(data)

    def _request(self, request: bytes) -> None:
        op, _, _, group, seq, command = HEADER.unpack_from(request)
        if op & 7 == WRITE and not self._has_room(command, cbor2.loads(request[HEADER.size :])):
            full = {"err": {"group": group, "rc": int(OffloadRc.LIST_FULL)}}
            self._all(self._master, framing.encode(message(WRITE | 1, group, seq, command, full)))
        else:
            self._all(self._inner.fd, framing.encode(request))

    def _has_room(self, command: int, body: dict[str, Any]) -> bool:
        if command == Command.HELLO:
            self.held.clear()
        elif command == Command.REMOVE_OFFLOAD:
            self.held.discard(body["id"])
        elif command == Command.ADD_OFFLOAD:
            self.held |= {body["id"]} if len(self.held) < self.room else set()
            return body["id"] in self.held
        return True


@pytest.mark.parametrize(
    ("room", "said", "words"),
    [
        (1, None, ""),
        (2, None, ""),
        (2, 2, ""),
        (32, None, ""),
        (32, 32, ""),
        (2, 3, "add ECHO to 2 offloads: LIST_FULL, offload_count is 3"),
        (7, 8, "add offload 8 of 8, ECHO: LIST_FULL, OK is expected"),
        (32, 31, ""),
        (0, None, "add ARP: LIST_FULL, OK is expected"),
    ],
)
def test_little_room_is_right_unless_more_is_said(native: EmulatedDevice, room: int, said: int | None, words: str) -> None:
    with closing(LittleRoom(native.port, room, said)) as device:
        outcome = CliRunner().invoke(cli.build(), ["check", "--port", device.port, "-k", "protocol"])
    assert outcome.exit_code == (Exit.FAILED if words else Exit.PASSED), outcome.output
    assert words in outcome.output
