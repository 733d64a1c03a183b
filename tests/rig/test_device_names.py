"""Which devices there are is what the build's manifest lists: a name is a kind, or KIND:VARIANT."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rig import cli, doctor
from rig.device import images
from rig.device.factory import create
from rig.errors import UsageError
from rig.exit_codes import Exit
from rig.runner import combinations

FIRMWARE = Path(__file__).parents[2] / "firmware"
ROWS: dict[str, dict[str, Any]] = {
    "native": {"board": "native", "boot": "native/boot", "image": "native/image", "flash_bytes": 4096},
    "native:tiny": {"board": "native", "boot": "tiny/boot"},
    "board:desk": {"board": "desk-1", "boot": "desk/boot", "image": "desk/image"},
}


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of images with three devices, one of them no process of this machine."""
    monkeypatch.setenv("RIG_FIRMWARE_DIR", str(tmp_path))
    (tmp_path / "manifest.json").write_text(json.dumps({"devices": ROWS}))
    for row in ROWS.values():
        for file in row.keys() & {"boot", "image"}:
            (tmp_path / str(row[file])).parent.mkdir(exist_ok=True)
            (tmp_path / str(row[file])).write_bytes(b"")
    return tmp_path


@pytest.mark.usefixtures("built")
def test_a_name_that_the_build_does_not_have_is_refused_with_those_it_has() -> None:
    for refused in (lambda: combinations.check_word("native:huge"), lambda: create("native:huge"), lambda: create("qemu")):
        with pytest.raises(UsageError, match=r"RIG-C10 there is no device '(native:huge|qemu)'") as caught:
            refused()
        assert caught.value.fix == "--device native, native:tiny, reference or board:PORT"
    assert combinations.check_word("native:tiny") == "native"
    assert combinations.check_word("board:/dev/ttyACM7") == "board"


@pytest.mark.parametrize(
    "content",
    [
        b"{bad", b"\xff\xfe", b"null", b"[]", b"{}", b'{"devices": []}', b'{"devices": {"native": []}}',
        b'{"devices": {"native": {"board": "native"}}}', b'{"devices": {"native": {"board": "native", "boot": 3}}}',
        b'{"devices": {"native": {"board": "native", "boot": "b", "flash_bytes": "many"}}}',
    ],
)  # fmt: skip
def test_a_broken_list_is_said_with_its_remedy(built: Path, content: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    (built / "manifest.json").write_bytes(content)
    assert cli.main(["serve", "--device", "native"]) == Exit.BENCH_ERROR
    assert f"RIG-T02 {built / 'manifest.json'} is no list of devices" in capsys.readouterr().err
    rows = [check for check in doctor.examine() if check.name == "native firmware"]
    assert [(check.state, "is no list of devices" in check.reason) for check in rows] == [("no", True)]


@pytest.mark.usefixtures("built")
def test_auto_takes_those_without_a_variant() -> None:
    assert combinations.devices(["auto"]) == ["native"]


def test_a_board_takes_the_image_that_is_for_it(built: Path) -> None:
    assert [images.of_board(board) for board in ("desk-1", "native", "toaster")] == ["board:desk", "native", ""]
    assert images.firmware("board:desk").image == built / "desk" / "image"


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize("command", [["flash", "--device", "native:tiny"], ["serve", "--device", "native:tiny", "--erased"]])
def test_what_has_no_flash_is_not_flashed(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(command) == 4
    assert "RIG-C05 a native:tiny device has no flash" in capsys.readouterr().err


def test_a_port_is_one_folder(tmp_path: Path) -> None:
    """A folder beside the others is built, and is in the manifest."""
    tree = tmp_path / "firmware"
    shutil.copytree(FIRMWARE, tree, ignore=shutil.ignore_patterns("build", "corpus"))
    shutil.copytree(tree / "port" / "native", tree / "port" / "other")
    for path in (tree / "port" / "other").iterdir():
        path.write_text(path.read_text().replace("native", "other"))
    listed = tree / "port" / "other" / "devices.toml"
    listed.write_text(listed.read_text().replace("[other]", '["native:other"]'))
    make = ["make", "-n", "-C", str(tree), f"PYTHON={sys.executable}", "other"]
    planned = subprocess.run(make, check=True, capture_output=True, text=True).stdout
    assert "port/other/port.c" in planned
    assert "core/engine.c" in planned
    assert "port/native/port.c" not in planned

    listing = ["make", "-n", "-C", str(tree), f"PYTHON={sys.executable}", "../rig/firmware_images/manifest.json"]
    plan = subprocess.run(listing, check=True, capture_output=True, text=True).stdout
    profiles = re.findall(r"--profile (other\S*)", plan)
    assert profiles == ["other=full", "other-minimal=minimal"]

    out = tmp_path / "manifest.json"
    arguments = ["--version", "1.2.3", "--size-tool", "size", "--build", str(tmp_path), "--out", str(out)]
    arguments += ["--profile", "other=tiny"]
    subprocess.run([sys.executable, "manifest.py", *arguments, *sorted(tree.glob("port/*/devices.toml"))], cwd=tree, check=True)
    found = images.listed(tmp_path)["native:other"]
    assert (found.board, found.boot, found.flash_bytes) == ("other", tmp_path / "other" / "offload-boot", 1 << 20)
    assert found.profile == "tiny"


@pytest.mark.parametrize(
    ("listed", "said"),
    [
        ("[native", "Expected ']' at the end of a table declaration"),
        ("native = 1", 'native: a device is a table, ["KIND:VARIANT"] and its keys'),
        ('[native]\nbuild = "a"', "native: board, boot missing"),
        ('[native]\nbuild = "a"\nboard = "b"\nboot = 7', "native: boot = 7 is no text"),
        (
            '[native]\nbuild = "a"\nboard = "b"\nboot = "c"\nflash_memory_bytes = "1"',
            "flash_memory_bytes = '1' is no whole number",
        ),
        ("\xff", "can't decode byte"),
    ],
    ids=["no TOML", "no table", "missing", "no text", "no number", "no UTF-8"],
)
def test_a_broken_list_of_devices_ends_the_build_with_its_path(tmp_path: Path, listed: str, said: str) -> None:
    path, out = tmp_path / "devices.toml", tmp_path / "manifest.json"
    path.write_text(listed, encoding="latin-1")
    arguments = ["--version", "1.2.3", "--size-tool", "size", "--build", str(tmp_path), "--out", str(out), str(path)]
    done = subprocess.run([sys.executable, FIRMWARE / "manifest.py", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"{path}: ")
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not out.exists()
