"""Opens the bench of one test and keeps what the test leaves behind."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rig.device.images import kind_of
from rig.errors import UsageError
from rig.runner import host_processes
from rig.runner.combinations import Combination, base, check
from rig.runner.device_mark import facts_of, needs_of, skip_what_it_cannot
from rig.runner.levers_mark import levers_of
from rig.runner.profile_mark import profile_of
from rig.runner.wakes.ledger import BENCH
from rig.runner.witness import FILES, WITNESS, on_bench

if TYPE_CHECKING:
    from rig.bench import Bench
    from rig.config import BenchConfig

ARTEFACTS: pytest.StashKey[Path] = pytest.StashKey()
"""Set on a test by the runner: where this attempt leaves its files."""

COMBINATION: pytest.StashKey[Combination] = pytest.StashKey()
"""Set on a test here: what it ran on."""


@contextlib.contextmanager
def open_bench(request: pytest.FixtureRequest, combination: Combination) -> Iterator[Bench]:
    """The bench of one attempt; its files go to the run's directory, or to the test's temporary one without reports."""
    check(combination.device)
    item, config = request.node, request.config
    item.stash[COMBINATION] = combination
    artefacts = item.stash.get(ARTEFACTS, None) or request.getfixturevalue("tmp_path")
    facts, needs = facts_of(config, combination.device), needs_of(item)
    if facts.known(needs):
        skip_what_it_cannot(facts, needs)
    from rig.bench import Bench

    with Bench(bench_config(item, config, combination), artefacts) as bench:
        if not facts.met(needs):
            facts.meet(bench.device, needs)
        if changes := levers_of(item):
            bench.host.levers.set(**changes)
        item.stash[BENCH] = bench
        item.stash[WITNESS] = lambda: on_bench(bench)
        item.stash[FILES] = lambda folder: host_processes.write(bench.host.supervisor_pid, folder)
        try:
            yield bench
        finally:
            del item.stash[BENCH], item.stash[FILES]


def bench_config(item: pytest.Item, config: pytest.Config, combination: Combination) -> BenchConfig:
    """The BenchConfig of a test: the file's, then the command line's, then the test's own mark's."""
    name, port = combination.device, ""
    if kind_of(name) == "board":
        name, _, port = name.partition(":")
    asked = base(config)
    found = dataclasses.replace(asked, device=name, topology=combination.topology, port=port or asked.port)
    for mark in reversed(list(item.iter_markers("bench_config"))):
        found = replace_deep(found, mark.kwargs)
    profile = profile_of(item)
    return replace_deep(found, {"profile": profile}) if profile else found


def replace_deep(record: BenchConfig, changes: Mapping[str, Any]) -> BenchConfig:
    """A frozen record with fields changed, its own or those of a record inside it. Raises UsageError RIG-C12.

    A record inside is changed, not replaced: by a dict of its fields, by its fields themselves, or by a record of its kind, of
    which every field counts that is not the default.
    """
    own = {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}
    new, rest = dict[str, Any](), dict(changes)
    for name, value in own.items():
        if dataclasses.is_dataclass(value):
            inner = dict(_fields(name, value, rest.pop(name, {})))
            inner |= {field.name: rest.pop(field.name) for field in dataclasses.fields(value) if field.name in rest}
            new[name] = _replaced(value, inner, f"{name}.")
        elif name in rest:
            new[name] = rest.pop(name)
    changed: BenchConfig = _replaced(record, {**new, **rest}, "")
    return changed


def _fields(name: str, record: Any, given: Any) -> Mapping[str, Any]:
    """What `bench_config(standby=given)` changes in the record `standby`."""
    if isinstance(given, Mapping):
        return given
    if type(given) is not type(record):
        kind = type(record).__name__
        raise UsageError("RIG-C12", f"bench_config({name}={given!r}): expected a {kind}(...) or a dict of its fields")
    found = {field.name: (getattr(given, field.name), field.default) for field in dataclasses.fields(given)}
    return {field: value for field, (value, default) in found.items() if value != default}


def _replaced(record: Any, changes: Mapping[str, Any], prefix: str) -> Any:
    known = [field.name for field in dataclasses.fields(record)]
    for name in changes:
        if name not in known:
            near = get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]}?" if near else "rig help bench.toml shows them all"
            raise UsageError("RIG-C12", f"bench_config has no field {prefix}{name}", hint)
    try:
        return dataclasses.replace(record, **changes)
    except ValueError as error:  # Clock checks its own
        raise UsageError("RIG-C12", f"bench_config: {error}") from error
