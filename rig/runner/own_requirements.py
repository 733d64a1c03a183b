"""The requirements that a user brought beside the rig's own: which files, and whether all that tests name are known."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from rig import catalogue
from rig.errors import UsageError
from rig.runner.combinations import base

INI = "rig_requirements"


def files(config: pytest.Config) -> tuple[Path, ...]:
    """Those of --rig-requirements, of the ini file and of --bench-config's bench.toml, each once."""
    given = [*(config.getoption("rig_requirements") or []), *config.getini(INI)]
    if in_bench_toml := base(config).requirements:
        given.append(Path(in_bench_toml))
    return tuple(dict.fromkeys(path.resolve() for path in given))


def brought(config: pytest.Config) -> Mapping[str, catalogue.Requirement]:
    """Their requirements by id. Raises UsageError RIG-C01 or RIG-C13, which name file and line."""
    known = catalogue.load()
    return {id_: entry for id_, entry in catalogue.load(files(config)).items() if id_ not in known}


def check_ids(config: pytest.Config, named: Mapping[str, list[str]]) -> None:
    """Raise UsageError RIG-C11 for a test (`named`: its ids by its name) that names what no catalogue has."""
    own = files(config)
    for test, ids in named.items():
        if missing := catalogue.unknown(ids, own):
            read = f"the rig's catalogue or {', '.join(str(path) for path in own)}" if own else "the rig's catalogue"
            raise UsageError(
                "RIG-C11",
                f"{test} names {', '.join(missing)}, which is not in {read}",
                "put it into a file (rig help requirements > mine.toml) and name that with --rig-requirements mine.toml",
            )
