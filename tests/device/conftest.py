"""Fixtures of the device tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rig.device.link import Link

from .fake_server import FakeServer


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer() as server:
        yield server


@pytest.fixture
def link(server: FakeServer) -> Iterator[Link]:
    with Link(server.port) as link:
        yield link
