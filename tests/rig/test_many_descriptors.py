"""A test process that has many descriptors open can still make a bench: select(2) knows none above 1023."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.bench import Bench
from rig.config import BenchConfig
from rig.net import userns
from rig.suite.scene import CHAT_APP

MANY = 1100


@pytest.fixture
def many_open() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 2 * MANY:
        pytest.skip(f"this process may open {hard} descriptors at most")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2 * MANY), hard))
    fds = [os.open("/dev/null", os.O_RDONLY) for _ in range(MANY)]
    yield
    for fd in fds:
        os.close(fd)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_bench_is_made_beside_many_open_files(many_open: None, tmp_path: Path) -> None:
    if not userns.privileged():
        pytest.skip(userns.refusal().cause)
    with Bench(BenchConfig(), tmp_path) as bench:
        app = bench.host.start_app("chat", CHAT_APP)
        app.call("open_channel", channel="inbox", host=bench.server.address, port=bench.server.port)
        bench.host.enter_standby()
        bench.server.push(b"hello")
        assert bench.host.wait_for("TASK_DATA").data == b"hello".hex()
