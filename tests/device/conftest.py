"""Fixtures of the device tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rig.device import mcumgr
from rig.device.emulated import EmulatedDevice
from rig.device.factory import emulated
from rig.device.link import Link
from rig.device.prepared import prepared_flash

from .fake_server import FakeServer
from .kinds import KINDS


@pytest.fixture(params=KINDS)
def device(request: pytest.FixtureRequest) -> Iterator[EmulatedDevice]:
    with emulated(request.param, flash=prepared_flash(request.param)) as device:
        yield device


@pytest.fixture
def native() -> Iterator[EmulatedDevice]:
    """One that has booted."""
    with emulated("native", flash=prepared_flash("native")) as device:
        with Link(device.port) as link:
            mcumgr.wait_ready(link)
        yield device


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer() as server:
        yield server


@pytest.fixture
def link(server: FakeServer) -> Iterator[Link]:
    with Link(server.port) as link:
        yield link


@pytest.fixture
def ready_link(device: EmulatedDevice) -> Iterator[Link]:
    """The control channel of a device whose image has come up."""
    with Link(device.port) as link:
        mcumgr.wait_ready(link)
        yield link
