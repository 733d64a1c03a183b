"""The device against the model of the RFCs: what it does with random segments around the window. `rig.suite.differential`.

RIG_SEGMENTS=2000 RIG_SEED=7 rig run -k differential        more of them, or those of a failure again
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from random import Random

import pytest

from rig.errors import BenchError
from rig.suite.differential.asked import limit_s, segments_asked
from rig.suite.differential.asleep import differences, flow
from rig.suite.differential.explain import seed_text, sleep_text
from rig.suite.differential.minimise import minimised
from rig.suite.differential.random_traffic import Traffic
from rig.suite.differential.segment import Framer, Segment
from rig.suite.differential.trial import Sleep
from rig.suite.standby_door import StandbyDoor

SEGMENTS_LEAST = 240
"""With fewer some rules of the model would not be tried."""
CONNECTIONS = 3
"""What the smallest device has beside the slot by which a test knows that it has dealt with all."""
WAKES_TAKEN = 10
"""A wake ends the sleep, and each begins with a dozen commands."""
STEPS = 9
"""For a connection in one sleep: 10 challenge ACKs a second are the limit."""

pytestmark = pytest.mark.topology("flat")


@pytest.fixture
def segments() -> int:
    """How many to send. Raises UsageError RIG-C28."""
    return segments_asked(SEGMENTS_LEAST, SEGMENTS_LEAST)


@pytest.fixture
def seed(record_property: Callable[[str, object], None]) -> str:
    """Another in each run, and told in each, whether it passes or not."""
    seed = os.environ.get("RIG_SEED") or str(int.from_bytes(os.urandom(4), "big"))
    record_property("seed", seed)
    return seed


def failure(door: StandbyDoor, sleep: Sleep, found: list[str], seed: str) -> str:
    """Of the shortest part of the sleep that fails alone; of all of it, when it does not fail again."""

    def fails(segments: Sequence[tuple[int, Segment]]) -> bool:
        return bool(differences(door, sleep.only(segments)))

    if not fails(sleep.segments):
        return "\n".join([*found, "The same segments came again, and all was as expected:", sleep_text(sleep, seed)])
    shortest = sleep.only(minimised(sleep.segments, fails))
    words = f"{len(shortest.segments)} of {len(sleep.segments)} segments fail alone:"
    return "\n".join(["the device " + "; ".join(differences(door, shortest) or found), words, sleep_text(shortest, seed)])


@pytest.mark.limit_s(limit_s(SEGMENTS_LEAST, segments_per_s=20))
@pytest.mark.edge(23, 24, 27, 31, 42)
def test_each_of_the_differential_segments_does_what_the_texts_say(door: StandbyDoor, segments: int, seed: str) -> None:
    """RFC 9293 3.10.7.4, RFC 5961, RFC 7323 5: a wake with its reason, one answer field by field, or nothing."""
    traffic, done, rules = Traffic(Random(seed), virtual=False, strict=True, wakes_taken=WAKES_TAKEN), 0, Counter[str]()
    while done < segments:
        sleep = traffic.sleep(CONNECTIONS, STEPS)
        try:
            found = differences(door, sleep)
        except BenchError as error:  # the firmware may have crashed on them
            error.add_note(seed_text(seed))  # first: of what is long the screen shows the begin
            error.add_note(sleep_text(sleep, seed))
            raise
        if found:
            pytest.fail(failure(door, sleep, found, seed), pytrace=False)
        done += len(sleep.segments)
        rules.update(one.outcome.text for _, one in sleep.expected())
    assert len(rules) > 10, f"only these rules were tried: {rules}"


@pytest.mark.edge(23, 24, 27, 31, 42)
def test_differential_segments_of_another_connection_do_nothing(door: StandbyDoor, seed: str) -> None:
    """Negative control: the same segments one port off, those that would wake too."""
    traffic = Traffic(Random(seed), virtual=False, strict=True)
    sleeps = [traffic.sleep(CONNECTIONS, STEPS) for _ in range(4)]
    door.asleep(local_port=1)
    frames = [Framer(flow(number)).frame(segment) for sleep in sleeps for number, segment in sleep.segments]
    assert door.outcome(*frames) == ("", 0)
