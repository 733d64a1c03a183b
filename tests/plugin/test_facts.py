"""What a report says about the run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import Run


def test_the_images_are_those_that_ran(run_rig: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the package's, when RIG_FIRMWARE_DIR names others."""
    (tmp_path / "theirs.bin").write_bytes(b"no image")
    native = {"board": "native", "boot": "theirs", "image": "theirs.bin", "version": "9.9.9"}
    (tmp_path / "manifest.json").write_text(json.dumps({"devices": {"native": native}}))
    monkeypatch.setenv("RIG_FIRMWARE_DIR", str(tmp_path))
    _, lines = run_rig("def test_one(bench): pass")
    assert {name: text for name, text in lines[0].items() if name.startswith("firmware")} == {
        "firmware native": "9.9.9, image damaged"
    }


def test_of_what_is_built_only_the_devices_of_the_run_are_named(run_rig: Run) -> None:
    """Of a board of another make nothing is: a report named our images, as if they had run on it."""
    _, lines = run_rig("def test_one(): pass", "--device", "reference")
    assert [name for name in lines[0] if name.startswith("firmware")] == []


def test_a_report_names_what_the_device_says_that_it_runs(run_rig: Run) -> None:
    """Of a device that the build does not have nobody else can tell. Asked once, told of each test."""
    code, lines = run_rig("def test_one(bench): pass\ndef test_two(bench): pass")
    assert code == 0
    attempts = [line for line in lines if line["kind"] == "attempt"]
    said = "9.9.9+0 on theirs, image 0123456789ab"
    assert [line["firmware"] for line in attempts] == [said, said]
