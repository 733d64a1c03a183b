"""What manifests say is what is read, in either form, whole or in pieces."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from rig.manifest.manifest import BackgroundTasksExtension, Manifest, TaskType
from tests.manifest.files import PACKAGE, SEED, TOML, read

MAIL = Manifest(
    name="Contoso.Mail",
    version="1.2.0.0",
    entry="mail.app:MailApp",
    extensions=(
        BackgroundTasksExtension(
            "mail_tasks.Sync", frozenset({TaskType.TIMER, TaskType.SYSTEM_EVENT, TaskType.BLUETOOTH}), executable=None
        ),
    ),
    lock_screen=True,
)


def test_the_piece_of_the_documents_reads_as_it_stands(tmp_path: Path) -> None:
    manifest = read(tmp_path, "chat.xml", SEED)
    channel = frozenset({TaskType.CONTROL_CHANNEL})
    assert manifest == Manifest(
        name="chat",
        extensions=(
            BackgroundTasksExtension("Background.PushNotifyTask", channel, "$targetnametoken$.exe"),
            BackgroundTasksExtension("Windows.Networking.Sockets.WebSocketKeepAlive", channel, "$targetnametoken$.exe"),
        ),
    )
    assert manifest.declares("Windows.Networking.Sockets.WebSocketKeepAlive", TaskType.CONTROL_CHANNEL)
    assert not manifest.declares("Windows.Sockets.WebSocketKeepAlive", TaskType.CONTROL_CHANNEL), "only the long form (B-08)"


def test_both_forms_of_one_app_read_the_same(tmp_path: Path) -> None:
    assert read(tmp_path, "mail.appxmanifest", PACKAGE) == MAIL
    assert read(tmp_path, "mail.toml", TOML) == MAIL


@pytest.mark.parametrize(
    "piece",
    [
        SEED,
        SEED.replace("<Extensions>", "").replace("</Extensions>", ""),
        f"<Application>{SEED}</Application>",
        f'<?xml version="1.0"?>\n<!-- of a sample -->\n<Applications><Application Id="App">{SEED}</Application></Applications>',
        f'<Package><Identity Name="chat" Version="1.0.0.0"/><Applications><Application>{SEED}</Application></Applications>'
        "</Package>",
        SEED.replace("<Extension ", "<m:Extension ").replace("</Extension>", "</m:Extension>").replace("<Task", "<m2:Task"),
        SEED.replace('<Task Type="controlChannel" />', '<Task Type="controlChannel"></Task>').replace("\n", "\r\n"),
        SEED.replace(' EntryPoint="Background', ' m:Newer="1" ResourceGroup="one" EntryPoint="Background'),
    ],
    ids=["Extensions", "no root", "Application", "Applications", "Package", "undeclared prefixes", "CR LF", "newer keys"],
)
def test_pieces_need_no_root_and_no_namespaces(tmp_path: Path, piece: str) -> None:
    assert read(tmp_path, "chat.xml", piece) == read(tmp_path, "chat.xml", SEED)


@pytest.mark.parametrize(
    "data",
    [
        PACKAGE.encode("utf-8-sig"),
        PACKAGE.replace("utf-8", "utf-16").encode("utf-16"),
        b"\xfe\xff" + PACKAGE.replace("utf-8", "utf-16").encode("utf-16-be"),
        PACKAGE.replace("utf-8", "windows-1252").replace("Mail &amp; more", "Caf\xe9").encode("windows-1252"),
    ],
    ids=["UTF-8 with a mark", "UTF-16", "UTF-16 from its big end", "windows-1252"],
)
def test_as_editors_save_it(tmp_path: Path, data: bytes) -> None:
    assert read(tmp_path, "mail.xml", data) == MAIL


def test_where_a_task_runs(tmp_path: Path) -> None:
    text = """
    <Extension Category="windows.backgroundTasks" EntryPoint="alone"><BackgroundTasks>
      <Task Type="timer"/><Task Type="controlChannel"/></BackgroundTasks></Extension>
    <Extension Category="windows.backgroundTasks" EntryPoint="inside" Executable="$targetnametoken$.exe"><BackgroundTasks>
      <Task Type="timer"/></BackgroundTasks></Extension>
    <Extension Category="windows.backgroundTasks" EntryPoint="hosted" Executable="backgroundTaskHost.exe"><BackgroundTasks>
      <Task Type="timer"/><Task Type="deviceUse"/></BackgroundTasks></Extension>
    """
    manifest = read(tmp_path, "app.xml", text)
    assert not manifest.runs_in_app("alone", TaskType.TIMER)
    assert manifest.runs_in_app("alone", TaskType.CONTROL_CHANNEL), "where the channel's objects are"
    assert manifest.runs_in_app("inside", TaskType.TIMER)
    assert not manifest.runs_in_app("hosted", TaskType.TIMER)


def test_each_type_is_declared_by_itself(tmp_path: Path) -> None:
    manifest = read(tmp_path, "mail.toml", TOML)
    declared = {task_type for task_type in TaskType if manifest.declares("mail_tasks.Sync", task_type)}
    assert declared == {TaskType.TIMER, TaskType.SYSTEM_EVENT, TaskType.BLUETOOTH}
    assert not manifest.declares("mail_tasks.sync", TaskType.TIMER), "names of classes have capitals"


def test_it_crosses_to_another_process() -> None:
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(MAIL), type=Manifest) == MAIL
