"""Frames and requests come on two lines, and are dealt with in the order in which they came: a host that has asked a device for
its last frames, and has turned them to itself before, loses none by letting the device go."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from rig.device.link import Link
from rig.device.numbers import ARM_ALL, GROUP_OFFLOAD, READ, Command
from rig.device.offload import OffloadClient
from rig.device.process_device import ProcessDevice

from .wires import wired

HOST = bytes([2, 0, 0, 0, 0, 1])
FRAMES = {"native": 30, "qemu": 30, "reference": 5}
"""As many as the device holds for the host; of ours more than it takes from the wire in a turn."""


def frame(number: int) -> bytes:
    return (HOST + bytes([2, 0, 0, 0, 0, 2]) + b"\x88\xb5" + bytes([number])).ljust(60, b"\0")


@contextmanager
def stopped(device: ProcessDevice) -> Iterator[None]:
    """It gets no processor; all that comes meanwhile waits, on both lines."""
    os.kill(device.pid, signal.SIGSTOP)
    os.waitid(os.P_PID, device.pid, os.WSTOPPED | os.WNOWAIT)
    try:
        yield
    finally:
        os.kill(device.pid, signal.SIGCONT)


@pytest.mark.parametrize("kind", FRAMES)
def test_frames_that_came_before_a_request_are_dealt_with_before_it(kind: str) -> None:
    with wired(kind) as (device, wire), Link(device.port) as link:
        client = OffloadClient(link)
        client.wait_until_there()
        prepared = client.prepare(epoch=client.attach(1).epoch, arm=ARM_ALL, mac=HOST)
        assert client.status().buffered == 0
        with stopped(device):
            before = link.submit(READ, GROUP_OFFLOAD, Command.HELLO, {})
            for number in range(FRAMES[kind]):
                wire.send(frame(number))
            asked = link.submit(READ, GROUP_OFFLOAD, Command.STATUS, {})
        before.result()
        assert asked.result()["buffered"] == FRAMES[kind]
        rows = client.drain(0).frames
        assert [row.data for row in rows] == [frame(number) for number in range(len(rows))]
        client.abort(prepared.epoch)
