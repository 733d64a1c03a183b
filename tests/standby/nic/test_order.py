"""What comes for the host while it wakes reaches it in the order in which it came, by whichever of the two ways."""

from __future__ import annotations

from rig.standby.wire.nic import Woke

from .conftest import Parts


class Knocks:
    """In the place of an injector: somebody knocks at given points of the wake."""

    def __init__(self, parts: Parts, words: dict[tuple[str, str], bytes]) -> None:
        self._parts = parts
        self._words = words

    def __call__(self, name: str, when: str) -> None:
        said = self._words.pop((name, when), None)
        if said is not None:
            self._parts.knock(said)


def test_nothing_overtakes_what_waits_on_the_device(parts: Parts) -> None:
    """The first of them goes to the device, which the host's frames still go to then, the second one to the host."""
    parts.fall_asleep()
    parts.driver._inject = Knocks(parts, {("tell", "after"): b"first", ("steer", "after"): b"second"})
    parts.notices.clear()
    parts.server.push(b"wake up")
    parts.until(lambda: any(isinstance(notice, Woke) for notice in parts.notices), "no wake")
    assert parts.read(7) == b"wake up"
    parts.wait_awake()
    assert parts.has_heard() == [b"first", b"second"]


def test_a_waking_frame_comes_once_whatever_was_captured_before_it(parts: Parts) -> None:
    """What the commit has judged has taken numbers of the sleep's frames."""
    passing_by = ("gate", "after")

    def pass_by(name: str, when: str) -> None:
        if (name, when) == passing_by:
            host, port = parts.door.getsockname()
            parts.visitor.sendto(b"for nobody", (host, port + 1))
            parts.until(lambda: parts.client.status().buffered == 1, "it is not captured")

    parts.driver._inject = pass_by
    parts.fall_asleep()
    parts.driver._inject = parts.inject
    parts.wake_by_knocking(b"open, please")
