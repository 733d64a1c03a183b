"""The signing key: private, outside what `make clean` removes, one for a user's clones, said where it is."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rig.device import image, signing_key

ROOT = Path(__file__).parents[2]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's data directory, with the rights that a careless shell leaves to everybody."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data home"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("RIG_SIGNING_KEY", raising=False)
    return tmp_path / "data home" / "offload-rig" / "keys"


def run(*argv: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(argv, cwd=cwd, capture_output=True, text=True, check=False, umask=0, timeout=60)


def module(*arguments: str) -> subprocess.CompletedProcess[str]:
    return run(sys.executable, "-m", "rig.device.signing_key", *arguments)


def firmware_make(build: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    options = (f"B={build}", f"PYTHON={sys.executable}", "THIRD=build/third_party")
    return run("make", "-s", "-C", str(ROOT / "firmware"), *options, *arguments)


def test_the_first_build_makes_a_key_that_nobody_else_reads(home: Path, tmp_path: Path) -> None:
    header = tmp_path / "generated" / "signing_key.h"
    made = firmware_make(tmp_path, str(header))
    key = home / "signing_key.pem"
    assert f"signing key made: {key}" in made.stdout, made.stderr
    assert (stat.S_IMODE(key.stat().st_mode), stat.S_IMODE(home.stat().st_mode)) == (0o600, 0o700)
    assert [file.name for file in home.iterdir()] == ["signing_key.pem"]
    first = header.read_text()
    header.unlink()
    firmware_make(tmp_path, str(header))
    assert header.read_text() == first


def test_two_first_builds_at_once_have_one_key(home: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        assert {done.returncode for done in pool.map(lambda _: module("make"), range(4))} == {0}
    assert [file.name for file in home.iterdir()] == ["signing_key.pem"]


def test_make_clean_keeps_the_key_of_an_older_clone(home: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    old = clone / "firmware/build/keys/signing_key.pem"
    old.parent.mkdir(parents=True)
    old.write_text("the key")
    done = run("make", "-f", str(ROOT / "Makefile"), "clean", f"PYTHON={sys.executable}", cwd=clone)
    assert (done.returncode, done.stderr) == (
        0,
        f"the signing key is in {home}/signing_key.pem now, where make clean leaves it\n",
    )
    assert (home / "signing_key.pem").read_text() == "the key"
    assert stat.S_IMODE((home / "signing_key.pem").stat().st_mode) == 0o600
    assert not (clone / "firmware/build").exists()


def test_the_key_of_a_second_clone_is_kept_beside_it(home: Path, tmp_path: Path) -> None:
    """A board may trust that one alone."""
    for content in ("first", "second", "first"):
        old = tmp_path / "keys" / "signing_key.pem"
        old.parent.mkdir(exist_ok=True)
        old.write_text(content)
        done = firmware_make(tmp_path, "-n", "image")
        assert not old.exists()
        if content == "second":
            kept = next(home.glob("signing_key-*.pem"))
            assert f"RIG_SIGNING_KEY={kept}" in done.stderr
            assert kept.read_text() == "second"
    assert (home / "signing_key.pem").read_text() == "first"


def test_a_named_key_that_is_not_there_is_not_made(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = tmp_path / "lab.pem"
    monkeypatch.setenv("RIG_SIGNING_KEY", str(named))
    done = firmware_make(tmp_path, str(tmp_path / "generated" / "signing_key.h"))
    assert (done.returncode, named.exists(), home.exists()) == (2, False, False)
    assert f"error: RIG-F07 RIG_SIGNING_KEY names {named}, which does not exist\n  fix: " in done.stderr


@pytest.mark.parametrize("folder", ["o'brien", "two words", "'", 'it\'s "mine"'])
def test_a_named_key_may_lie_anywhere(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str) -> None:
    named = tmp_path / folder / "lab.pem"
    named.parent.mkdir()
    imgtool = str(Path(sys.executable).parent / "imgtool")
    run(imgtool, "keygen", "--type", "ed25519", "--key", str(named))
    monkeypatch.setenv("RIG_SIGNING_KEY", str(named))
    header = tmp_path / "generated" / "signing_key.h"
    done = firmware_make(tmp_path, str(header))
    assert done.returncode == 0, done.stderr
    assert "signing_key_der" in header.read_text()
    payload = tmp_path / "native" / "payload.bin"
    payload.parent.mkdir()
    payload.write_bytes(bytes(100))
    signed = tmp_path / "signed.bin"
    done = firmware_make(tmp_path, "image", "BOARD=native", f"OUT={signed}", f"--assume-old={payload}")
    assert done.returncode == 0, done.stderr
    assert image.load(signed).key_hash
    through = run("make", "-s", "-C", str(ROOT), "-pn", "help").stdout
    assert f"RIG_SIGNING_KEY := {named}\n" in through


@pytest.mark.parametrize("damage", ["empty", "no key", "a dangling link", "a directory", "of another kind"])
def test_a_key_that_cannot_sign_is_told_once_and_leaves_no_header(home: Path, tmp_path: Path, damage: str) -> None:
    """No traceback of imgtool, and no empty header that a later build takes for a key."""
    home.mkdir(parents=True)
    key, header = home / "signing_key.pem", tmp_path / "generated" / "signing_key.h"
    if damage == "a dangling link":
        key.symlink_to("/nowhere/key.pem")
    elif damage == "a directory":
        key.mkdir()
    elif damage == "of another kind":
        run(str(Path(sys.executable).parent / "imgtool"), "keygen", "--type", "ecdsa-p256", "--key", str(key))
    else:
        key.write_text("" if damage == "empty" else damage)
    done = firmware_make(tmp_path, str(header))
    assert (done.returncode, header.exists()) == (2, False)
    assert f"error: RIG-F07 {key} is no key to sign with: " in done.stderr
    assert "Traceback" not in done.stderr


def test_an_empty_key_of_an_older_build_is_not_adopted(home: Path, tmp_path: Path) -> None:
    """It would be this user's for ever."""
    old = tmp_path / "signing_key.pem"
    old.touch()
    assert module("path", str(old)).returncode == 0
    assert not old.exists()
    assert not home.exists()


def test_a_user_without_a_home_or_without_the_right_hears_where_to_keep_it(tmp_path: Path) -> None:
    """A container's number for a user has no row in passwd; another user's directory is closed."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to be somebody else")
    (tmp_path / "offload-rig").mkdir(mode=0o700)
    program = f"import os, sys; sys.path = {sys.path!r}; import imgtool.keys, rig.device.signing_key as k; os.setuid(54321)\n"
    for place, reason in (("", "this user has no home directory"), (str(tmp_path), "Permission denied")):
        environment = {"PATH": os.environ["PATH"], "XDG_DATA_HOME": place}
        for words in (["make"], ["path", "/none"]) if not place else (["make"],):
            argv = [sys.executable, "-c", f"{program}sys.exit(k.main({words!r}))"]
            done = subprocess.run(argv, capture_output=True, text=True, env=environment, check=False)
            assert (done.returncode, done.stderr.count("\n")) == (6, 2), done.stderr
            assert done.stderr.startswith("error: RIG-T03 no signing key can be kept")
            assert reason in done.stderr


def test_doctor_and_help_say_where_it_is(home: Path) -> None:
    key = home / "signing_key.pem"
    assert str(key) in run(sys.executable, "-m", "rig", "help", "signing-key").stdout
    assert doctors_row()["reason"] == f"none yet: the first build makes {key}"
    module("make")
    assert doctors_row()["reason"].endswith(f" in {key}")
    key.chmod(0o644)
    assert (doctors_row()["state"], doctors_row()["fix"]) == ("warn", f"chmod 600 {key}")
    key.write_text("no key")
    assert doctors_row()["state"] == "no"


def doctors_row() -> dict[str, str]:
    checks: list[dict[str, str]] = json.loads(run(sys.executable, "-m", "rig", "doctor", "--json").stdout)["checks"]
    return next(check for check in checks if check["name"] == "signing key")


def test_the_fingerprint_is_that_of_an_image_signed_with_it(home: Path, tmp_path: Path) -> None:
    """So that a refused image and the key in use can be told apart."""
    module("make")
    key, raw, made = home / "signing_key.pem", tmp_path / "raw", tmp_path / "signed.bin"
    raw.write_bytes(bytes(64))
    options = ["--version", "1.0.0", "--header-size", "0x20", "--pad-header", "--slot-size", "0x1000", "--align", "4"]
    run(str(Path(sys.executable).parent / "imgtool"), "sign", *options, "--key", str(key), str(raw), str(made))
    assert signing_key.fingerprint(key) == image.load(made).key_hash.hex()[:8]
