"""What an app's process does when it is asked before it is stopped; the test is the system."""

from __future__ import annotations

import pytest

from rig.standby.wire.app_tasks import TaskDone
from rig.standby.wire.from_app import FollowSuspension, Suspended
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.to_app import Resuming, RunTask, Suspending
from rig.standby.wire.triggers import Time
from tests.standby.app_process import INSTANCE, AppProcess
from tests.standby.small_apps import ENDS

WITHIN_S = 5.0


def follow(app: AppProcess, how: str, *, hook: bool = False) -> None:
    app.ask("follow_suspension", how=how, hook=hook)
    assert app.expect(FollowSuspension) == FollowSuspension(True, False)
    assert app.expect(FollowSuspension) == FollowSuspension(True, True)


def suspend(app: AppProcess, number: int) -> None:
    app.tell(Suspending(number, WITHIN_S))
    assert app.expect(Suspended).number == number


@pytest.mark.parametrize("end", ["", *ENDS])
def test_handlers_are_called_in_order_whatever_one_of_them_raises(app: AppProcess, end: str) -> None:
    follow(app, end, hook=True)
    suspend(app, 1)
    assert app.ask("what_was_told") == ["suspending", "second handler", "the end"]
    if end:
        assert app.timeline.wait("APP_FAULT", where="suspending handler").instance == INSTANCE
    app.tell(Resuming(2))
    app.timeline.wait("Resumed")
    suspend(app, 3)
    assert app.ask("what_was_told")[3:] == ["resuming", "suspending", "second handler", "the end"]


def test_it_is_done_when_the_last_deferral_is_complete(app: AppProcess) -> None:
    follow(app, "defers", hook=True)
    app.tell(Suspending(1, WITHIN_S))
    gets = app.timeline.wait("DEFERRAL_GET", suspension=1, count=2)
    assert gets.app_instance == INSTANCE
    app.ask("complete_late")
    assert app.timeline.wait("DEFERRAL_DONE", suspension=1)
    assert "the end" not in app.ask("what_was_told")
    app.ask("complete_late")
    assert app.expect(Suspended).number == 1
    assert app.ask("what_was_told")[-1] == "the end"
    with pytest.raises(HostError) as refused:
        app.ask("defer_too_late")
    assert refused.value.hresult is HResult.ILLEGAL_METHOD_CALL


def test_an_app_that_goes_on_meanwhile_does_not_say_that_it_is_done(app: AppProcess) -> None:
    follow(app, "defers", hook=True)
    app.tell(Suspending(1, WITHIN_S))
    app.timeline.wait("DEFERRAL_GET", suspension=1, count=2)
    app.tell(Resuming(2))
    app.timeline.wait("Resumed")
    for _ in range(2):
        app.ask("complete_late")
    app.tell(Suspending(3, WITHIN_S))
    app.timeline.wait("DEFERRAL_GET", suspension=3, count=2)
    for _ in range(2):
        app.ask("complete_late")
    assert app.expect(Suspended).number == 3
    assert app.ask("what_was_told").count("the end") == 1


def test_a_handler_that_blocks_holds_up_no_call_and_no_message(app: AppProcess) -> None:
    follow(app, "blocks")
    app.tell(Suspending(1, WITHIN_S))
    app.tell(Resuming(2))
    app.tell(Suspending(3, WITHIN_S))
    app.tell(RunTask(5, "", "task", "fine", Time(15)))
    assert app.expect(TaskDone).instance == 5, "it has heard what was said before"
    assert app.ask("what_was_told") in ([], ["suspending"])
    app.ask("let_go")
    assert app.expect(Suspended).number == 3
    expected = ["suspending", "second handler", "resuming", "suspending", "second handler"]
    assert app.ask("what_was_told") == expected


def test_what_a_new_system_says_again_is_done_once(app: AppProcess) -> None:
    follow(app, "")
    suspend(app, 1)
    app.tell(Suspending(1, WITHIN_S))
    for _ in range(2):
        app.tell(Resuming(2))
    suspend(app, 3)
    assert app.ask("what_was_told") == ["suspending", "second handler", "resuming", "suspending", "second handler"]


def test_only_a_change_of_what_it_follows_is_told(app: AppProcess) -> None:
    follow(app, "")
    app.ask("follow_no_more")
    app.ask("follow_suspension", how="")
    suspend(app, 1)
    assert not any(isinstance(message, FollowSuspension) for message in app._passed_over)
