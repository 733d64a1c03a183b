"""What a machine that has lost its power finds in the system's store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from rig.standby.system.app_process import SavedApp
from rig.standby.system.channels.channel import SavedChannel
from rig.standby.system.ledger import HOST, SavedHost
from rig.standby.system.machine_start import left_of, lose_what_ended
from rig.standby.system.numbers import Numbers
from rig.standby.system.package import SavedPackage
from rig.standby.system.power import Screen
from rig.standby.system.registration import Registration
from rig.standby.system.store import Done, Name, Store
from rig.standby.system.tasks.instance import SavedInstance
from rig.standby.wire.surroundings import Surroundings
from rig.standby.wire.task_enums import SystemTriggerType
from rig.standby.wire.to_app import RunTask
from rig.standby.wire.triggers import AnyTrigger, ChannelPush, SystemEvent

AWAY = SystemEvent(SystemTriggerType.USER_AWAY)


CHANNEL = SavedChannel(
    instance=1,
    channel_id="inbox",
    minutes=15,
    wants_hardware=False,
    network_minutes=15,
    transport=None,
    kind=None,
    key=None,
    status=None,
    no_slot=None,
    reset=False,
    held_pushes=0,
    payload=None,
    due_s=None,
)
"""Without a slot: nobody has to hear that it is lost."""


def registration(task_id: str, trigger: AnyTrigger) -> Registration:
    return Registration(task_id=task_id, package="chat", instance=1, name="task", entry_point=None, trigger=trigger)


def things(*more: tuple[Name, Any]) -> dict[Name, bytes]:
    registrations = {"a": registration("a", AWAY), "b": registration("b", ChannelPush("inbox"))}
    package = SavedPackage("chat", access=True, registrations=registrations)
    run = RunTask(instance=7, task_id="a", name="task", entry_point=None, trigger=AWAY)
    all_: list[tuple[Name, Any]] = [
        (HOST, SavedHost(Screen.CONNECTED_STANDBY, Numbers(instances=3, runs=8, keys=2))),
        (("package", "chat"), package),
        (("app", "1"), SavedApp(1, "chat", runs=[run])),
        (("channel", "1 inbox"), CHANNEL),
        (("task", "7"), SavedInstance(7, registration("a", AWAY), None, "trigger")),
        (("task", "8"), SavedInstance(8, registration("a", AWAY), None, "trigger")),
        (("task", "9"), SavedInstance(9, registration("b", ChannelPush("inbox")), None, "trigger")),
        (("completions", "1"), {"of": "an app that is gone"}),
        (("due", "a"), {"at": "some time"}),
        (("surroundings", ""), Surroundings(ac=False)),
        *more,
    ]
    return {name: msgspec.msgpack.encode(thing) for name, thing in all_}


def test_apps_channels_and_runs_under_way_are_gone_and_the_rest_is_there() -> None:
    left = left_of(things())
    assert set(left) == {HOST, ("package", "chat"), ("task", "8"), ("due", "a"), ("surroundings", "")}
    host = msgspec.msgpack.decode(left[HOST], type=SavedHost)
    assert (host.screen, host.numbers) == (Screen.ACTIVE, Numbers(instances=3, runs=8, keys=2))
    package = msgspec.msgpack.decode(left["package", "chat"], type=SavedPackage)
    assert package.access
    assert list(package.registrations) == ["a"], "that of a channel went with it"


def test_it_is_done_once_a_start_of_the_machine_and_nobody_of_before_is_expected_to_speak(tmp_path: Path) -> None:
    store = Store(tmp_path / "system.db")
    lose_what_ended(store, 1)
    store.save(things(), [Done(1, 5, b"answer", 5)])
    lose_what_ended(store, 1)
    assert ("app", "1") in store.things()
    assert store.inbox(1).last == 5
    store.close()
    again = Store(tmp_path / "system.db")
    lose_what_ended(again, 2)
    assert again.things() == left_of(things())
    assert again.inbox(1).last == 0
    again.save(things())
    lose_what_ended(again, 2)
    assert ("app", "1") in again.things()
