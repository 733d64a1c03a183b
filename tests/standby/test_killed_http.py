"""SIGKILL of the system at random moments of long polls: each response has one task, and the next request is always there."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.bench import Bench
from rig.config import BenchConfig
from rig.net import userns
from rig.standby.calls import SystemRestarted
from rig.suite.http_scene import POLL, HttpScene
from tests.standby.killing import kill_system_again

pytestmark = pytest.mark.skipif(not userns.privileged(), reason="needs namespaces")

KILLS = int(os.environ.get("RIG_KILLS", "25"))
SPREAD_S = 0.1
"""From a response on: the wake, the task, the next request with its slot, the linger time, and a moment of sleep."""


@pytest.fixture
def http(tmp_path: Path) -> Iterator[HttpScene]:
    with Bench(BenchConfig(), tmp_path) as bench, bench.peers.http_server() as web:
        yield HttpScene(bench, web)


def test_no_response_is_lost_and_none_runs_two_tasks(http: HttpScene) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    moments = random.Random(seed)
    http.polling()
    http.sleep()
    answered = [f"news {number}" for number in range(KILLS)]
    for number, text in enumerate(answered):
        request, after = http.web.request(number, path=POLL), http.timeline.mark()
        request.respond(200, text.encode())
        time.sleep(moments.uniform(0, SPREAD_S))
        kill_system_again(http.host, number)
        http.timeline.wait("http-message", message=text, after=after)
    http.web.request(KILLS, path=POLL)
    http.timeline.wait("RUN_EXIT", kind="push", count=KILLS)
    try:
        http.host.exit_standby()
    except SystemRestarted:
        http.host.exit_standby()
    assert http.client.call("messages") == answered
    assert len(http.timeline.find("RUN_ENTER", kind="push")) == KILLS
    assert len(http.web.open_connections) == 1
    assert len(http.device.slots()) == 1
    http.client.call("close", channel="inbox")
    assert http.device.slots() == ()
    assert not [record for record in http.timeline.find("RUN_EXIT") if record.fault]
    assert not http.timeline.find("SERVICE_FAULT")
