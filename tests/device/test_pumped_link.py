"""A link without a thread: whoever waits reads, and events come in the owner's thread, also under a request."""

from __future__ import annotations

import socket
import threading
from typing import Any

import pytest

from rig.clock import WAIT_S, Deadline
from rig.device import framing
from rig.device.emulated import EmulatedDevice
from rig.device.link import BYTE_S, Link
from rig.device.numbers import ARM_ALL, GROUP_OFFLOAD, READ, Command, Fault, Power
from rig.device.offload import OffloadClient
from rig.device.smp_header import REPLY, message
from rig.errors import BenchError
from rig.readable import readable

OWNER = 9
MAC = bytes.fromhex("020000000001")


def sleep_until_timer(client: OffloadClient, wake_timer_ms: int) -> int:
    """The device sleeps and wakes by itself; returns the epoch."""
    client.attach(OWNER)
    epoch = client.prepare(epoch=client.status().epoch, arm=ARM_ALL, mac=MAC, wake_timer_ms=wake_timer_ms).epoch
    return client.commit(epoch).epoch


def test_events_come_in_the_owners_thread(device: EmulatedDevice) -> None:
    heard: list[tuple[threading.Thread, list[Any]]] = []
    threads = threading.active_count()
    with Link(device.port, pumped=True) as link:
        client = OffloadClient(link)
        assert threading.active_count() == threads
        link.start_events(lambda event: heard.append((threading.current_thread(), event)))
        sleep_until_timer(client, 1)
        deadline, due_s = Deadline(WAIT_S), 0.0
        while not heard:
            assert not deadline.expired, "no event"
            readable(link.fileno(), due_s)
            due_s = link.pump() or 0.0
        assert heard[0][0] is threading.current_thread()
        assert client.status().power is Power.WOKEN


def test_a_lost_reply_is_asked_for_again(device: EmulatedDevice) -> None:
    with Link(device.port, pumped=True) as link:
        client = OffloadClient(link)
        client.fault_inject(Fault.DROP_REPLY, 2)
        before = link.stats.retries  # of a device that was still starting
        assert client.status().power is Power.D0
        assert before + 2 <= link.stats.retries <= before + 4, "more where the machine has no time for the device"


def test_a_port_that_goes_away_ends_requests_and_pump(device: EmulatedDevice) -> None:
    with Link(device.port, pumped=True) as link:
        OffloadClient(link).status()
        link.close()
        for call in (OffloadClient(link).status, link.pump):
            with pytest.raises(BenchError, match="RIG-S06"):
                call()


def test_a_device_that_sends_byte_by_byte_is_given_the_time_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """As QEMU does: a reader that goes before others, woken by each byte, would put it aside for each of them."""
    ours, theirs = socket.socketpair()
    with ours, theirs, Link(f"fd://{ours.fileno()}", pumped=True) as link:
        asked = link.submit(READ, GROUP_OFFLOAD, Command.STATUS, {})
        reply = message(READ | REPLY, GROUP_OFFLOAD, asked.seq, Command.STATUS, {"text": "x" * 80})
        coming = list(framing.encode(reply))
        pauses = 0

        def send(count: int) -> None:
            for byte in coming[:count]:
                theirs.send(bytes([byte]))
            del coming[:count]

        def pause(seconds: float) -> None:
            nonlocal pauses
            pauses += 1
            send(max(1, round(seconds / BYTE_S)))

        monkeypatch.setattr("time.sleep", pause)
        send(1)
        assert asked.result(WAIT_S, 0) == {"text": "x" * 80}
        assert pauses < 12, "of some 140 bytes"
