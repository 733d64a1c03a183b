"""The app's handlers of raw notifications, one notification after another, in the order in which they came."""

from __future__ import annotations

from collections.abc import Callable

from rig.standby.api import push
from rig.standby.app.crew import Crew
from rig.standby.app.faults import AppFaults
from rig.standby.wire.app_push import NotificationHandled, NotificationReceived
from rig.standby.wire.message import Notice

LANE = "notifications"


class Notifications:
    """`received` is for who hears the system. Whatever a handler raises, the system hears that it has returned."""

    def __init__(self, faults: AppFaults, notify: Callable[[Notice], None], crew: Crew) -> None:
        self._faults = faults
        self._notify = notify
        self._crew = crew
        self._last = 0

    def received(self, notice: NotificationReceived) -> None:
        """Once: a system that is a new one tells again what the one before may have told."""
        if notice.number > self._last:
            self._last = notice.number
            self._crew.add(LANE, lambda: self._handle(notice))

    def _handle(self, notice: NotificationReceived) -> None:
        args = push.args_of(notice)
        self._faults.add("PUSH_EVENT", notification=notice.number, channel=notice.channel_id, bytes=len(notice.content))
        for channel, handler in push.handlers.of(notice.channel_id):
            try:
                handler(channel, args)
            except BaseException as error:  # SystemExit too: the thread is not the app's
                self._faults.met("handler of a notification", error)
        self._notify(NotificationHandled(notice.number, self._is_cancelled(args)))

    def _is_cancelled(self, args: push.PushNotificationReceivedEventArgs) -> bool:
        """Not by a handler that has left there what is neither true nor false."""
        try:
            return bool(args.cancel)
        except BaseException as error:
            self._faults.met("cancel of a notification", error)
            return False
