"""An app that does not start is a failure at once, with its reason."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

import pytest

from rig.bench import Bench
from rig.config import BenchConfig
from rig.net import userns
from rig.standby.packages import START_TIMEOUT_S, AppNotStarted

APPS = """
import os, signal

class Broken:
    def __init__(self, app):
        raise RuntimeError("no mailbox")

class Crashing:
    def __init__(self, app):
        os.kill(os.getpid(), signal.SIGSEGV)

class Fine:
    def __init__(self, app):
        pass

    def own_pid(self):
        return os.getpid()
"""


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    if not userns.privileged():
        pytest.skip(userns.refusal().cause)
    folder = tmp_path_factory.mktemp("apps")
    (folder / "own_apps.py").write_text(APPS)
    sys.path.insert(0, str(folder))
    try:
        with Bench(BenchConfig(), folder) as bench:
            yield bench
    finally:
        sys.path.remove(str(folder))


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("own_aps:Fine", r"ModuleNotFoundError: No module named 'own_aps'"),
        ("own_apps:Fin", r"AttributeError: module 'own_apps' has no attribute 'Fin'"),
        ("own_apps:Broken", r"RuntimeError: no mailbox"),
        ("own_apps:Crashing", r"its process ended, signal SIGSEGV; its output stands above"),
    ],
)
def test_why_it_did_not_start_is_said_at_once(bench: Bench, entry: str, reason: str) -> None:
    started_s = time.monotonic()
    with pytest.raises(AppNotStarted, match=rf"app 'mine' \({entry}\) did not start: {reason}"):
        bench.host.start_app("mine", entry)
    assert time.monotonic() - started_s < START_TIMEOUT_S / 2


def test_a_name_is_free_again_after_a_failure_and_two_apps_of_one_name_are_two(bench: Bench) -> None:
    with pytest.raises(AppNotStarted):
        bench.host.start_app("again", "own_apps:Broken")
    first, second = (bench.host.start_app("again", "own_apps:Fine") for _ in range(2))
    assert first.name == second.name == "again"
    assert first.call("own_pid") != second.call("own_pid")
    bench.host.suspend(first)
    assert second.call("own_pid", timeout_s=5)
    with pytest.raises(TimeoutError):
        first.call("own_pid", timeout_s=0.2)
