"""The firmware's #include graph: arrows lead down only, and neither files nor modules include one another in a circle.
And its names: a static function's says in a map or a backtrace where it is."""

from __future__ import annotations

import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

FIRMWARE = Path(__file__).parents[2] / "firmware"
SEARCHED = ("", "smp", "core")
"""Where the Makefile's -I look, from firmware/."""
PROGRAMS = {"main.c", "boot/main.c"}
"""They put the parts together, so they may include any."""
BELOW = {
    "core": set[str](),
    "port": {"boot/flash_map.h"},
    "boot": {"port", "smp/log.h"},
    "smp": {"core", "boot", "port"},
}
"""A directory, and what it may include beside itself: directories and single files. Of the layout of the flash each port has
its part, and everybody may write to the log, which includes nothing but port.h."""
FACE = "core/engine.h"
"""What core offers the others; the functions that it declares are spread over core's files. No part of engine.c, which uses
them all."""

Graph = dict[str, set[str]]


def resolve(source: Path, name: str) -> str | None:
    """The included file from firmware/; None for a generated one."""
    places = [source.parent, *(FIRMWARE / directory for directory in SEARCHED)]
    found = next((place / name for place in places if (place / name).is_file()), None)
    return found.resolve().relative_to(FIRMWARE).as_posix() if found else None


def includes() -> Graph:
    """file: files of firmware/ that it includes; the firmware's own tests and what was built are no part of it."""
    graph: Graph = {}
    for source in FIRMWARE.rglob("*.[ch]"):
        file = source.relative_to(FIRMWARE)
        if file.parts[0] not in ("build", "tests"):
            names = re.findall(r'^#include "(.+)"', source.read_text(), re.MULTILINE)
            graph[file.as_posix()] = {target for name in names if (target := resolve(source, name))}
    return graph


def module(file: str) -> str:
    """x.c and x.h are one module, but for the face."""
    return file if file == FACE else file.rpartition(".")[0]


def modules(files: Graph, directory: str) -> Graph:
    graph: Graph = {}
    for file, targets in files.items():
        if file.startswith(f"{directory}/"):
            graph.setdefault(module(file), set()).update(module(t) for t in targets if module(t) != module(file))
    return graph


def circle(graph: Graph) -> list[str]:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_the_graph_is_read() -> None:
    graph = includes()
    assert "core/engine_state.h" in graph["core/tx.h"]
    assert "core/wipe.h" in graph["smp/server.c"]
    assert len(graph) > 80


def test_no_file_includes_itself_over_others() -> None:
    assert circle(includes()) == []


def test_the_modules_of_the_engine_form_no_circle() -> None:
    """A module stands for itself and what is below it: it can be read, tested and taken out without those above."""
    assert circle(modules(includes(), "core")) == []


def test_the_log_is_below_all_that_write_to_it() -> None:
    assert includes()["smp/log.c"] | includes()["smp/log.h"] == {"smp/log.h", "port/port.h"}


@pytest.mark.parametrize("directory", BELOW)
def test_arrows_lead_down(directory: str) -> None:
    allowed = {directory, *BELOW[directory]}
    up = [
        f"{file} -> {target}"
        for file, targets in includes().items()
        for target in targets
        if file.startswith(f"{directory}/") and file not in PROGRAMS and not {target, target.split("/")[0]} & allowed
    ]
    assert not up


def static_functions(directory: str) -> dict[str, list[str]]:
    """name: the files that have one."""
    found: dict[str, list[str]] = {}
    for source in sorted((FIRMWARE / directory).glob("*.c")):
        for name in re.findall(r"^static (?:const )?(?:struct |enum )?\w+ \**(\w+)\(", source.read_text(), re.MULTILINE):
            found.setdefault(name, []).append(source.name)
    return found


def test_names_of_the_engine_are_told_apart() -> None:
    found = static_functions("core")
    assert len(found) > 150
    assert {name: files for name, files in found.items() if len(files) > 1} == {}


def reached(graph: Graph, file: str) -> set[str]:
    """All that it includes, over others too."""
    found, left = set[str](), [file]
    while left:
        new = graph[left.pop()] - found
        found |= new
        left += new
    return found


PROFILED = re.compile(r"main\.c|core/.*|smp/offload_.*|smp/message\.c")
"""What the Makefile compiles for each profile; a build with LIKE_ takes the rest from another one."""


def test_what_builds_of_two_profiles_share_knows_neither() -> None:
    """It would be compiled with the sizes of the one and linked to the engine of the other."""
    graph = includes()
    seeing = {file for file in graph if file.endswith(".c") and "core/profile.h" in reached(graph, file)}
    assert {"main.c", "core/rx.c", "smp/offload_group.c"} <= seeing
    assert not {file for file in seeing if not PROFILED.fullmatch(file)}
