"""Fixtures of the conformance suite."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from rig.bench import Bench
from rig.net import retransmission
from rig.suite.broker_scene import BrokerScene
from rig.suite.scene import Scene
from rig.suite.task_scene import TaskScene

if TYPE_CHECKING:
    from rig.suite.http_scene import HttpScene
    from rig.suite.light_bench import LightBenches
    from rig.suite.push_scene import PushScene
    from rig.suite.standby_door import StandbyDoor
    from rig.suite.transfer_scene import TransferScene
    from rig.suite.websocket_scene import WebSocketScene
    from rig.suite.xhr_scene import XhrScene


@pytest.fixture
def scene(bench: Bench) -> Scene:
    """A bench with the chat app, and the moves that most tests make."""
    return Scene(bench)


@pytest.fixture
def patient_host(bench: Bench) -> None:
    """For a test that has the host send at the very moment of a wake and counts what the peer hears twice: the device has the
    acknowledgement for as long as its end of the wake takes, and an emulator that waits for a processor longer than 200 ms."""
    bench.network.set_host_metrics(retransmission.PATIENT)


@pytest.fixture
def tasks(bench: Bench) -> TaskScene:
    """A bench with the app of background tasks."""
    return TaskScene(bench)


@pytest.fixture
def broker(bench: Bench) -> BrokerScene:
    """A bench with the app of the socket broker."""
    return BrokerScene(bench)


@pytest.fixture
def sockets(bench: Bench, websocket_server: Any) -> WebSocketScene:
    """A bench with the app of WebSocket channels, and a WebSocket server."""
    from rig.suite.websocket_scene import WebSocketScene  # its library takes a moment, and most tests need none of it

    return WebSocketScene(bench, websocket_server)


@pytest.fixture
def xhr(bench: Bench, http_server: Any) -> XhrScene:
    """A bench with the app of XmlHttpRequest2, and an HTTP server."""
    from rig.suite.xhr_scene import XhrScene

    return XhrScene(bench, http_server)


@pytest.fixture
def http(bench: Bench, http_server: Any) -> HttpScene:
    """A bench with the app of HTTP channels, and an HTTP server."""
    from rig.suite.http_scene import HttpScene

    return HttpScene(bench, http_server)


@pytest.fixture
def transfers(bench: Bench, http_server: Any) -> TransferScene:
    """A bench with the app of background transfers, and an HTTP server."""
    from rig.suite.transfer_scene import TransferScene

    return TransferScene(bench, http_server)


@pytest.fixture
def push(bench: Bench) -> Iterator[PushScene]:
    """A bench with the app of raw push notifications, and a push service."""
    from rig.suite.push_scene import PushScene

    with bench.peers.push_service() as service:
        yield PushScene(bench, service)


@pytest.fixture(scope="session")
def light_benches() -> Iterator[LightBenches]:
    """Devices on cables of their own, by what a test runs on."""
    from rig.suite.light_bench import LightBenches

    with LightBenches() as benches:
        yield benches


@pytest.fixture
def door(request: pytest.FixtureRequest, rig_combination: Any, light_benches: LightBenches) -> StandbyDoor:
    """The device alone, with its serial line and its wire: for what it does with a frame, whoever its host is."""
    return light_benches.door(request, rig_combination)
