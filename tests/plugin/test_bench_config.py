"""The mark `bench_config` above a bench.toml: what it changes, what it leaves, and how a wrong one is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Run

BENCH_TOML = "[standby]\nlease_min = 60\nlinger_ms = 5\n"


def source(arguments: str, body: str) -> str:
    mark = f"@pytest.mark.bench_config({arguments})\n"
    return f"import pytest\nfrom rig.config import StandbyConfig\n{mark}def test_one(bench):\n    {body}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        "standby=StandbyConfig(hw_slots_total=1, lease_min=30)",
        "standby={'hw_slots_total': 1, 'lease_min': 30}",
        "hw_slots_total=1, lease_min=30",
        "standby={'hw_slots_total': 1}, lease_min=30",
    ],
)
def test_the_rest_of_the_file_stays(run_rig: Run, tmp_path: Path, arguments: str) -> None:
    (tmp_path / "bench.toml").write_text(BENCH_TOML)
    body = "s = bench.config.standby; assert (s.hw_slots_total, s.lease_min, s.linger_ms) == (1, 30, 5)"
    code, lines = run_rig(source(arguments, body), f"--bench-config={tmp_path / 'bench.toml'}")
    assert code == 0, lines


def test_a_field_by_its_name_may_be_the_default_again(run_rig: Run, tmp_path: Path) -> None:
    (tmp_path / "bench.toml").write_text(BENCH_TOML)
    body = "assert bench.config.standby.lease_min == 1440"
    assert run_rig(source("standby={'lease_min': 1440}", body), f"--bench-config={tmp_path / 'bench.toml'}")[0] == 0


def test_a_devices_variant_is_the_device_that_is_tested(run_rig: Run) -> None:
    body = "assert bench.config.device == 'native:minimal'"
    code, lines = run_rig(source("lease_min=60", body), "--device=native:minimal")
    assert code == 0, lines


def test_marks_of_class_and_test_add_up(run_rig: Run) -> None:
    code, lines = run_rig(
        """
        import pytest
        from rig.config import StandbyConfig

        @pytest.mark.bench_config(standby=StandbyConfig(lease_min=30))
        class TestIt:
            @pytest.mark.bench_config(standby=StandbyConfig(hw_slots_total=1))
            def test_one(self, bench):
                assert (bench.config.standby.lease_min, bench.config.standby.hw_slots_total) == (30, 1)
        """
    )
    assert code == 0, lines


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("standby=5", "RIG-C12 bench_config(standby=5): expected a StandbyConfig(...) or a dict of its fields"),
        ("standby={'lease': 5}", "RIG-C12 bench_config has no field standby.lease\n  fix: did you mean lease_min?"),
        ("topologie='flat'", "RIG-C12 bench_config has no field topologie\n  fix: did you mean topology?"),
        ("minute_us=0", "RIG-C12 bench_config: minute_us 0 is not within"),
    ],
)
def test_a_wrong_one_is_said(run_rig: Run, arguments: str, words: str) -> None:
    code, lines = run_rig(source(arguments, "pass"))
    assert code == 4
    (error,) = (phase["error"] for line in lines if line["kind"] == "attempt" for phase in line["phases"] if "error" in phase)
    assert error.startswith(words)
