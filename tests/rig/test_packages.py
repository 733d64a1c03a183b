"""What `make test` installs: everything that its tests need, so that none is skipped on a bare machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / ".ci" / "packages.sh"


def missing_without(tmp_path: Path, hidden: str, *arguments: str) -> str:
    """What the script says where every command but `hidden` and apt-get can be found."""
    programs = tmp_path / "bin"
    programs.mkdir(exist_ok=True)
    for folder in os.environ["PATH"].split(os.pathsep):
        for program in Path(folder).glob("*") if Path(folder).is_dir() else ():
            if program.name not in (hidden, "apt-get") and not (programs / program.name).is_symlink():
                (programs / program.name).symlink_to(program)
    environment = {**os.environ, "PATH": str(programs)}
    sh = shutil.which("sh")
    assert sh is not None
    done = subprocess.run([sh, SCRIPT, sys.executable, *arguments], env=environment, capture_output=True, text=True, check=False)
    return done.stderr.partition("\n")[0]


@pytest.mark.parametrize("program", ["tshark", "libwebsockets-test-server"])
def test_what_only_tests_use_is_for_tests_alone(tmp_path: Path, program: str) -> None:
    assert f" {program}" in missing_without(tmp_path, program, "test")
    assert f" {program}" not in missing_without(tmp_path, program)
