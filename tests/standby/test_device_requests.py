"""What the bench asks of the device over the host's control channel, when it is no request that a device could get."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rig.bench import Bench
from rig.config import BenchConfig
from rig.device.numbers import GROUP_OFFLOAD, READ, Command
from rig.net import userns
from rig.standby.wire.hresult import HostError

pytestmark = pytest.mark.skipif(not userns.privileged(), reason="needs namespaces")
RIGHT: dict[str, Any] = {"op": READ, "group": GROUP_OFFLOAD, "command": Command.STATUS, "body": {}}
WRONG: list[dict[str, Any]] = [
    {"op": -1},
    {"op": 8},
    {"group": 1 << 16},
    {"command": 256},
    {"body": {"more than 64 bits": 1 << 64}},
    {"timeout_s": -1.0},
    {"timeout_s": math.nan},
    {"timeout_s": math.inf},
    {"retries": -1},
    {"retries": 10**9},
]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with Bench(BenchConfig(), Path(tmp_path_factory.mktemp("bench"))) as bench:
        yield bench


@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_what_cannot_be_asked_is_its_callers_fault_and_the_driver_serves_on(bench: Bench, wrong: dict[str, Any]) -> None:
    with pytest.raises(HostError, match="INVALID_ARG"):
        bench.host.request(**{**RIGHT, **wrong})
    assert bench.host.request(**RIGHT)
    assert not bench.timeline.find("SERVICE_FAULT")
