"""Whatever an app calls its sockets with, it hears of it, and nothing of the kernel's stays open."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rig.standby.wire import app_tasks, from_app
from rig.standby.wire.app_sockets import TransferSocket
from rig.timeline import Timeline
from tests.standby.app_process import AppProcess


@pytest.fixture
def app(tmp_path: Path) -> Iterator[AppProcess]:
    timeline = Timeline(tmp_path / "timeline.jsonl")
    with AppProcess(timeline, "tests.standby.strange_calls:StrangeApp") as app:
        yield app
    timeline.close()


def said(app: AppProcess) -> set[type[Any]]:
    """By the app, up to now."""
    app.answers[app_tasks.GetAccess] = lambda _: 0
    app.ask("say_something")
    app.expect(app_tasks.GetAccess)
    return {type(message) for message in app._passed_over}


@pytest.mark.parametrize("opened", [False, True], ids=["new", "open"])
@pytest.mark.parametrize("kind", ["StreamSocket", "DatagramSocket", "StreamSocketListener"])
def test_strange_arguments_are_refused_and_leave_nothing_open(app: AppProcess, kind: str, opened: bool) -> None:
    assert app.ask("calls", kind=kind, opened=opened, timeout_s=60.0) == []
    assert not app.timeline.find("APP_FAULT")
    assert (TransferSocket in said(app)) == opened, "only what was enabled is given"


def test_what_is_no_handler_is_none(app: AppProcess) -> None:
    assert app.ask("follow") == []
    assert from_app.FollowSuspension not in said(app)
