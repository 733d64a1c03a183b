"""The mark `device_can`: what a test needs of the device. One that has less skips it, and the capability is the reason.

    @pytest.mark.device_can(offload=OffloadType.ARP, slot_flag=SlotFlag.VLAN)
    @pytest.mark.device_can(slots=16, pattern=(PatternType.EAPOL, PatternType.LINK_UP))

What a device does not say that it has or lacks, it is taken to have: its own refusal tells then.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pytest

from rig.device.codes import GROUP_IMAGE, NO_SUCH_COMMAND
from rig.device.numbers import (
    GROUP_OFFLOAD,
    READ,
    WRITE,
    Command,
    NsFlag,
    OffloadRc,
    OffloadType,
    PatternType,
    SlotFlag,
)
from rig.errors import DeviceError, UsageError

if TYPE_CHECKING:
    from rig.device.offload import OffloadClient
    from rig.device.offload_types import Capabilities, Hello

COUNTS = {
    "slots": ("max_tcp_slots", "TCP slots"),
    "patterns": ("max_patterns", "patterns"),
    "pattern_bytes": ("max_pattern_bytes", "bytes of a pattern"),
    "arp_addresses": ("max_arp_addresses", "addresses of ARP offloads"),
    "buffered_frames": ("buffered_frames", "frames behind the waking one"),
    "program_ops": ("program_ops", "instructions of a program"),
    "token_bytes": ("token_bytes", "bytes of tokens"),
    "offloads": ("offload_count", "protocol offloads"),
    "yield_ms": ("yield_max_ms", "ms for which it yields the wire after a wake"),
}
"""Keyword -> (field of Capabilities, what it counts)."""

KINDS: dict[str, type] = {
    "offload": OffloadType,
    "pattern": PatternType,
    "slot_flag": SlotFlag,
    "ns_flag": NsFlag,
    "command": Command,
}
"""Keyword -> what it is given, one or several."""

FLASH = "flash"
"""flash=True: the group `image`, so that the rig can flash it."""
COUNTER = "counter"
"""counter="timer_late_1ms": one of that name, or several. The contract prescribes none that the suite needs beside those that a
frame ends in."""


class DeviceFacts:
    """What one device is and can do, asked once in a run."""

    def __init__(self) -> None:
        self.firmware = ""
        """What its hello says runs on it, in words; empty before it was met."""
        self.capabilities: Capabilities | None = None
        self.counters: frozenset[str] | None = None
        """Their names."""
        self.answers: dict[tuple[int, int, int], bool] = {}
        """(op, group, command) -> whether it has that."""

    def known(self, needs: Iterable[tuple[str, Any]]) -> bool:
        """Whether nothing has to be asked any more."""
        return all(self._knows(need) for need in needs)

    def _knows(self, need: tuple[str, Any]) -> bool:
        if need[0] == COUNTER:
            return self.counters is not None
        probe = _probe(need)
        return self.capabilities is not None if probe is None else probe in self.answers

    def met(self, needs: Iterable[tuple[str, Any]]) -> bool:
        """Whether nothing has to be asked any more, and its name is known too."""
        return bool(self.firmware) and self.known(needs)

    def meet(self, device: OffloadClient, needs: Collection[tuple[str, Any]]) -> None:
        """Ask what is not known. Skips the test when something of its needs is absent. Raises BenchError."""
        self.firmware = self.firmware or _firmware(device.hello())
        self.ask(device, needs)
        skip_what_it_cannot(self, needs)

    def ask(self, device: OffloadClient, needs: Iterable[tuple[str, Any]]) -> None:
        """Raises BenchError."""
        for need in needs:
            probe = _probe(need)
            if self._knows(need):
                continue
            if need[0] == COUNTER:
                self.counters = frozenset(device.counters())
            elif probe is None:
                self.capabilities = device.capabilities()
            else:
                self.answers[probe] = _has(device, *probe)


def _firmware(hello: Hello) -> str:
    """Version, board and image as `rig flash` and `rig monitor` show them: an image that no slot holds has no digest."""
    image = f", image {hello.digest.hex()[:12]}" if any(hello.digest) else ""
    return f"{hello.version} on {hello.board}{image}" + ("" if hello.test_build else ", without the test commands")


FACTS: pytest.StashKey[dict[str, DeviceFacts]] = pytest.StashKey()
"""Set on the session's configuration: device, in the words of --device -> what it can do."""


def facts_of(config: pytest.Config, device: str) -> DeviceFacts:
    return config.stash.setdefault(FACTS, {}).setdefault(device, DeviceFacts())


def needs_of(item: pytest.Item) -> list[tuple[str, Any]]:
    """All that the marks of the test, its class and its file ask for, one by one."""
    return list(needs_in(item.iter_markers()))


def needs_in(marks: Iterable[pytest.Mark]) -> Iterator[tuple[str, Any]]:
    """Those of the marks that are of this kind, one need after the other."""
    for mark in marks:
        if mark.name == "device_can":
            yield from _each(mark.kwargs)


def skip_what_it_cannot(facts: DeviceFacts, needs: Collection[tuple[str, Any]]) -> None:
    """Skips the test when something is absent; `facts` know all of it."""
    if absent := [words for need in needs if (words := _absence(facts, *need))]:
        pytest.skip(f"the device has {' and '.join(dict.fromkeys(absent))} (capabilities)")


def check_device_marks(items: Iterable[pytest.Item]) -> None:
    """Raises UsageError RIG-C26 with the name of the first test that asks for what no device says."""
    for item in items:
        for mark in item.iter_markers("device_can"):
            if mark.args or not mark.kwargs:
                cause = f"{item.nodeid}: what a device can has a name, as in device_can(slots=16)"
                raise UsageError("RIG-C26", cause, "rig help tests")
            for name, value in mark.kwargs.items():
                if wrong := _wrong(name, value):
                    raise UsageError("RIG-C26", f"{item.nodeid}: device_can({name}={value!r}): {wrong}", "rig help tests")


def _wrong(name: str, value: Any) -> str:
    if name in COUNTS:
        return "" if type(value) is int and value > 0 else "expected a number above 0"
    if name == FLASH:
        return "" if value is True else "expected True"
    several = value if isinstance(value, tuple) else (value,)
    if name == COUNTER:
        return "" if several and all(type(one) is str and one for one in several) else "expected a counter's name"
    if name not in KINDS:
        return f"one of {', '.join([*KINDS, *COUNTS, COUNTER, FLASH])}"
    return "" if several and all(isinstance(one, KINDS[name]) for one in several) else f"expected {KINDS[name].__name__}"


def _each(kwargs: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in kwargs.items():
        for one in value if isinstance(value, tuple) else (value,):
            yield from ((name, bit) for bit in one) if name.endswith("_flag") else [(name, one)]


def _probe(need: tuple[str, Any]) -> tuple[int, int, int] | None:
    """The request that shows whether it is there; None: capabilities, or the names of the counters, say so."""
    name, value = need
    if name == FLASH:
        return (READ, GROUP_IMAGE, 0)
    if name == "command":
        return (READ if value is Command.GET_LOG else WRITE, GROUP_OFFLOAD, int(value))
    return None


def _has(device: OffloadClient, op: int, group: int, command: int) -> bool:
    """Asked with an empty body: where something must stand in it that is BAD_ARG, and changes nothing."""
    try:
        device.requester.request(op, group, command, {})
    except DeviceError as refused:
        return refused.name not in (NO_SUCH_COMMAND, OffloadRc.UNSUPPORTED.name)
    return True


def _absence(facts: DeviceFacts, name: str, value: Any) -> str:
    """What the device lacks, in words; empty when it has it."""
    probe = _probe((name, value))
    if name == COUNTER:
        assert facts.counters is not None
        return "" if value in facts.counters else f"no counter {value}"
    if probe is not None:
        lacking = "no way to be flashed" if name == FLASH else f"no command {value.name}"
        return "" if facts.answers[probe] else lacking
    assert facts.capabilities is not None
    return _absent_capability(facts.capabilities, name, value)


def _absent_capability(can: Capabilities, name: str, value: Any) -> str:
    if name in COUNTS:
        field, counted = COUNTS[name]
        has = getattr(can, field)
        return f"{has} {counted}, not {value}" if has is not None and has < value else ""
    looked_at: dict[str, tuple[Any, Callable[[Any], bool], str]] = {
        "offload": (can.offload_types, lambda said: value in said, "protocol offload"),
        "pattern": (can.pattern_types, lambda said: value in said, "pattern type"),
        "slot_flag": (can.slot_flags, lambda said: value in said, "slot flag"),
        "ns_flag": (can.ns_flags, lambda said: value in said, "flag of an NS offload"),
    }
    said, has_it, what = looked_at[name]
    return "" if said is None or has_it(said) else f"no {what} {value.name}"
