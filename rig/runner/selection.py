"""Which tests of the suite `rig run` runs: those that its arguments name, that match -k, and that failed in the last run.

    rig run test_nat.py test_vlan.py::test_priority_tags     files, tests, or ids as the rig prints them
    rig run -k "wakes and not vlan"                          words of file, test, parameters and requirement

An id ends in [device-topology-parameters]. Device and topology are options, so they are no words for -k: "nat" means the tests
about NAT, not the five letters of "native" in every id.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import pytest
from _pytest.mark import expression as pytest_expression

from rig.config import DEVICE_KINDS
from rig.device.images import names as device_names
from rig.errors import UsageError
from rig.runner.about import requirements

WRONG: tuple[type[Exception], ...] = (SyntaxError, getattr(pytest_expression, "ParseError", SyntaxError), RecursionError)
"""What pytest raises for a wrong expression: the one since 9, the other before; for one of a thousand words, the last."""
WORD = re.compile(r"[\w:+\-.\[\]\\/]+")
"""A word of an expression, as in _pytest/mark/expression.py."""
EXAMPLE = 'rig run -k "wakes and not vlan"'


@dataclass(frozen=True)
class Selection:
    """What was asked for; tests must meet all three. Raises UsageError RIG-C15 for a wrong `expression`."""

    expression: str = ""
    names: Sequence[str] = ()
    """Files, tests or ids; none means all."""
    among: frozenset[str] | None = None
    """Ids; None means all."""

    def __post_init__(self) -> None:
        if self.expression:
            _compiled(self.expression)
        for word in WORD.findall(self.expression):
            if word in DEVICE_KINDS:
                raise UsageError(
                    "RIG-C15", f"-k {self.expression!r}: a device is an option, no word of a test", f"--device {word}"
                )

    @property
    def takes_all(self) -> bool:
        """Whether nothing was asked for."""
        return not self.expression and not self.names and self.among is None

    def as_words(self) -> dict[str, Any]:
        """In plain words, for another process."""
        among = None if self.among is None else sorted(self.among)
        return {"expression": self.expression, "names": list(self.names), "among": among}

    @classmethod
    def of_words(cls, words: Mapping[str, Any]) -> Selection:
        among = words["among"]
        return cls(words["expression"], words["names"], None if among is None else frozenset(among))

    def of(self, items: Sequence[pytest.Item]) -> list[pytest.Item]:
        """The tests among `items`. Raises UsageError RIG-C14 for a name that is no test's."""
        found = [item for item in items if self.among is None or item.nodeid in self.among]
        if self.names:
            wanted = {name: _in_suite(name, items) for name in self.names}
            _check_names(wanted, items)
            found = [item for item in found if not _names_of(item).isdisjoint(wanted.values())]
        if self.expression:
            compiled = _compiled(self.expression)
            found = [item for item in found if compiled.evaluate(_Matcher(item))]
        return found


def setups_in(names: Iterable[str]) -> tuple[list[str], list[str]]:
    """(devices, topologies) that the ids among `names` end in: "test_x.py::test_y[qemu-routed-ipv6]" gives qemu and routed."""
    from rig.net import topology

    devices, topologies = dict[str, None](), dict[str, None]()
    for name in names:
        device, _, rest = name.partition("[")[2].removesuffix("]").partition("-")
        known = [known for known in topology.names() if f"{rest}-".startswith(f"{known}-")]
        if device in device_names() and known:
            devices[device] = topologies[max(known, key=len)] = None
    return list(devices), list(topologies)


class _Matcher:
    """Whether a word of an expression is part of one of a test's names; case does not matter."""

    def __init__(self, item: pytest.Item) -> None:
        parts = [node.name for node in item.listchain() if isinstance(node, (pytest.Module, pytest.Class))]
        self._names = [name.lower() for name in (*parts, _without_setup(item), *requirements(item))]
        self._id = item.nodeid.lower()

    def __call__(self, word: str, /, **_: object) -> bool:
        word = word.lower()
        return any(word in name for name in self._names) or (any(mark in word for mark in ("[", "::")) and word in self._id)


def _compiled(text: str) -> pytest_expression.Expression:
    try:
        return pytest_expression.Expression.compile(text)
    except WRONG as error:
        raise UsageError("RIG-C15", f"Wrong expression passed to '-k': {text}: {error}", EXAMPLE) from None


def _without_setup(item: pytest.Item) -> str:
    """ "test_x[native-flat-raw]" is "test_x[raw]"."""
    callspec = getattr(item, "callspec", None)
    combination = callspec.params.get("rig_combination") if callspec is not None else None
    return item.name if combination is None else item.name.replace(f"[{combination.id}-", "[").replace(f"[{combination.id}]", "")


def _names_of(item: pytest.Item) -> set[str]:
    """All by which an argument may name it: id with or without parameters, the test's name, its file's with or without .py."""
    whole, file = item.nodeid.partition("[")[0], item.nodeid.partition("::")[0]
    name = whole.rpartition("::")[2]
    return {item.nodeid, whole, item.name, name, file, file.removesuffix(".py"), whole.rpartition("::")[0]}


def _in_suite(name: str, items: Sequence[pytest.Item]) -> str:
    """The name without the way to the suite's folder: "rig/suite/test_nat.py::test_x" is "test_nat.py::test_x"."""
    path, separator, rest = name.partition("::")
    file, bracket, parameters = path.partition("[")
    if items and Path(file).resolve().is_relative_to(items[0].config.rootpath) and Path(file).exists():
        path = str(Path(file).resolve().relative_to(items[0].config.rootpath)) + bracket + parameters
    return path + separator + rest


def _check_names(wanted: dict[str, str], items: Sequence[pytest.Item]) -> None:
    known = set().union(*(_names_of(item) for item in items))
    for given, name in wanted.items():
        if name in known:
            continue
        if Path(given.partition("::")[0]).exists():
            raise UsageError(
                "RIG-C14", f"{given!r} is none of the suite's tests", f"your own: pytest --rig-device native {given}"
            )
        near = get_close_matches(name, known, 1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise UsageError("RIG-C14", f"the suite has no test {given!r} here", f"{hint}rig run --list shows them all")
