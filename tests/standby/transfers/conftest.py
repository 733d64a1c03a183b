"""A server, and processes of background transfers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeAlias, cast

import pytest

from rig.net.namespace import Namespace
from rig.peers.http import HttpServer
from rig.timeline import Timeline
from tests.standby.transfers.engine import Here
from tests.standby.transfers.scene import Scene, play

Play: TypeAlias = Callable[[Callable[[Scene], Awaitable[None]]], None]


@pytest.fixture
def timeline(tmp_path: Path) -> Iterator[Timeline]:
    timeline = Timeline(tmp_path / "timeline.jsonl")
    yield timeline
    timeline.close()


@pytest.fixture
def web(timeline: Timeline) -> Iterator[HttpServer]:
    with HttpServer(cast(Namespace, Here()), "127.0.0.1", timeline.writer("server")) as server:
        yield server


@pytest.fixture
def play_scene(tmp_path: Path, timeline: Timeline) -> Play:
    return lambda scene: play(tmp_path, timeline, scene)


@pytest.fixture
def other(timeline: Timeline) -> Iterator[HttpServer]:
    with HttpServer(cast(Namespace, Here()), "127.0.0.1", timeline.writer("other")) as server:
        yield server
