"""What the bench asks of the system, and the two things that the system says by itself."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from msgspec import Meta

from rig.manifest.manifest import Manifest
from rig.standby.wire.faults import Fault
from rig.standby.wire.message import Call, Notice
from rig.standby.wire.surroundings import Surroundings
from rig.standby.wire.task_enums import BackgroundTaskCancellationReason, SystemTriggerType


class StartApp(Call[int], frozen=True):
    """With the app's end of the test's line. Answer: the number of the instance. APP_READY, APP_FAILED or APP_TERMINATED follows
    on the timeline."""

    name: str
    entry: str
    path: list[str]
    access: bool


class EnterStandby(Call[None], frozen=True):
    """Screen off. The host sleeps as soon as nothing runs; SLEEP_ENTER tells."""


class ExitStandby(Call[None], frozen=True):
    """The user is back."""


class Shutdown(Call[None], frozen=True):
    pass


class Suspend(Call[None], frozen=True):
    """The user switches away from the app."""

    instance: int


class Resume(Call[None], frozen=True):
    """The user switches to the app."""

    instance: int


class EndApp(Call[None], frozen=True):
    """Its process is ended: by the user who closes it, when it has done what it does before a suspension, or by the system that
    wants its memory, without being asked. Answered when it has ended."""

    instance: int
    by_user: bool


class InstallPackage(Call[None], frozen=True):
    """`path`: the folders that the app's code is imported from."""

    manifest: Manifest
    path: list[str]


class UpdatePackage(Call[None], frozen=True):
    """To another version. Answered when the processes of the one before have ended."""

    manifest: Manifest
    path: list[str]


class UninstallPackage(Call[None], frozen=True):
    """Answered when its processes have ended."""

    name: str


class LaunchApp(Call[int], frozen=True):
    """The user starts an installed app; else as StartApp."""

    name: str


class DeviceRequest(Call[dict[str, Any]], frozen=True):
    """A request of the bench to the device, over the host's control channel; the answer is the device's. What has no room in an
    SMP header, or never ends, is refused here: the driver's timers are not to be set for what is no time."""

    op: Annotated[int, Meta(ge=0, le=7)]
    group: Annotated[int, Meta(ge=0, le=0xFFFF)]
    command: Annotated[int, Meta(ge=0, le=0xFF)]
    body: dict[str, Any]
    timeout_s: Annotated[float, Meta(ge=0, le=60)]
    retries: Annotated[int, Meta(ge=0, le=1000)]


class LinkStats(Call[dict[str, int]], frozen=True):
    """Counters of the control channel."""


class GetSurroundings(Call[Surroundings], frozen=True):
    """As they are now."""


class SetSurroundings(Call[None], frozen=True):
    """As they are from now on."""

    surroundings: Surroundings


class SystemEventHappens(Call[None], frozen=True):
    """One that nothing around the host shows, such as a short message. `package`: it concerns that app alone."""

    event: SystemTriggerType
    package: str | None = None


class CancelTasks(Call[None], frozen=True):
    """The system cancels all that runs or waits of an app, for a reason of its own."""

    package: str
    reason: BackgroundTaskCancellationReason


class UsePushService(Call[bool], frozen=True):
    """The one that the host keeps a line to from now on, by its IP address; "": none. Answer: it is there already; else
    PUSH_CONNECTED tells."""

    address: Annotated[str, Meta(max_length=64)]
    port: Annotated[int, Meta(ge=0, le=0xFFFF)]


FromBench: TypeAlias = (
    StartApp
    | EnterStandby
    | ExitStandby
    | Shutdown
    | Suspend
    | Resume
    | EndApp
    | InstallPackage
    | UpdatePackage
    | UninstallPackage
    | LaunchApp
    | DeviceRequest
    | LinkStats
    | GetSurroundings
    | SetSurroundings
    | SystemEventHappens
    | CancelTasks
    | UsePushService
)


class Ready(Notice, frozen=True):
    """The system has the device."""


class Failed(Notice, frozen=True):
    """It could not start."""

    fault: Fault


ToBench: TypeAlias = Ready | Failed
