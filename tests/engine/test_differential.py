"""The engine against the model of the RFCs (rig/suite/differential): what each of 10,000 random segments around the window does.

RIG_SEGMENTS=1000000 RIG_SEED=7 .venv/bin/python -m pytest tests/engine/test_differential.py    a million of them, another seed
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from random import Random

import pytest

from rig.suite.differential import acceptance, acknowledgement, judge, timestamps
from rig.suite.differential.asked import limit_s, segments_asked
from rig.suite.differential.connection import Connection
from rig.suite.differential.explain import failure_text
from rig.suite.differential.minimise import minimised
from rig.suite.differential.random_traffic import Traffic
from rig.suite.differential.reset_and_syn import SYN_OUTCOME, of_reset
from rig.suite.differential.segment import FIN, Segment
from rig.suite.differential.sequence import MOD, before
from rig.suite.differential.trial import Step, Trial
from tests.engine.differential_door import START_US, difference

SEGMENTS = 10_000
"""Without RIG_SEGMENTS."""
SEED = os.environ.get("RIG_SEED") or "1"
TEXTS = 19
"""Of the model's rules: each decides about some of 10,000 segments."""


def shortest_of(trial: Trial) -> Trial:
    """The part of it that fails alone."""

    def fails(steps: Sequence[Step]) -> bool:
        return difference(trial.only(tuple(steps))) is not None

    return trial.only(tuple(minimised(trial.steps, fails)))


def failure(trial: Trial) -> str:
    shortest = shortest_of(trial)
    found = difference(shortest)
    assert found is not None
    return failure_text(shortest, SEED, found.what)


@pytest.mark.limit_s(limit_s(SEGMENTS, segments_per_s=200))
@pytest.mark.edge(4, 7, 8, 9, 11, 23, 24, 25, 26, 27, 28, 29, 30, 31, 34, 35, 36, 40, 41, 42, 45)
def test_every_segment_does_what_the_texts_say() -> None:
    traffic, done, segments = Traffic(Random(SEED)), 0, segments_asked(SEGMENTS)
    while done < segments:
        trial = traffic.trial()
        done += len(trial.steps)
        if difference(trial) is not None:
            pytest.fail(failure(trial), pytrace=False)


def test_each_rule_of_the_model_is_reached() -> None:
    """Negative control: segments that all were dropped would tell nothing."""
    traffic, texts = Traffic(Random(SEED)), Counter[str]()
    for _ in range(400):
        texts.update(one.outcome.text for one in traffic.trial().expected(START_US))
    assert len(texts) >= TEXTS, texts
    assert min(texts.values()) >= 3, texts


WRONG: dict[str, tuple[object, str, object]] = {
    "a window of one byte more": (acceptance, "within", lambda number, start, length: (number - start) % MOD <= length),
    "PAWS the wrong way round": (timestamps, "before", lambda a, b: before(b, a)),
    "a reset in the window taken": (judge, "of_reset", lambda connection, segment: of_reset(connection, at(connection, segment))),
    "no challenge ACK": (judge, "SYN_OUTCOME", replace(SYN_OUTCOME, answered=False)),
    "an ACK above SND.NXT taken": (acknowledgement, "INVALID", None),
    "TS.Recent never moves": (timestamps, "remember", lambda *_: None),
    "a FIN beyond the window is news": (acceptance, "is_only_a_new_fin", lambda _, segment: segment.flags & FIN),
    "an old window comes back": (acknowledgement, "before", lambda a, b: False),
}
"""Rules of the model made wrong: an engine that did them so would be told by the same segments."""


def at(connection: Connection, segment: Segment) -> Segment:
    """A segment in the window as if it stood at RCV.NXT."""
    inside = (segment.seq - connection.rcv_nxt) % MOD < connection.window
    return replace(segment, seq=connection.rcv_nxt) if inside else segment


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_rule_is_found_and_cut_down(monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    monkeypatch.setattr(*WRONG[wrong])
    traffic = Traffic(Random(SEED))
    for _ in range(2000):
        trial = traffic.trial()
        if difference(trial) is not None:
            assert len(shortest_of(trial).steps) <= 2
            return
    pytest.fail("not found")
