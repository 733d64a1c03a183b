"""The built-in devices lack nothing that a test of the suite asks for: none of it is skipped on them."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import rig.suite
from rig.device.emulated import EmulatedDevice
from rig.device.link import Link
from rig.device.numbers import PatternType
from rig.device.offload import OffloadClient
from rig.runner.device_mark import DeviceFacts, needs_in, skip_what_it_cannot

OF_A_CABLE = (PatternType.LINK_UP, PatternType.LINK_DOWN)
"""The devices here have none: rig/suite/test_capabilities.py looks at these on the bench."""


def asked_for_by_the_suite() -> Iterator[tuple[str, Any]]:
    for path in sorted(Path(rig.suite.__path__[0]).glob("test_*.py")):
        if "device_can" in path.read_text():
            module = importlib.import_module(f"rig.suite.{path.stem}")
            holders = [module, *(value for name, value in vars(module).items() if name.startswith("test_"))]
            marks = [getattr(holder, "pytestmark", []) for holder in holders]
            named = [mark.mark if hasattr(mark, "mark") else mark for row in marks for mark in _several(row)]
            yield from needs_in([*named, *(mark for row in named for mark in _of_parameters(row))])


def _of_parameters(mark: pytest.Mark) -> list[pytest.Mark]:
    """Those of single rows of a parametrize."""
    rows = mark.args[1] if mark.name == "parametrize" else ()
    return [own.mark if hasattr(own, "mark") else own for row in rows for own in getattr(row, "marks", ())]


def _several(marks: Any) -> list[Any]:
    return marks if isinstance(marks, list) else [marks]


def test_nothing_of_the_suite_is_skipped_for_what_they_cannot(device: EmulatedDevice, ready_link: Link) -> None:
    needs = [need for need in asked_for_by_the_suite() if need[1] not in OF_A_CABLE]
    assert len(needs) > 60
    facts = DeviceFacts()
    facts.ask(OffloadClient(ready_link), needs)
    try:
        skip_what_it_cannot(facts, needs)
    except pytest.skip.Exception as skipped:
        pytest.fail(str(skipped))
