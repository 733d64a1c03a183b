"""A host's mailbox under any sequence of posts, power states, lines that come and go, acknowledgements and time."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from rig.peers.push_service.channels import Address, Channel
from rig.peers.push_service.mailbox import BATCH, WINDOW, Mailbox
from rig.peers.push_service.notification import Notification
from rig.peers.push_service.posts import Post
from rig.peers.push_service.priorities import Priority, Way, way
from rig.push_line import ChannelKind, Message, Notify, Power
from rig.timeline import TimelineWriter

MINUTE_MS = 60_000
FAR_MS = 10**12
APPS = ("mail", "chat")


class NoTimeline(TimelineWriter):
    def __init__(self) -> None:
        super().__init__(-1, "test")

    def add(self, event: str, **detail: Any) -> None:
        pass


class FakeLine:
    """What a host hears on one line, with the power that it had said."""

    def __init__(self) -> None:
        self.heard: list[Notify] = []

    def put(self, message: Message) -> None:
        assert isinstance(message, Notify)
        self.heard.append(message)


class MailboxMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now_ms = 0
        self.mailbox = Mailbox(NoTimeline())
        self.line: FakeLine | None = None
        self.channels = [_channel(app, name) for app in APPS for name in ("", "a")]
        self.posted: list[Notification] = []
        self.last = 0
        """The host has done all up to here."""
        self.done: list[bytes] = []
        self.offline_and_uncached: set[int] = set()

    # -- what happens --------------------------------------------------------------------------------------------------

    @rule(
        channel=st.integers(0, 3),
        priority=st.sampled_from(Priority),
        cacheable=st.booleans(),
        ttl_min=st.sampled_from([None, None, 0, 5, 40]),
        times=st.sampled_from([1, 1, 1, 5, BATCH, WINDOW]),
    )
    def post(self, channel: int, priority: Priority, cacheable: bool, ttl_min: int | None, times: int) -> None:
        for _ in range(times):
            expires_ms = FAR_MS if ttl_min is None else self.now_ms + ttl_min * MINUTE_MS
            post = Post(priority, cacheable, None, wants_status=False, headers={})
            number = len(self.posted) + 1
            one = Notification(number, self.channels[channel], str(number).encode(), post, expires_ms)
            self.posted.append(one)
            if self.line is None and not cacheable:
                self.offline_and_uncached.add(one.id)
            before = len(self.line.heard) if self.line else 0
            self.mailbox.take(one, self.now_ms)
            self._check_sent(before)

    @rule(screen_on=st.booleans(), ac=st.booleans(), saver=st.booleans(), exempt=st.sampled_from([(), ("mail",)]))
    def power(self, screen_on: bool, ac: bool, saver: bool, exempt: tuple[str, ...]) -> None:
        if self.line is not None:
            before = len(self.line.heard)
            self.mailbox.set_power(Power(screen_on, ac, saver, exempt), self.now_ms)
            self._check_sent(before)

    @precondition(lambda self: self.line is not None)
    @rule(loses=st.booleans())
    def hang_up(self, loses: bool) -> None:
        """The host has read all, or nothing since it acknowledged last."""
        if not loses:
            self._read()
        self.line = None
        self.mailbox.disconnect()

    @rule(dark=st.booleans())
    def connect(self, dark: bool) -> None:
        self.line = FakeLine()
        self.mailbox.connect(self.line, self.last, Power(not dark, not dark), self.now_ms)
        assert [notify.number for notify in self.line.heard] == sorted(notify.number for notify in self.line.heard)
        assert not any(self.posted[int(notify.content) - 1].is_expired(self.now_ms) for notify in self.line.heard)

    @precondition(lambda self: self.line is not None)
    @rule()
    def acknowledge(self) -> None:
        self._read()
        self.mailbox.acknowledge(self.last, self.now_ms)

    @rule(minutes=st.sampled_from([1, 10, 20, 100]))
    def time_passes(self, minutes: int) -> None:
        """As the service's timer has it: nothing that is due is late."""
        end_ms = self.now_ms + minutes * MINUTE_MS
        while (due_ms := self.mailbox.next_due_ms()) is not None and due_ms <= end_ms:
            assert due_ms >= self.now_ms, "what is past is done"
            self.now_ms = max(due_ms, self.now_ms)
            self.mailbox.pass_time(self.now_ms)
            after_ms = self.mailbox.next_due_ms()
            assert after_ms is None or after_ms > self.now_ms, "it has done what was due, and is not asked again at once"
        self.now_ms = end_ms
        self.mailbox.pass_time(end_ms)

    @rule(channel=st.integers(0, 3))
    def close(self, channel: int) -> None:
        closed = self.channels[channel]
        self.channels[channel] = _channel(closed.app, closed.id)
        self.mailbox.close(closed)

    # -- what is so ----------------------------------------------------------------------------------------------------

    @invariant()
    def each_is_somewhere_once(self) -> None:
        held, sent = set(map(id, self.mailbox.held)), 0
        for one in self.posted:
            places = [id(one) in held, one.is_over, one.number > 0 and not one.is_over]
            assert sum(places) == 1, (one, places)
            sent += places[2]
        assert sent == self.mailbox.unacknowledged <= WINDOW

    @invariant()
    def no_more_is_held_than_may_be(self) -> None:
        held = self.mailbox.held
        assert len(held) <= BATCH + len(self.channels)
        assert all(not one.is_expired(self.now_ms) for one in held)

    @invariant()
    def the_host_has_none_twice_and_none_that_came_while_it_was_away(self) -> None:
        assert len(set(self.done)) == len(self.done)
        assert not {one.id for one in self.posted if one.number} & self.offline_and_uncached

    @invariant()
    def numbers_are_given_once(self) -> None:
        numbers = [one.number for one in self.posted if one.number]
        assert sorted(numbers) == list(range(1, self.mailbox.last + 1))

    def _read(self) -> None:
        """All that has come on this line and is new."""
        assert self.line is not None
        for notify in self.line.heard:
            if notify.number > self.last:
                self.last = notify.number
                self.done.append(notify.content)

    def _check_sent(self, before: int) -> None:
        """Nothing that the power forbids has gone."""
        if self.line is None:
            return
        for notify in self.line.heard[before:]:
            one = self.posted[int(notify.content) - 1]
            exempt = one.channel.app in self.mailbox.power.exempt
            assert way(one.post.priority, self.mailbox.power, exempt=exempt) is not Way.CACHED


def _channel(app: str, name: str) -> Channel:
    channel = Channel("host", app, ChannelKind.ALTERNATE if name else ChannelKind.PRIMARY, name)
    channel.addresses.append(Address(channel, FAR_MS))
    return channel


TestMailbox = MailboxMachine.TestCase
TestMailbox.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
