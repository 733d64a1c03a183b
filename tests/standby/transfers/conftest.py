from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from rig.net.namespace import Namespace
from rig.peers.http import HttpServer
from rig.timeline import Timeline
from tests.standby.transfers.engine import Here


@pytest.fixture
def web(tmp_path: Path) -> Iterator[HttpServer]:
    timeline = Timeline(tmp_path / "timeline.jsonl")
    with HttpServer(cast(Namespace, Here()), "127.0.0.1", timeline.writer("server")) as server:
        yield server
    timeline.close()
