"""What an app keeps stays its own, whatever it is called."""

from __future__ import annotations

from pathlib import Path

import pytest

from rig.standby.wire.app_data import data_of

NAMES = ["mail", "Contoso.Mail", "..", ".", "", "a/b", "../mail", "/etc", "%", "mail\0", "Пошта"]


@pytest.mark.parametrize("name", NAMES)
def test_its_folder_stands_in_the_folder_of_all(name: str, tmp_path: Path) -> None:
    folder = data_of(tmp_path, name)
    assert folder.resolve().parent == tmp_path.resolve()
    folder.mkdir()


def test_two_apps_have_two() -> None:
    assert len({data_of(Path("apps"), name) for name in NAMES}) == len(NAMES)
