"""Fixtures of the conformance suite."""

from __future__ import annotations

import pytest

from rig.bench import Bench
from rig.suite.broker_scene import BrokerScene
from rig.suite.scene import Scene
from rig.suite.task_scene import TaskScene


@pytest.fixture
def scene(bench: Bench) -> Scene:
    """A bench with the chat app, and the moves that most tests make."""
    return Scene(bench)


@pytest.fixture
def tasks(bench: Bench) -> TaskScene:
    """A bench with the app of background tasks."""
    return TaskScene(bench)


@pytest.fixture
def broker(bench: Bench) -> BrokerScene:
    """A bench with the app of the socket broker."""
    return BrokerScene(bench)
