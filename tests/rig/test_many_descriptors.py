"""A test process that has many descriptors open can still make a bench: select(2) knows none above 1023. And one that runs many
tests does not come to have many."""

from __future__ import annotations

import gc
import os
import resource
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.bench import Bench
from rig.config import BenchConfig
from rig.net import userns
from rig.suite.scene import CHAT_APP
from tests.device.kinds import KINDS
from tests.open_files import MOST, OpenFiles

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


@pytest.mark.parametrize("kind", KINDS)
def test_a_bench_is_made_beside_many_open_files(many_open: None, tmp_path: Path, kind: str) -> None:
    if not userns.privileged():
        pytest.skip(userns.refusal().cause)
    with Bench(BenchConfig(device=kind), tmp_path) as bench:
        app = bench.host.start_app("chat", CHAT_APP)
        app.call("open_channel", channel="inbox", host=bench.server.address, port=bench.server.port)
        bench.host.enter_standby()
        bench.server.push(b"hello")
        assert bench.host.wait_for("TASK_DATA").data == b"hello".hex()


@pytest.fixture
def watch() -> OpenFiles:
    gc.collect()  # what tests before have left would be closed in the middle of what is counted
    return OpenFiles()


def test_tests_that_leave_descriptors_open_are_told_of(watch: OpenFiles) -> None:
    pipes = [os.pipe() for _ in range(MOST)]
    try:
        with pytest.raises(pytest.fail.Exception, match=f"left {2 * MOST} descriptors open; .* pipe"):
            watch.look()
        watch.look()  # once
    finally:
        for fd in (fd for ends in pipes for fd in ends):
            os.close(fd)


def test_what_only_waits_to_be_collected_is_no_fault(watch: OpenFiles) -> None:
    for _ in range(MOST):
        ends = [*socket.socketpair()]
        ends.append(ends)  # type: ignore[arg-type]
    watch.look()
