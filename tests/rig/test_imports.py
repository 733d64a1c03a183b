"""The layers of pyproject.toml hold: `make lint` refuses an import that goes up, and one that closes a circle."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINT = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache", "--no-logo"]


def lint(tree: Path) -> subprocess.CompletedProcess[str]:
    """What `make lint` says of the imports of a tree."""
    environment = {**os.environ, "PYTHONPATH": str(tree), "COLUMNS": "300"}
    return subprocess.run(LINT, cwd=tree, env=environment, capture_output=True, text=True, timeout=60)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of what the linter reads."""
    shutil.copytree(ROOT / "rig", tmp_path / "rig", ignore=shutil.ignore_patterns("firmware_images", "__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_every_import_goes_down_and_none_closes_a_circle(tree: Path) -> None:
    found = lint(tree)
    assert found.returncode == 0, found.stdout


@pytest.mark.parametrize(
    ("file", "code", "said"),
    [
        ("device/link.py", "def late():\n    import rig.standby.handle\n", "rig.device.link -> rig.standby.handle"),
        ("net/links.py", "import rig.device.framing\n", "rig.net.links -> rig.device.framing"),
        ("clock.py", "if TYPE_CHECKING:\n    import rig.timeline\n", "rig.clock -> rig.timeline"),
        ("standby/wire/line.py", "import rig.standby.nic.driver\n", "rig.standby.wire.line -> rig.standby.nic.driver"),
        ("standby/api/enums.py", "import rig.standby.nic.driver\n", "rig.standby.api.enums -> rig.standby.nic.driver"),
        ("net/machines.py", "def late():\n    import rig.net.network\n", ".machines -> .network"),
        ("odds_and_ends.py", "", "odds_and_ends"),
    ],
)
def test_the_linter_says_which_import_goes_astray(tree: Path, file: str, code: str, said: str) -> None:
    with (tree / "rig" / file).open("a") as source:
        source.write(f"\n\n{code}")
    found = lint(tree)
    assert found.returncode == 1, found.stdout
    assert said in found.stdout
