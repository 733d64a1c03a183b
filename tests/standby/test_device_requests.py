"""What the bench asks of the device over the host's control channel, when it is no request that a device could get."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rig.bench import Bench
from rig.config import BenchConfig
from rig.device import mcumgr
from rig.device.numbers import GROUP_OFFLOAD, READ, Command
from rig.errors import UsageError
from rig.net import userns
from rig.standby.wire.hresult import HostError

pytestmark = pytest.mark.skipif(not userns.privileged(), reason="needs namespaces")
ECHO_BYTES = 8 + 6
"""Of an echo without its text: header, map, key "d", length of the text."""
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


def test_what_the_device_would_drop_is_refused_at_once(bench: Bench) -> None:
    """It would not answer, and the error would say that cable or power are at fault."""
    most = bench.device.capabilities().max_message
    before = bench.host.link_stats()["requests"]
    with pytest.raises(UsageError, match=f"RIG-C21 a request of {most + 1} bytes .* this device takes {most}"):
        mcumgr.echo(bench.host, "x" * (most + 1 - ECHO_BYTES))
    assert bench.host.link_stats()["requests"] == before, "nothing was sent"
    longest = "x" * (most - ECHO_BYTES)
    assert mcumgr.echo(bench.host, longest) == longest
