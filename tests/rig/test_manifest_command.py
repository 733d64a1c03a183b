"""`rig manifest check` says what a manifest says, or what is wrong in it; `rig help manifest` shows two that say the same."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from rig.cli import main
from rig.commands import manifest_page
from rig.exit_codes import Exit
from rig.manifest.manifest import TaskType
from tests.manifest.files import SEED, TOML, read


def test_both_forms_of_the_help_say_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    toml = read(tmp_path, "mail.toml", manifest_page.TOML)
    assert read(tmp_path, "mail.appxmanifest", manifest_page.XML) == toml
    assert toml.lock_screen
    assert not toml.runs_in_app("mail_tasks.Sync", TaskType.TIMER)
    assert main(["help", "manifest"]) == 0
    page = capsys.readouterr().out
    assert all(task_type in page for task_type in TaskType)
    assert all(line in page for line in [*manifest_page.TOML.splitlines(), *manifest_page.XML.splitlines()])
    assert max(map(len, page.splitlines())) <= 132


def test_check_shows_entry_points_types_and_where_they_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "chat.xml").write_text(SEED)
    assert main(["manifest", "check", str(tmp_path / "chat.xml")]) == Exit.PASSED
    said = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert said[0] == "chat 1.0.0.0, no entry: nothing to launch".split()
    assert "Background.PushNotifyTask controlChannel the app's process".split() in said
    assert "Windows.Networking.Sockets.WebSocketKeepAlive controlChannel the app's process".split() in said


def test_check_says_that_a_channels_task_without_an_executable_cannot_be_registered(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    toml = '[[background_tasks]]\nentry_point = "Chat.Push"\ntypes = ["controlChannel", "timer"]\n'
    (tmp_path / "chat.toml").write_text(toml)
    assert main(["manifest", "check", str(tmp_path / "chat.toml")]) == Exit.PASSED
    channel, timer = (line for line in capsys.readouterr().out.splitlines() if line.startswith("Chat.Push"))
    assert "nowhere" in channel
    assert "an executable" in channel
    assert timer.split() == "Chat.Push timer a process of its own".split()


def test_check_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mail.toml").write_text(TOML)
    assert main(["manifest", "check", "--json", str(tmp_path / "mail.toml")]) == Exit.PASSED
    said = json.loads(capsys.readouterr().out)
    assert said["name"] == "Contoso.Mail"
    assert said["entry"] == "mail.app:MailApp"
    assert said["lock_screen"] is True
    assert [(task["entry_point"], task["type"], task["in_app"]) for task in said["tasks"]] == [
        ("mail_tasks.Sync", "bluetooth", False),
        ("mail_tasks.Sync", "systemEvent", False),
        ("mail_tasks.Sync", "timer", False),
    ]


def test_check_of_a_wrong_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "chat.xml").write_text(SEED.replace("controlChannel", "tymer", 1))
    assert main(["manifest", "check", str(tmp_path / "chat.xml")]) == Exit.USAGE
    said = capsys.readouterr()
    assert said.out == ""
    assert f'error: RIG-C19 {tmp_path}/chat.xml:6: Task Type = "tymer": expected one of' in said.err
    assert "did you mean timer?" in said.err
    assert "its form: rig help manifest" in said.err
    assert main(["manifest", "check", "--json", str(tmp_path / "no.toml")]) == Exit.USAGE
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "RIG-C01"


@pytest.mark.parametrize("name", ["mail.xml", "mail.toml"])
def test_what_is_no_file_is_an_error_at_once(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A pipe that nobody writes to is waited for by whoever opens it."""
    pipe, folder, loop = (tmp_path / f"{kind}-{name}" for kind in ("pipe", "folder", "loop"))
    os.mkfifo(pipe)
    folder.mkdir()
    loop.symlink_to(loop)
    for path in (pipe, folder, loop):
        assert main(["manifest", "check", str(path)]) == Exit.USAGE
        assert "RIG-C01" in capsys.readouterr().err
