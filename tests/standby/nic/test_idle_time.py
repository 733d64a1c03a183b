"""The idle time of a connection over sleeps: what the device has heard in one counts in the next, of which the socket knows
nothing."""

from __future__ import annotations

import time

from rig.clock import Deadline

from .conftest import Parts

MINUTES = 80
"""4 s of real time between two keep-alives."""
PERIOD_S, SLACK_S = 4.0, 0.1

LONG_MINUTES, LONG_S = 400, 20.0
"""Where none of them is waited for."""
APART_S = 1.5
"""Between two entries; less than half of it is what a busy machine may take for one."""


def answered_probe_s(parts: Parts, count: int) -> float:
    """Waits for it; a time before it came."""
    deadline, looked_s = Deadline(30), time.monotonic()
    while True:
        now_s = time.monotonic()
        slot = parts.client.slots()[0]
        if slot.ka_acked >= count:
            return looked_s
        looked_s = now_s
        assert not deadline.expired, f"{slot.ka_sent} probes were sent, {slot.ka_acked} answered"
        deadline.pause()


def test_a_sleep_behind_an_answered_probe_does_not_begin_with_another(parts: Parts) -> None:
    parts.driver.registry.update("one", MINUTES, None, ())
    parts.fall_asleep()
    heard_s = answered_probe_s(parts, 1)
    parts.driver.wake("test")
    parts.wait_awake()
    parts.fall_asleep()
    slot = parts.client.slots()[0]
    assert slot.ka_sent == 0
    due_s = time.monotonic() + slot.next_ka_due_ms / 1000  # or sooner
    assert heard_s + PERIOD_S - SLACK_S < due_s


def test_without_an_answer_the_time_is_the_sockets(parts: Parts) -> None:
    """The negative control: a sleep in which nothing was heard restarts nothing."""
    parts.driver.registry.update("one", LONG_MINUTES, None, ())
    began_s = time.monotonic()
    for entry_s in (began_s, began_s + APART_S):
        time.sleep(max(0.0, entry_s - time.monotonic()))
        parts.fall_asleep()
        asked_s = time.monotonic()
        slot = parts.client.slots()[0]
        due_s = asked_s + slot.next_ka_due_ms / 1000  # or later
        assert not slot.next_ka_due_ms or due_s < began_s + LONG_S + APART_S / 2
        parts.driver.wake("test")
        parts.wait_awake()
