"""What a run may have of memory and network, on real processes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rig.bench import Bench
from rig.config import BenchConfig, StandbyConfig
from rig.net import userns
from rig.standby.app_handle import AppHandle
from rig.timeline import Record

MIB = 1 << 20
LIMIT_MB = 32


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    if not userns.privileged():
        pytest.skip(userns.refusal().cause)
    rules = StandbyConfig(memory_limit_mb=LIMIT_MB)
    with Bench(BenchConfig(standby=rules), tmp_path_factory.mktemp("limits")) as bench:
        yield bench
        assert bench.timeline.find("SERVICE_FAULT") == []


@pytest.fixture
def app(bench: Bench, request: pytest.FixtureRequest) -> Iterator[AppHandle]:
    app = bench.host.start_app(f"app {request.node.name}", "tests.standby.limited_app:Limited")
    app.call("set_server", address=bench.server.address, port=bench.server.port)
    yield app
    bench.host.exit_standby()
    app.terminate()
    app.close()


def ended(bench: Bench, app: AppHandle, task: str, *, own_process: bool = True, network: bool = False) -> Record:
    """Register it, and the user leaves; returns how its instance ends."""
    bench.host.levers.user_is_back()
    app.call("register", task=task, own_process=own_process, network=network)
    return user_leaves(bench, app)


def user_leaves(bench: Bench, app: AppHandle) -> Record:
    after = bench.timeline.mark()
    bench.host.levers.user_leaves()
    return bench.timeline.wait("TASK_END", app=app.name, after=after)


def test_a_task_sees_what_it_has_allocated_and_may_and_handles_that_it_gets_no_more(bench: Bench, app: AppHandle) -> None:
    """BGT-029."""
    assert ended(bench, app, "Measures").fault is None
    before, after, limit = app.call("noted")
    assert limit == LIMIT_MB * MIB
    assert 16 * MIB <= after - before < 17 * MIB
    assert before < 8 * MIB


def test_a_task_that_does_not_handle_it_is_killed_at_once(bench: Bench, app: AppHandle) -> None:
    """BGT-029: without an event of cancellation; the app lives."""
    assert ended(bench, app, "Hoards").reason == "killed"
    assert bench.timeline.find("TASK_KILLED", app=app.name, process="task host")
    assert not bench.timeline.find("CANCEL_SENT", app=app.name)
    assert not app.ended


@pytest.mark.parametrize("own_process", [True, False], ids=["own process", "app"])
@pytest.mark.parametrize(("standby", "requested", "reached"), [(True, False, False), (True, True, True), (False, False, True)])
def test_in_standby_a_run_has_a_network_when_it_was_asked_for(
    bench: Bench, app: AppHandle, own_process: bool, standby: bool, requested: bool, reached: bool
) -> None:
    """BGT-015, BGT-016."""
    bench.host.levers.user_is_back()
    app.call("register", task="Connects", own_process=own_process, network=requested)
    if standby:
        bench.host.enter_standby()
    end = user_leaves(bench, app)
    assert end.fault == (None if reached else "OSError: [Errno 101] Network is unreachable")
