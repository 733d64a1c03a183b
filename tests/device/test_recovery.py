"""Into serial recovery past an image that is sound: by a word at power-on, native and on QEMU."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor, wait

import pytest

from rig.clock import Deadline
from rig.device import mcumgr
from rig.device.emulated import EmulatedDevice
from rig.device.flash import board_name
from rig.device.link import Link
from rig.device.offload import OffloadClient
from rig.device.offload_types import Hello
from rig.device.recovery import BURST, enter_recovery
from rig.errors import BenchError, DeviceError

BOOT_LOADER_S = 3.0
"""Until it has said that it stays, if it does."""


def restarted(link: Link, boot_id: int) -> Hello:
    """What the image says first after a reset; the program before may answer for a moment."""
    deadline = Deadline(mcumgr.BOOT_S)
    while not deadline.expired:
        with contextlib.suppress(BenchError, DeviceError):
            hello = OffloadClient(link).hello()
            if hello.boot_id != boot_id:
                return hello
    raise AssertionError("no image has started")


def test_a_word_at_power_on_leads_past_the_image(device: EmulatedDevice) -> None:
    """And only for this once: the next reset starts the image, which nothing has changed."""
    with Link(device.port) as link, ThreadPoolExecutor(1) as person:
        mcumgr.wait_ready(link)
        before = OffloadClient(link).hello()
        waiting = person.submit(enter_recovery, link)
        while not waiting.done():  # as a person does: who is late for the 20 ms of the boot loader tries again
            device.power_cut()
            device.start()
            wait([waiting], BOOT_LOADER_S)
        waiting.result()
        mcumgr.wait_ready(link)
        assert board_name(link) == "", "the boot loader has no offload group"
        assert [row.active for row in mcumgr.image_list(link)] == [False]
        mcumgr.reset(link)
        assert restarted(link, before.boot_id).digest == before.digest


def test_the_word_means_nothing_to_an_image_that_runs(device: EmulatedDevice) -> None:
    with Link(device.port) as link:
        mcumgr.wait_ready(link)
        before = OffloadClient(link).hello()
        for _ in range(20):
            link.say(BURST)
        mcumgr.reset(link)
        assert restarted(link, before.boot_id).boot_id == before.boot_id + 1
        with pytest.raises(BenchError, match="RIG-F06 no boot loader has entered serial recovery in 0 s"):
            enter_recovery(link, 0)
