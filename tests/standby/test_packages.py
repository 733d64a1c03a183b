"""Apps from their manifests on a real bench: installed, launched, suspended, resumed, ended, updated, removed."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import structs

from rig.bench import Bench
from rig.config import BenchConfig
from rig.errors import UsageError
from rig.manifest.manifest import Manifest
from rig.net import userns
from rig.standby.calls import SystemRestarted
from rig.standby.handle import StandbyHost
from rig.standby.packages import AppNotStarted
from rig.standby.wire.hresult import HostError, HResult
from tests.manifest.files import SEED
from tests.standby.killing import kill_system

pytestmark = pytest.mark.skipif(not userns.privileged(), reason="needs namespaces")

APP = """
import os

class Mail:
    def __init__(self, app):
        self.app = app

    def own_pid(self):
        return os.getpid()

    def namespace(self):
        return os.readlink("/proc/self/ns/net")

class Newer(Mail):
    def version(self):
        return 2
"""

MANIFEST = """
name = "mail"
version = "1.0.0.0"
entry = "package_app:Mail"

[[background_tasks]]
entry_point = "mail_tasks.Sync"
types = ["timer"]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "package_app.py").write_text(APP)
    (tmp_path / "mail.toml").write_text(MANIFEST)
    sys.path.insert(0, str(tmp_path))
    try:
        yield tmp_path
    finally:
        sys.path.remove(str(tmp_path))


@pytest.fixture
def host(folder: Path) -> Iterator[StandbyHost]:
    with Bench(BenchConfig(), folder) as bench:
        yield bench.host
        assert not bench.host.timeline.find("SERVICE_FAULT")


def newer(manifest: Manifest, version: str = "1.1.0.0") -> Manifest:
    return structs.replace(manifest, version=version, entry="package_app:Newer")


def test_the_life_of_an_app(host: StandbyHost, folder: Path) -> None:
    installed = host.install(folder / "mail.toml")
    assert host.wait_for("PACKAGE_INSTALL", app="mail").version == "1.0.0.0"
    app = host.launch("mail")
    assert app.call("namespace") != str(Path("/proc/self/ns/net").readlink()), "in the host's namespace, not in ours"

    app.suspend()
    with pytest.raises(TimeoutError):
        app.call("own_pid", timeout_s=0.2)
    app.resume()
    host.wait_for("APP_RESUME", app="mail", instance=app.instance, cause="foreground")
    pid = app.call("own_pid")
    assert host.launch("mail") is app, "one that runs is switched to"

    app.suspend()
    ended = app.terminate()
    assert ended.status == "signal SIGKILL"
    assert host.timeline.find("APP_END", app="mail", instance=app.instance)[0].cause == "terminated"
    with pytest.raises(HostError, match="gone"):
        app.call("own_pid")
    with pytest.raises(HostError) as refused:
        app.resume()
    assert refused.value.hresult is HResult.ELEMENT_NOT_FOUND

    again = host.launch("mail")
    assert again.call("own_pid") != pid
    again.close_by_user()
    assert host.timeline.find("APP_END", instance=again.instance)[0].cause == "closed by the user"

    old = host.launch("mail")
    host.update("mail", newer(installed))
    assert old.ended
    assert host.timeline.find("APP_END", instance=old.instance)[0].cause == "servicing update"
    updated = host.wait_for("PACKAGE_UPDATE", app="mail")
    assert (updated.version, updated.before) == ("1.1.0.0", "1.0.0.0")
    assert host.launch("mail").call("version") == 2

    host.uninstall("mail")
    host.wait_for("PACKAGE_UNINSTALL", app="mail", version="1.1.0.0")
    assert all(app.ended for app in host.packages.running.values())
    with pytest.raises(UsageError, match=r"RIG-C22 app 'mail' is not installed; no app is installed"):
        host.launch("mail")


def test_what_cannot_be_is_refused_and_changes_nothing(host: StandbyHost, folder: Path) -> None:
    installed = host.install(folder / "mail.toml")
    with pytest.raises(UsageError, match=r"RIG-C23 app 'mail' is installed already, version 1.0.0.0"):
        host.install(newer(installed))
    for version in ("1.0.0.0", "0.9.65535.1"):
        with pytest.raises(UsageError, match=rf"RIG-C23 version {version} of app 'mail' is no update: 1.0.0.0 is installed"):
            host.update("mail", newer(installed, version))
    for refused in (lambda: host.update("chat", installed), lambda: host.uninstall("chat"), lambda: host.launch("chat")):
        with pytest.raises(UsageError, match=r"RIG-C22 app 'chat' is not installed; installed: mail"):
            refused()
    for wrong, key in (
        (structs.replace(installed, name="my mail"), "name"),
        (newer(installed, "2"), "version"),
        (structs.replace(newer(installed), entry="package_app"), "entry"),
    ):
        with pytest.raises(UsageError, match=rf"RIG-C19 the manifest's {key} = "):
            host.install(wrong)
    with pytest.raises(UsageError, match=r"RIG-C19 the manifest's version = .*: expected four numbers"):
        host.update("mail", newer(installed, "x"))
    (folder / "wrong.toml").write_text(MANIFEST.replace("timer", "tymer"))
    with pytest.raises(UsageError, match=r"RIG-C19 .*wrong.toml:8: .*did you mean timer\?"):
        host.update("mail", folder / "wrong.toml")
    assert host.launch("mail").call("own_pid")
    assert len(host.timeline.find("PACKAGE_INSTALL")) == 1
    assert not host.timeline.find("PACKAGE_UPDATE")


def test_a_piece_of_a_manifest_is_installed_with_a_name_and_an_entry(host: StandbyHost, folder: Path) -> None:
    (folder / "chat.xml").write_text(SEED)
    host.install(folder / "chat.xml")
    with pytest.raises(UsageError, match=r"RIG-C23 the manifest of app 'chat' names no entry"):
        host.launch("chat")
    host.install(str(folder / "chat.xml"), name="other", entry="package_app:Newer")
    assert host.launch("other").call("version") == 2


def test_a_wrong_entry_is_an_app_that_does_not_start(host: StandbyHost) -> None:
    host.install(Manifest("mail", entry="package_app:Male"))
    with pytest.raises(AppNotStarted, match=r"app 'mail' did not start: AttributeError: .* has no attribute 'Male'"):
        host.launch("mail")


def test_an_app_is_serviced_on_a_host_that_sleeps(host: StandbyHost, folder: Path) -> None:
    installed = host.install(folder / "mail.toml")
    old = host.launch("mail")
    host.enter_standby()
    with pytest.raises(HostError, match="the screen is off"):
        old.resume()
    host.update("mail", newer(installed))
    assert old.ended
    host.timeline.wait("SLEEP_ENTER", count=2)
    host.uninstall("mail")
    assert not host.timeline.find("SLEEP_FAILED")


def test_all_of_it_lasts_over_the_death_of_the_system(host: StandbyHost, folder: Path) -> None:
    installed = host.install(folder / "mail.toml")
    kill_system(host)
    app = host.launch("mail")
    kill_system(host)
    app.suspend()
    kill_system(host)
    app.resume()
    assert app.call("own_pid")
    kill_system(host)
    host.update("mail", newer(installed))
    assert app.ended
    kill_system(host)
    app = host.launch("mail")
    assert app.call("version") == 2
    kill_system(host)
    app.terminate()
    host.uninstall("mail")
    kill_system(host)
    with pytest.raises(UsageError, match="RIG-C22"):
        host.launch("mail")


def test_what_is_installed_lasts_over_a_restart_of_the_machine(host: StandbyHost, folder: Path) -> None:
    installed = host.install(folder / "mail.toml")
    app = host.launch("mail")
    host.update("mail", newer(installed))
    host.restart()
    assert app.ended
    assert host.launch("mail").call("version") == 2
    host.uninstall("mail")
    host.restart()
    with pytest.raises(UsageError, match="RIG-C22"):
        host.launch("mail")


def test_an_update_during_which_the_system_dies_is_done_or_not_done(host: StandbyHost, folder: Path) -> None:
    installed = host.install(folder / "mail.toml")
    for number in range(1, 6):
        app = host.launch("mail")
        after = host.timeline.mark()
        app.suspend()  # its end takes a moment
        wanted = newer(installed, f"1.{number}.0.0")
        os.kill(host.pid, signal.SIGKILL)
        try:
            host.update("mail", wanted)
        except SystemRestarted:
            if not host.timeline.find("PACKAGE_UPDATE", after=after):
                host.update("mail", wanted)
        assert app.ended
        assert host.launch("mail").call("version") == 2
