"""The moves of tests of what a push service does, beside those of raw notifications: a channel, and a host that is not there."""

from __future__ import annotations

from typing import Any

from rig.bench import Bench
from rig.peers.push_service import Priority, PushService
from rig.peers.push_service.hosts import TEMPORARY_MIN
from rig.peers.push_service.sender import Reply
from rig.suite.push_scene import PushScene
from rig.timeline import Record

APP = "mail"
LAST = b"the last"


class PushServiceScene(PushScene):
    """The app has a task and its own channel."""

    def __init__(self, bench: Bench, service: PushService) -> None:
        super().__init__(bench, service)
        self.register("Keeps", own_process=False)
        self.uri = self.open()

    def answer(self, content: bytes, **how: Any) -> Reply:
        """Of a POST to that channel, whatever it is; `how`: of PushService.post."""
        return self.service.post(self.uri, content, **how)

    def nothing_but(self, *contents: bytes, after: int = 0) -> None:
        """Runs had these, in this order, and no others: of one that is posted now the run is the next."""
        assert self.answer(LAST, priority=Priority.HIGH).code == 200
        self.task(LAST, after=after)
        assert self.contents(after) == [*contents, LAST]

    def go_offline(self, *, for_long: bool = True) -> None:
        """Its cable is out, and the service has seen the end of its line: a while ago, or just now."""
        after = self.timeline.mark()
        self.host.levers.link(False)
        self.timeline.wait("NETWORK_CHANGED", after=after, link=False)  # a shorter time without a cable is none for the host
        self.service.drop_lines()
        self.service.wait_disconnected()
        if for_long:
            self.service.skip(minutes=TEMPORARY_MIN)

    def come_back(self) -> Record:
        after = self.timeline.mark()
        self.host.levers.link(True)
        return self.timeline.wait("PUSH_LINE_UP", after=after)
