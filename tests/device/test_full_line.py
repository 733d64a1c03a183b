"""A line that nobody reads: frames do not wait for it, and what was asked for is answered when somebody reads again."""

from __future__ import annotations

import os

from rig.clock import Deadline
from rig.device import framing, mcumgr
from rig.device.codes import GROUP_OS
from rig.device.link import Link
from rig.device.numbers import WRITE
from rig.device.offload import OffloadClient
from rig.device.port import Endpoint, open_port
from rig.device.protocol_offload import ProtocolOffload
from rig.device.smp_header import HEADER, message
from rig.readable import readable
from tests.engine.engine_lib import HOST_IP, HOST_MAC
from tests.engine.packets import arp

from .kinds import without_qemu
from .test_same_bytes import sleep
from .wires import wired

ECHOES, ECHO_CHARS, ECHO = 12, 3000, 0
FRAMES = 200
STALL_US = 1_000_000
ALL_S = 30.0


def echo(seq: int) -> bytes:
    return framing.encode(message(WRITE, GROUP_OS, seq, ECHO, {"d": "x" * ECHO_CHARS}))


def sequence_numbers(line: Endpoint, count: int) -> list[int]:
    """Of the next `count` replies."""
    found: list[int] = []
    receiver = framing.Receiver(lambda reply: found.append(HEADER.unpack_from(reply)[4]), lambda text: None)
    deadline = Deadline(ALL_S)
    while len(found) < count and readable(line.fd, deadline.remaining_s):
        receiver.feed(os.read(line.fd, 65536))
    return found


@without_qemu
def test_frames_do_not_wait_for_the_line_and_no_reply_is_lost() -> None:
    with wired("qemu") as (device, wire):
        with Link(device.port) as link:
            mcumgr.wait_ready(link)
            client = OffloadClient(link)
            client.attach(1)
            client.add_offload(ProtocolOffload(id=1, ip=HOST_IP, mac=HOST_MAC))
            sleep(client)
            client.clear_counters()
        line, requests = open_port(device.port, 115200), b"".join(map(echo, range(ECHOES)))
        assert os.write(line.write_fd, requests) == len(requests), "the line takes them all, and holds one answer"
        answers, deadline = 0, Deadline(ALL_S)
        while answers < FRAMES and not deadline.expired:
            wire.send(arp())
            before = answers
            while answers == before and not deadline.expired:
                answers += len(wire.take())
        assert answers == FRAMES
        assert sequence_numbers(line, ECHOES) == list(range(ECHOES))
        line.close()
        with Link(device.port) as link:
            counters = OffloadClient(link).counters()
    assert counters["turn_max_us"] < STALL_US, "a turn of the loop waited for the line"
    assert counters["serial_overrun"] == 0
