"""Handlers of raw notifications that are slow, hang or answer out of turn, on a host in virtual time (RAW-007)."""

from __future__ import annotations

import asyncio

import pytest

from rig.standby.system.push.delivery import HANDLERS_S
from rig.standby.wire.app_push import NotificationHandled
from tests.standby.push_scene import contents, scene
from tests.standby.virtual_time import virtual

BURST = 10


@pytest.mark.parametrize("cancel", [True, False])
@virtual
async def test_each_of_a_burst_has_the_whole_time_of_its_handlers(cancel: bool) -> None:
    """They run one after another: the last of many waits for longer than its handlers may take."""
    async with scene() as s:
        app, events = await s.followed()
        for number in range(BURST):
            await s.post(b"%d" % number)
        for event in events:
            await asyncio.sleep(HANDLERS_S * 0.8)
            app.notify(NotificationHandled(event.number, cancel))
        await asyncio.sleep(1)
        assert not s.host.timeline.find("USAGE_FAULT")
        assert contents(app) == ([] if cancel else [b"%d" % number for number in range(BURST)])


@virtual
async def test_behind_a_handler_that_hangs_nothing_waits_longer_than_for_it() -> None:
    async with scene() as s:
        app, _ = await s.followed()
        began_s = s.host.now_s
        for number in range(BURST):
            await s.post(b"%d" % number)
        await s.host.timeline.wait("USAGE_FAULT")
        await asyncio.sleep(1)
        assert HANDLERS_S <= s.host.now_s - began_s < HANDLERS_S + 2
        assert contents(app) == [b"%d" % number for number in range(BURST)]
        assert len(s.host.timeline.find("USAGE_FAULT")) == 1


@virtual
async def test_what_comes_while_a_handler_hangs_waits_no_longer_than_it_may() -> None:
    async with scene() as s:
        app, _ = await s.followed()
        await s.post(b"1")
        await asyncio.sleep(HANDLERS_S * 0.6)
        await s.post(b"2")
        await asyncio.sleep(HANDLERS_S * 0.6)
        await asyncio.sleep(0.1)
        await s.post(b"3")
        assert contents(app) == [b"1", b"2"]
        await asyncio.sleep(HANDLERS_S + 0.1)
        assert contents(app) == [b"1", b"2", b"3"]


@virtual
async def test_an_app_that_answers_for_the_second_only_has_the_task_of_the_first_run() -> None:
    async with scene() as s:
        app, events = await s.followed()
        await s.post(b"1")
        await s.post(b"2")
        app.notify(NotificationHandled(events[1].number, True))
        app.notify(NotificationHandled(events[1].number, True))
        await asyncio.sleep(HANDLERS_S + 0.1)
        assert contents(app) == [b"1"]
