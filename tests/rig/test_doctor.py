"""What the doctor concludes and advises."""

from __future__ import annotations

from pathlib import Path

import pytest

from rig import doctor
from rig.device import images
from rig.errors import BenchError


@pytest.mark.parametrize(
    ("ports", "can"),
    [([], False), (["/dev/ttyS0", "/dev/ttyS1"], False), (["/dev/null"], True), (["/dev/null", "/dev/ttyS0"], True)],
)
def test_a_uart_of_the_machines_own_is_no_board(monkeypatch: pytest.MonkeyPatch, ports: list[str], can: bool) -> None:
    monkeypatch.setattr(doctor, "visible_ports", lambda: ports)
    monkeypatch.setattr("rig.doctor.os.access", lambda *_: True)
    assert (doctor.abilities(doctor._serial())[doctor.BOARD] == []) is can


@pytest.mark.parametrize("uid", [0, 1000])
def test_a_tun_that_is_missing_is_made_before_it_is_opened_to_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uid: int
) -> None:
    monkeypatch.setattr(doctor, "TUN", tmp_path / "net" / "tun")
    monkeypatch.setattr("rig.doctor.os.geteuid", lambda: uid)
    fix = doctor._tap_fix()
    assert f"mknod {tmp_path}/net/tun c 10 200" in fix
    assert ("sudo chmod 0666" in fix) is (uid != 0)


def test_a_peer_that_is_missing_stands_in_nobodys_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rig.peers.program.shutil.which", lambda *_args, **_options: None)
    missing = doctor._peer("nginx", "nginx-light")
    assert (missing.state, missing.fix, missing.needed_for) == ("warn", "apt install --no-install-recommends nginx-light", ())


def test_without_a_source_tree_make_firmware_is_no_advice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "PACKAGED", tmp_path / "site-packages" / "rig" / "firmware_images")
    monkeypatch.delenv("RIG_FIRMWARE_DIR", raising=False)
    with pytest.raises(BenchError) as refused:
        images.firmware("native")
    assert "RIG_FIRMWARE_DIR=" in refused.value.fix


@pytest.mark.parametrize(("hard", "state"), [(20_000, "ok"), (10_000, "warn"), (1024, "warn")])
def test_a_machine_that_lets_a_process_open_few_files_is_told_of(monkeypatch: pytest.MonkeyPatch, hard: int, state: str) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda _: (1024, hard))
    check = doctor._open_files()
    assert check.state == state
    assert ("ulimit -Hn" in check.fix) is (state == "warn")
