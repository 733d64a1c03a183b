"""The border between apps and a real system, with hypothesis: whatever an app sends, its calls are answered once each, no
exception is met in the system, no descriptor stays open there, and another app is served.

    pytest --hypothesis-profile=long tests/standby/test_border_fuzz.py     looks for an hour rather than for seconds
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings

from rig.standby.calls import SystemRestarted
from rig.standby.wire.hresult import HostError
from tests.standby.strategies import Word, examples, speeches
from tests.standby.test_bad_apps import World, world

__all__ = ["world"]

SPEECHES, SPEECHES_OVER_DEATHS = 80, 30
"""A few seconds; the profile "long" has its own number."""


class Speaker:
    """The bad app of a world, for as long as the test goes on."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.bad = world.bad_app()
        self.app = self.bad.__enter__()
        self.server = world.scene.bench.server.address, world.scene.bench.server.port

    def say(self, speech: list[Word], *, once: bool = True) -> None:
        after = self.world.timeline.mark()
        assert self.app.call("say_all", words=speech, server=self.server, once=once, timeout_s=60.0) == []
        assert self.world.timeline.find("SERVICE_FAULT", after=after) == []
        assert self.world.scene.app.call("network_keep_alive_minutes", channel="inbox") > 0


@pytest.fixture
def speaker(world: World) -> Iterator[Speaker]:
    before = world.descriptors()
    speaker = Speaker(world)
    try:
        yield speaker
    finally:
        speaker.bad.__exit__(None, None, None)
    assert world.descriptors() == before


@contextlib.contextmanager
def dying_system(world: World) -> Iterator[None]:
    """Its process is killed every now and then, each time after it has served."""
    over = threading.Event()

    def kill() -> None:
        while not over.wait(0.05):
            with contextlib.suppress(HostError, SystemRestarted):  # the answer was the dead one's to give
                world.host.link_stats()
            with contextlib.suppress(ProcessLookupError):
                os.kill(world.host.pid, signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_fuzz_while_the_system_dies(speaker: Speaker) -> None:
    """An answer may come twice then: from the system that has died, and from the next one."""

    @settings(max_examples=examples(SPEECHES_OVER_DEATHS), deadline=None, suppress_health_check=list(HealthCheck))
    @given(speech=speeches())
    def fuzz(speech: list[Word]) -> None:
        speaker.say(speech, once=False)

    with dying_system(speaker.world):
        fuzz()


@settings(max_examples=examples(SPEECHES), deadline=None, suppress_health_check=list(HealthCheck))
@given(speech=speeches())
def test_fuzz_of_the_border(speaker: Speaker, speech: list[Word]) -> None:
    speaker.say(speech)
