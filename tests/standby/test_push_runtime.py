"""Raw notifications in an app's process, with the test in the place of the system: whatever handlers do, it hears that they have
returned, and the next is handled."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.standby.wire.app_push import CreatePushChannel, NotificationHandled, NotificationReceived, PushChannelInfo
from rig.timeline import Timeline
from tests.standby.app_process import AppProcess


@pytest.fixture
def app(tmp_path: Path) -> Iterator[AppProcess]:
    timeline = Timeline(tmp_path / "timeline.jsonl")
    with AppProcess(timeline, "push_small_app:PushSmallApp") as app:
        app.answers[CreatePushChannel] = lambda call: PushChannelInfo("http://push.example/c/1", 1000)
        yield app
    timeline.close()


@pytest.mark.parametrize("how", ["raise", "exit", "cannot_say", "cancel_and_raise", "close_it"])
def test_the_system_hears_that_a_handler_has_returned(app: AppProcess, how: str) -> None:
    app.ask("misbehave", how=how)
    for number in (1, 2):
        app.tell(NotificationReceived(number, b"news", "", {}))
        assert app.expect(NotificationHandled) == NotificationHandled(number, how == "cancel_and_raise")


def test_a_notification_is_of_the_alternate_channel_and_of_no_tile_of_the_same_id(app: AppProcess) -> None:
    for kind in ("tile", "alternate", "primary"):
        app.ask("follow", kind=kind, channel_id="mail")
    app.tell(NotificationReceived(1, b"news", "mail", {}))
    app.expect(NotificationHandled)
    assert app.ask("heard") == ["alternate"]
