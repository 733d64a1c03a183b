"""The API of background tasks: what each call of an app's becomes on its line, and what an answer becomes there."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest

from rig.standby.api import (
    ApplicationTrigger,
    ApplicationTriggerResult,
    BackgroundAccessRequestKind,
    BackgroundAccessStatus,
    BackgroundExecutionManager,
    BackgroundTaskBuilder,
    BackgroundTaskCancellationReason,
    BackgroundTaskInstance,
    BackgroundTaskRegistration,
    BackgroundTaskRegistrationGroup,
    BackgroundTaskThrottleCounter,
    BackgroundTransferCompletionGroupTrigger,
    DeviceServicingTrigger,
    DeviceTriggerResult,
    DeviceUseTrigger,
    HostError,
    HResult,
    MaintenanceTrigger,
    MediaProcessingTrigger,
    PushNotificationTrigger,
    SocketActivityTrigger,
    SystemCondition,
    SystemConditionType,
    SystemTrigger,
    SystemTriggerType,
    TaskUsage,
    TimeTrigger,
    session,
)
from rig.standby.api.triggers import BackgroundTrigger, described, trigger_of
from rig.standby.wire import app_tasks, triggers
from rig.standby.wire.task_enums import ControlChannelTriggerResetReason
from rig.standby.wire.to_app import RunTask, TaskCompleted
from rig.timeline import TimelineWriter

TASK_ID = str(uuid.UUID(int=7))


class Line:
    """In the place of the process around an app: keeps what it says, and answers as told."""

    name = "mail"
    instance = 1
    timeline = TimelineWriter(-1, "app:mail")
    data_folder = Path("never made")

    def __init__(self) -> None:
        self.entry_points: dict[str, session.EntryPoint] = {}
        self.in_task = False
        self.said: list[Any] = []
        self.answers: dict[type[Any], Any] = {app_tasks.RegisterTask: TASK_ID}

    def call(self, call: Any, fds: object = ()) -> Any:
        self.said.append(call)
        return self.answers.get(type(call))

    def notify(self, notice: Any) -> None:
        self.said.append(notice)

    def post(self, operation: object) -> None:
        raise AssertionError("no socket here")

    withdraw = post


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> Line:
    line = Line()
    monkeypatch.setattr(session, "_current", line)
    return line


def test_access_is_asked_for_given_back_and_looked_at(line: Line) -> None:
    line.answers = {
        app_tasks.RequestAccess: int(BackgroundAccessStatus.ALLOWED_SUBJECT_TO_SYSTEM_POLICY),
        app_tasks.GetAccess: int(BackgroundAccessStatus.DENIED_BY_USER),
    }
    kind = BackgroundAccessRequestKind.ALLOWED_SUBJECT_TO_SYSTEM_POLICY
    assert BackgroundExecutionManager.request_access(kind).allowed
    assert not BackgroundExecutionManager.get_access_status().allowed
    BackgroundExecutionManager.remove_access()
    assert line.said == [app_tasks.RequestAccess(kind), app_tasks.GetAccess(), app_tasks.RemoveAccess()]


def test_a_registration_says_all_that_it_was_built_with(line: Line) -> None:
    builder = BackgroundTaskBuilder("sync", "mail_tasks.Sync")
    builder.set_trigger(TimeTrigger(15))
    builder.set_trigger(TimeTrigger(30, one_shot=True))
    builder.add_condition(SystemCondition(SystemConditionType.INTERNET_AVAILABLE))
    builder.add_condition(SystemCondition(SystemConditionType.USER_NOT_PRESENT))
    builder.cancel_on_condition_loss = builder.is_network_requested = True
    builder.task_group = BackgroundTaskRegistrationGroup("work", "Work")
    registration = builder.register()
    conditions = (SystemConditionType.INTERNET_AVAILABLE, SystemConditionType.USER_NOT_PRESENT)
    wanted = app_tasks.RegisterTask("sync", "mail_tasks.Sync", triggers.Time(30, True), conditions, True, True, "work")
    assert line.said == [wanted]
    assert registration == BackgroundTaskRegistration(TASK_ID, "sync", TimeTrigger(30, one_shot=True), "work")


def test_where_a_task_runs_is_said_by_its_entry_point(line: Line) -> None:
    line.entry_points["Mail.Sync"] = lambda instance: None
    for entry_point in (None, "Mail.Sync", "mail_tasks.Sync"):
        BackgroundTaskBuilder("sync", entry_point, SocketActivityTrigger()).register()
    assert [(call.entry_point, call.in_app) for call in line.said] == [
        (None, False),
        ("Mail.Sync", True),
        ("mail_tasks.Sync", False),
    ]


@pytest.mark.parametrize(
    ("entry_point", "trigger", "hresult"),
    [
        (None, None, HResult.INVALID_ARG),
        ("Sync", TimeTrigger(15), HResult.CLASS_NOT_REGISTERED),
        ("mail_tasks.Sync", triggers.ChannelPush("c"), HResult.CLASS_NOT_REGISTERED),
    ],
    ids=["no trigger", "no class", "a channel's, not in the app"],
)
def test_what_nobody_could_run_is_not_registered(
    line: Line, entry_point: str | None, trigger: BackgroundTrigger | None, hresult: HResult
) -> None:
    """BGT-004."""
    with pytest.raises(HostError) as raised:
        BackgroundTaskBuilder("sync", entry_point, trigger).register()
    assert raised.value.hresult is hresult
    assert line.said == []


def test_more_conditions_than_a_registration_may_have_are_refused(line: Line) -> None:
    builder = BackgroundTaskBuilder("sync", None, TimeTrigger(15))
    for _ in range(app_tasks.CONDITIONS + 1):
        builder.add_condition(SystemCondition(SystemConditionType.USER_PRESENT))
    with pytest.raises(HostError, match=r"INVALID_ARG.*17 conditions, 16 allowed"):
        builder.register()
    assert line.said == []


@pytest.mark.parametrize(
    "trigger",
    [
        SystemTrigger(SystemTriggerType.TIME_ZONE_CHANGE, one_shot=True),
        TimeTrigger(15),
        MaintenanceTrigger(60, one_shot=True),
        PushNotificationTrigger("App"),
        SocketActivityTrigger(),
        BackgroundTransferCompletionGroupTrigger("photos"),
        ApplicationTrigger(),
        MediaProcessingTrigger(),
        DeviceUseTrigger(),
        DeviceServicingTrigger(),
        triggers.ChannelPush("c"),
        triggers.ChannelKeepAlive("c"),
    ],
    ids=lambda trigger: type(trigger).__name__,
)
def test_a_trigger_that_is_listed_is_the_one_that_was_registered(line: Line, trigger: BackgroundTrigger) -> None:
    """Also one that the app fires by itself: its id is the same."""
    known = described(trigger)
    assert trigger_of(known) == trigger
    line.answers[app_tasks.ListTasks] = [app_tasks.TaskInfo(TASK_ID, "sync", known)]
    assert BackgroundTaskRegistration.all_tasks() == {TASK_ID: BackgroundTaskRegistration(TASK_ID, "sync", trigger)}


def test_groups_are_listed_by_themselves(line: Line) -> None:
    """BGT-009."""
    line.answers = {
        app_tasks.ListTaskGroups: ["work"],
        app_tasks.ListTasks: [app_tasks.TaskInfo(TASK_ID, "sync", triggers.Time(15), "work")],
    }
    assert BackgroundTaskRegistration.get_task_group("play") is None
    group = BackgroundTaskRegistration.get_task_group("work")
    assert group is not None
    assert [task.group for task in group.all_tasks.values()] == ["work"]
    assert line.said[-1] == app_tasks.ListTasks("work")


def test_unregistering_says_what_becomes_of_what_runs(line: Line) -> None:
    """BGT-010."""
    registration = BackgroundTaskRegistration(TASK_ID, "sync", TimeTrigger(15))
    registration.unregister(cancel_task=False)
    registration.unregister(cancel_task=True)
    assert line.said == [app_tasks.UnregisterTask(TASK_ID, False), app_tasks.UnregisterTask(TASK_ID, True)]


@pytest.mark.parametrize("in_task", [False, True])
def test_a_request_says_whether_a_task_makes_it(line: Line, in_task: bool) -> None:
    """APT-006."""
    line.in_task = in_task
    line.answers = {
        app_tasks.RequestApplicationTrigger: ApplicationTriggerResult.CURRENTLY_RUNNING,
        app_tasks.RequestDeviceTrigger: DeviceTriggerResult.LOW_BATTERY,
    }
    upload, film, device = ApplicationTrigger(), MediaProcessingTrigger(), DeviceUseTrigger()
    assert upload.request_async({"file": "a"}) is ApplicationTriggerResult.CURRENTLY_RUNNING
    film.request_async()
    assert device.request_async("usb 1", 3) is DeviceTriggerResult.LOW_BATTERY
    assert line.said == [
        app_tasks.RequestApplicationTrigger(upload.trigger_id, {"file": "a"}, in_task),
        app_tasks.RequestApplicationTrigger(film.trigger_id, None, in_task, "media_processing"),
        app_tasks.RequestDeviceTrigger(device.trigger_id, "usb 1", 3, in_task),
    ]


def instance_of(trigger: triggers.AnyTrigger, details: triggers.AnyDetails | None = None) -> BackgroundTaskInstance:
    return BackgroundTaskInstance(RunTask(5, TASK_ID, "sync", None, trigger, details))


def test_details_are_those_of_what_fired(line: Line) -> None:
    reset = triggers.ResetDetails(ControlChannelTriggerResetReason.QUIET_HOURS_EXIT, hardware=True, software=False)
    event = triggers.SystemEvent(SystemTriggerType.CONTROL_CHANNEL_RESET)
    details = instance_of(event, reset).trigger_details
    assert details.reset_reason is ControlChannelTriggerResetReason.QUIET_HOURS_EXIT
    assert (details.hardware_slot_reset, details.software_slot_reset) == (True, False)
    application = triggers.Application("t")
    assert instance_of(application, triggers.ApplicationDetails({"a": "b"})).trigger_details.arguments == {"a": "b"}
    assert instance_of(application, triggers.ApplicationDetails()).trigger_details.arguments is None
    device = instance_of(triggers.DeviceUse("t"), triggers.DeviceDetails("usb 1", 3)).trigger_details
    assert (device.device_id, device.expected_minutes) == ("usb 1", 3)
    assert instance_of(triggers.Time(15)).trigger_details is None
    assert instance_of(triggers.ChannelPush("closed")).trigger_details is None


def test_a_run_knows_its_registration_and_has_a_name_of_its_own(line: Line) -> None:
    one, other = instance_of(triggers.Time(15)), BackgroundTaskInstance(RunTask(6, TASK_ID, "sync", None, triggers.Time(15)))
    assert one.task == BackgroundTaskRegistration(TASK_ID, "sync", TimeTrigger(15))
    assert one.instance_id == instance_of(triggers.Time(15)).instance_id != other.instance_id


def test_progress_has_the_range_of_the_platform_and_is_told_when_it_changes(line: Line) -> None:
    instance = instance_of(triggers.Time(15))
    for value in (1, 1, 2**32 - 1):
        instance.progress = value
    for value in (-1, 2**32):
        with pytest.raises(HostError, match="INVALID_ARG"):
            instance.progress = value
    assert instance.progress == 2**32 - 1
    assert line.said == [app_tasks.TaskProgress(5, 1), app_tasks.TaskProgress(5, 2**32 - 1)]


@pytest.mark.parametrize(("counter", "count"), list(zip(BackgroundTaskThrottleCounter, (7, 3, 4), strict=True)))
def test_counts_are_those_of_the_system(line: Line, counter: BackgroundTaskThrottleCounter, count: int) -> None:
    line.answers = {app_tasks.GetTaskUsage: TaskUsage(100, 200, 2, throttled_cpu=3, throttled_network=4)}
    instance = instance_of(triggers.Time(15))
    assert instance.get_throttle_count(counter) == count
    assert instance.suspended_count == 2
    assert instance.usage.memory_limit_bytes == 200


def test_a_handler_that_is_removed_is_not_called(line: Line) -> None:
    heard: list[str] = []
    instance = instance_of(triggers.Time(15))

    def handler(*_: object) -> None:
        heard.append("canceled")

    instance.add_canceled(handler)
    instance.remove_canceled(handler)
    instance.remove_canceled(handler)
    assert instance.cancellation.cancel(BackgroundTaskCancellationReason.ABORT) == []
    assert heard == []


def test_followers_of_another_registration_and_removed_ones_hear_nothing(line: Line) -> None:
    one = BackgroundTaskRegistration(str(uuid.uuid4()), "one", TimeTrigger(15))
    other = BackgroundTaskRegistration(str(uuid.uuid4()), "other", TimeTrigger(15))
    heard: list[str] = []

    def follow(registration: BackgroundTaskRegistration, args: object) -> None:
        heard.append(registration.name)

    for registration in (one, other):
        registration.add_completed(follow)
    other.remove_completed(follow)
    for registration in (one, other):
        for call in BackgroundTaskRegistration.calls_for(TaskCompleted(registration.task_id, 1, None)):
            call()
    assert heard == ["one"]
