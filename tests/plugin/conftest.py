"""Runs the plugin inside a pytest of its own, with a bench that only writes a timeline."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

import pytest

from tests import forked

FAKE_BENCH = '''
import os, sys, time, types
import pytest
from rig.device.numbers import ResetCause
from rig.device.offload_types import Hello
from rig.errors import BenchError
from rig.timeline import Timeline

SETUPS = []

class Device:
    def hello(self):
        return Hello(1, 1, "theirs", bytes.fromhex("0123456789ab") + bytes(20), 0, 1, "9.9.9+0", True, ResetCause.POWER_ON)

class Bench:
    """Fails its set-up as often as FAIL_SETUPS says."""
    fail_setups = 0
    fail_closes = 0

    def __init__(self, config, artefacts):
        self.config, self.artefacts = config, artefacts

    def __enter__(self):
        self.timeline = Timeline(self.artefacts / "timeline.jsonl")
        self.timeline.add("POWER", state="active")
        (self.artefacts / "serial.log").write_text("boot\\n")
        SETUPS.append(self.config)
        if Bench.fail_setups:
            Bench.fail_setups -= 1
            raise BenchError("RIG-B03", "no answer", "power cycle it")
        self.device = Device()
        self.host = self.server = self.inject = self.capture = object()
        return self

    def __exit__(self, *_):
        self.timeline.add("CLOSED")
        self.timeline.close()
        if Bench.fail_closes:
            Bench.fail_closes -= 1
            raise BenchError("RIG-N09", "left something behind")

module = types.ModuleType("rig.bench")
module.Bench, module.Device, module.SETUPS = Bench, Device, SETUPS
sys.modules["rig.bench"] = module
'''


@pytest.fixture
def fake_bench(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A directory whose tests get the fake bench. A run of them has a process of its own, which imports nothing anew."""
    pytester.makeconftest(FAKE_BENCH)
    pytester.plugins.append("no:hypothesispytest")

    def popen(command: Sequence[str], stdout: IO[str], stderr: IO[str], **_: object) -> forked.Forked:
        arguments = [str(word) for word in command[2:]]
        environment = {**os.environ, "PYTHONPATH": str(pytester.path)}
        return forked.start(lambda: int(pytest.main(arguments)), pytester.path, environment, stdout, stderr)

    monkeypatch.setattr(pytester, "popen", popen)
    return pytester


Run = Callable[..., tuple[int, list[dict[str, Any]]]]


@pytest.fixture
def run_rig(fake_bench: pytest.Pytester) -> Run:
    """Run a file of tests with reports; gives the exit code and the record's lines."""

    def run(source: str, *options: str) -> tuple[int, list[dict[str, Any]]]:
        fake_bench.makepyfile(test_it=source)
        result = fake_bench.runpytest_subprocess("--rig-reports=reports", *options)
        path = fake_bench.path / "reports" / "latest" / "results.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return int(result.ret), [json.loads(line) for line in lines]

    return run


@pytest.fixture
def run_dir(fake_bench: pytest.Pytester) -> Path:
    """Where the reports of `run_rig` are."""
    return fake_bench.path / "reports" / "latest"
