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
