"""The border between apps and a real system, with hypothesis: whatever an app sends, its calls are answered once each, no
exception is met in the system, no descriptor stays open there, and another app is served.

    pytest --hypothesis-profile=long tests/standby/test_border_fuzz.py     looks for an hour rather than for seconds
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings

from tests.standby.strategies import Word, speeches
from tests.standby.test_bad_apps import World, world

__all__ = ["world"]

SPEECHES = 80
"""A few seconds; the profile "long" has its own number."""


def examples() -> int:
    profile = settings.get_current_profile_name()
    return settings.get_profile(profile).max_examples if profile == "long" else SPEECHES


class Speaker:
    """The bad app of a world, for as long as the test goes on."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.bad = world.bad_app()
        self.app = self.bad.__enter__()
        self.server = world.scene.bench.server.address, world.scene.bench.server.port

    def say(self, speech: list[Word]) -> None:
        after = self.world.timeline.mark()
        assert self.app.call("say_all", words=speech, server=self.server, timeout_s=60.0) == []
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


@settings(max_examples=examples(), deadline=None, suppress_health_check=list(HealthCheck))
@given(speech=speeches())
def test_fuzz_of_the_border(speaker: Speaker, speech: list[Word]) -> None:
    speaker.say(speech)
