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
