"""Opens the bench of one test and keeps what the test leaves behind."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rig.errors import UsageError
from rig.runner.setups import Setup, base, check

if TYPE_CHECKING:
    from rig.bench import Bench
    from rig.config import BenchConfig

ARTEFACTS: pytest.StashKey[Path] = pytest.StashKey()
"""Set on a test by the runner: where this attempt leaves its files."""

SETUP: pytest.StashKey[Setup] = pytest.StashKey()
"""Set on a test here: what it ran on."""


@contextlib.contextmanager
def open_bench(request: pytest.FixtureRequest, setup: Setup) -> Iterator[Bench]:
    """The bench of one attempt; its files go to the run's directory, or to the test's temporary one without reports."""
    check(setup.device)
    item, config = request.node, request.config
    item.stash[SETUP] = setup
    artefacts = item.stash.get(ARTEFACTS, None) or request.getfixturevalue("tmp_path")
    from rig.bench import Bench

    with Bench(bench_config(item, config, setup), artefacts) as bench:
        yield bench


def bench_config(item: pytest.Item, config: pytest.Config, setup: Setup) -> BenchConfig:
    """The BenchConfig of a test: the file's, then the command line's, then the test's own mark's."""
    kind, _, port = setup.device.partition(":")
    changes: dict[str, Any] = {"device": kind, "topology": setup.topology, **({"port": port} if port else {})}
    for mark in reversed(list(item.iter_markers("bench_config"))):
        changes.update(mark.kwargs)
    config_of_test: BenchConfig = replace_deep(base(config), changes)
    return config_of_test


def replace_deep(record: Any, changes: dict[str, Any]) -> Any:
    """A frozen record with fields changed, its own or those of a record inside it. Raises UsageError RIG-C12."""
    own = {field.name for field in dataclasses.fields(record)}
    new = {name: value for name, value in changes.items() if name in own}
    rest = {name: value for name, value in changes.items() if name not in own}
    for field in dataclasses.fields(record):
        inner = getattr(record, field.name)
        if dataclasses.is_dataclass(inner) and field.name not in new:
            taken = {name: rest.pop(name) for name in [f.name for f in dataclasses.fields(inner)] if name in rest}
            new[field.name] = dataclasses.replace(inner, **taken)  # type: ignore[type-var]
    if rest:
        raise UsageError("RIG-C12", f"bench_config has no field {', '.join(rest)}")
    return dataclasses.replace(record, **new)
