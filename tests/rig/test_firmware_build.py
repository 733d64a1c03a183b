"""The firmware's Makefile: objects are compiled again when their flags changed, or when what goes with them is missing; each
profile is that of a build."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

FIRMWARE = Path(__file__).parents[2] / "firmware"
Build = Callable[..., Path]


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """Makes one object of the board's in a directory of its own; `variables` as on make's command line."""
    if shutil.which("arm-none-eabi-gcc") is None:
        pytest.skip("arm-none-eabi-gcc is not installed")
    source = min((FIRMWARE / "core").glob("*.c"))
    target = tmp_path / "mps2" / "core" / f"{source.stem}.o"

    def make(*variables: str) -> Path:
        directories = (f"B={tmp_path}", "THIRD=build/third_party")
        subprocess.run(
            ["make", "-s", "-C", str(FIRMWARE), *directories, *variables, str(target)], check=True, capture_output=True
        )
        return target

    return make


def test_an_object_stays_while_nothing_changes(build: Build) -> None:
    assert build().stat().st_mtime_ns == build().stat().st_mtime_ns


@pytest.mark.parametrize(
    "change", ["RELEASE=1", "LDFLAGS_mps2=-nostdlib", "FLAGS_mps2=-mcpu=cortex-m3 -mthumb -fcallgraph-info=su"]
)
def test_other_flags_make_other_objects(build: Build, change: str) -> None:
    before = build().stat().st_mtime_ns
    assert build(change).stat().st_mtime_ns > before


def test_a_lost_call_graph_is_made_again(build: Build) -> None:
    calls = build().with_suffix(".ci")
    calls.unlink()
    build()
    assert calls.exists()


def test_each_profile_is_that_of_a_build_and_on_the_page() -> None:
    """One that no build names is compiled by nobody, whatever the page says of it."""
    headers = {path.stem.removeprefix("profile_") for path in FIRMWARE.glob("core/profile_*.h")}
    ports = "".join(path.read_text() for path in FIRMWARE.glob("port/*/port.mk"))
    page = (FIRMWARE / "README.md").read_text().partition("## Profiles")[2].partition("\n## ")[0]
    assert set(re.findall(r"^PROFILE_\S+ := (\w+)$", ports, re.MULTILINE)) == headers
    assert set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == headers


def test_a_part_is_taken_away_from_a_profile_that_has_none_of_it_alone(tmp_path: Path) -> None:
    """Else a device would claim what it does not do."""
    for part in ("offloads", "payload_ka"):
        target = tmp_path / "native" / "core" / "without" / f"{part}.o"
        command = ["make", "-s", "-C", str(FIRMWARE), f"B={tmp_path}", "THIRD=build/third_party", str(target)]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        assert done.returncode != 0
        assert f"WITHOUT_ of this profile takes {part} away" in done.stderr
