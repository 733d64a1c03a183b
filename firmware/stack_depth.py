"""The deepest stack a program of the board can need, from what the compiler knows, against what the linker script reserves.

gcc -fcallgraph-info=su leaves a .ci file beside each object: functions with the bytes of their frames, and who calls whom.
What it cannot know stands in the list below, and of a port's own sources in its stack.toml: where a call through a pointer may
lead ("rom:" is the boot loader's). A call that is in neither, and any recursion, is an error, so that the proof cannot rot
unnoticed. Functions without a .ci file (newlib, assembler) are measured in the program's disassembly.
An interrupt adds its own frame and its handler's depth once, at the worst place: all have one priority, so that none interrupts
another. A fault adds the same on top of that. A port's handlers stand in its stack.toml.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT, FAULT = "reset_entry", "fault_entry"
EXCEPTION_BYTES = 8 * 4 + 4
"""What the Cortex-M3 pushes by itself, and the word that aligns it."""
INDIRECT = "__indirect_call"


@dataclass(frozen=True)
class Found:
    """Functions named in a source file: what the pattern's group finds."""

    file: str
    pattern: str


@dataclass(frozen=True)
class Pointer:
    """Calls of `file` whose source line contains `text` lead to one of `targets`."""

    file: str
    text: str
    targets: tuple[str | Found, ...]


POINTERS = [
    Pointer("core/engine_state.h", "env.now_us(", ("main.c:env_now_us",)),
    Pointer("core/tx.c", "env.tx(", ("main.c:env_tx",)),
    Pointer("core/offloads.c", "].judge(", (Found("core/offload_types.c", r"\.judge = (\w+)"),)),
    Pointer("core/offloads.c", "t->apply(", (Found("core/offload_types.c", r"\.apply = (\w+)"),)),
    Pointer("core/offloads.c", "t->check(", (Found("core/offload_types.c", r"\.check = (\w+)"),)),
    Pointer("core/offload_timers.c", "t->arm(", (Found("core/offload_types.c", r"\.arm = (\w+)"),)),
    Pointer("core/offload_timers.c", "t->due(", (Found("core/offload_types.c", r"\.due = (\w+)"),)),
    *(
        Pointer("boot/rom_image.c", f"->image_{name}(", (f"rom:image_{name}",))
        for name in ("error_text", "check_header", "read", "verify", "sha256", "version_text")
    ),
    Pointer("smp/framing.c", "write(out", ("port_serial_write",)),
    Pointer("smp/server.c", "->handle(", tuple(f"smp/{name}_group.c:handle" for name in ("os", "image", "offload"))),
    Pointer("smp/server.c", "cfg.cacheable(", ("offload_group_cacheable",)),
    Pointer("smp/server.c", "cfg.fault(", ("offload_fault_on_reply",)),
    Pointer("smp/image_group.c", "g.may_write(", ("main.c:may_write_flash",)),
    Pointer("smp/offload_group.c", "].run(", (Found("smp/offload_group.c", r"\{ SMP_\w+, 0x\w+, \w+, (\w+) \}"),)),
    Pointer("smp/offload_group.c", "command(", (Found("smp/offload_group.c", r"with_epoch\(io, (\w+)\)"),)),
    Pointer("smp/offload_objects.c", "command(", (Found("smp/offload_objects.c", r"with_slot\(io, (\w+)\)"),)),
    Pointer("smp/offload_counters.c", "source->read(", ("main.c:read_counters",)),
    Pointer("smp/offload_counters.c", "source->clear(", ("main.c:clear_counters",)),
]  # fmt: skip


def of_port(folder: Path) -> tuple[list[str], list[Pointer]]:
    """What stack.toml says: `interrupts`, the handlers' names, and `pointer`: file (beside it), text and targets."""
    listed = folder / "stack.toml"
    said = tomllib.loads(listed.read_text()) if listed.exists() else {}
    pointers = [Pointer(f"{folder}/{row['file']}", row["text"], tuple(row["targets"])) for row in said.get("pointer", [])]
    return said.get("interrupts", []), pointers


class Unproved(Exception):
    """The stack cannot be bounded; the text says what is missing."""


@dataclass
class Graph:
    """Frames in bytes and calls of one program. A call is (callee, place in the source)."""

    frames: dict[str, int] = field(default_factory=dict)
    calls: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    def read(self, ci: Path, prefix: str = "") -> None:
        """`prefix` names another program's functions, which may have the same names."""
        for line in ci.read_text().splitlines():
            node = re.match(r'node: \{ title: "([^"]+)" label: "[^"]*?\\n(\d+) bytes \(([\w,]+)\)', line)
            edge = re.match(r'edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"(?: label: "([^"]*)")?', line)
            if node:
                if node[3] == "dynamic":
                    raise Unproved(f"{node[1]}: its frame has no bound (alloca or a variable-length array)")
                self.frames[prefix + node[1]] = int(node[2])
            elif edge:
                callee = edge[2] if edge[2] == INDIRECT else prefix + edge[2]
                self.calls.setdefault(prefix + edge[1], []).append((callee, edge[3] or ""))


def by_name(graph: Graph, file: str, name: str) -> str | None:
    """A function of a file: static ones have the file in their title; gcc may have cloned it."""
    for title in (name, f"{file}:{name}"):
        if title in graph.frames:
            return title
    return next((t for t in graph.frames if t.startswith(f"{file}:{name}.")), None)


def expand(graph: Graph, target: str | Found) -> Iterator[str]:
    """Titles of what a target names, as far as they are linked into this program."""
    if isinstance(target, str):
        file, _, name = target.rpartition(":")
        wanted = [name] if file != "rom" else [target]
    else:
        file = target.file
        wanted = re.findall(target.pattern, Path(file).read_text(), re.MULTILINE)
        if not wanted:
            raise Unproved(f"{file} holds nothing like {target.pattern}: mend the list in {Path(__file__).name}")
    yield from (title for name in wanted if (title := by_name(graph, file, name)))


def pointer_at(place: str) -> Pointer:
    file, line = place.rsplit(":", 2)[:2]
    text = Path(file).read_text().splitlines()[int(line) - 1]
    for pointer in POINTERS:
        if file.endswith(pointer.file) and pointer.text in text:
            return pointer
    where = "POINTERS, or in the port's stack.toml"
    raise Unproved(f"{place}: a call through a pointer nobody has listed ({text.strip()}): name its targets in {where}")


class Library:
    """Functions without a .ci file, measured in the disassembly: every push and every reservation in the body counts."""

    def __init__(self, objdump: str, programs: Mapping[str, Path]) -> None:
        """`programs`: ELF files by the prefix of their functions."""
        self._bodies: dict[str, list[str]] = {}
        for prefix, elf in programs.items():
            command = [objdump, "-d", "--no-show-raw-insn", str(elf)]
            self._read(subprocess.run(command, check=True, capture_output=True, text=True).stdout, prefix)

    def _read(self, text: str, prefix: str) -> None:
        body: list[str] = []
        for line in text.splitlines():
            if head := re.match(r"[0-9a-f]+ <([^>]+)>:", line):
                body = self._bodies.setdefault(prefix + head[1], [])
            elif "\t" in line:
                body.append(line.split("\t", 1)[1])

    def linked(self, title: str) -> bool:
        """What the linker dropped cannot be called."""
        return title in self._bodies or title.rpartition(":")[2] in self._bodies

    def add(self, graph: Graph, name: str) -> None:
        if name not in self._bodies:
            raise Unproved(f"{name}: no .ci file and not in the program: not built with -fcallgraph-info=su?")
        prefix = "rom:" if name.startswith("rom:") else ""
        graph.frames[name] = sum(map(pushed_bytes, self._bodies[name]))
        for instruction in self._bodies[name]:
            call = re.match(r"(?:bl|b(?:\.[nw])?)\s+.*<([^+>]+)>", instruction)
            if call and prefix + call[1] != name:
                graph.calls.setdefault(name, []).append((prefix + call[1], ""))
            elif re.match(r"blx\s+r", instruction):
                raise Unproved(f"{name}: calls through a register")


def pushed_bytes(instruction: str) -> int:
    if re.match(r"(push|stmdb\s+sp!)", instruction):
        return 4 * len(instruction[instruction.index("{") :].split(","))
    if reserved := re.match(r"(?:sub(?:\.w)?\s+sp,(?: sp,)? #|strd?(?:\.w)?\s.*\[sp, #-)(\d+)", instruction):
        return int(reserved[1])
    return 0


@dataclass(frozen=True)
class Depth:
    total: int
    path: tuple[tuple[str, int], ...]


class Walker:
    def __init__(self, graph: Graph, library: Library) -> None:
        self._graph, self._library = graph, library
        self._done: dict[str, Depth] = {}
        self._open: list[str] = []

    def callees(self, name: str) -> Iterator[str]:
        for callee, place in self._graph.calls.get(name, ()):
            if callee == INDIRECT:
                for target in pointer_at(place).targets:
                    yield from filter(self._library.linked, expand(self._graph, target))
            else:
                yield callee

    def depth(self, name: str) -> Depth:
        """The worst path from here, this function's own frame included."""
        if name in self._done:
            return self._done[name]
        if name not in self._graph.frames:
            self._library.add(self._graph, name)
        self._open.append(name)
        below = Depth(0, ())
        for callee in set(self.callees(name)):
            if callee in self._open:
                circle = " > ".join([*self._open[self._open.index(callee) :], callee])
                raise Unproved(f"recursion, as deep as nobody knows: {circle}")
            below = max(below, self.depth(callee), key=lambda depth: depth.total)
        self._open.pop()
        own = self._graph.frames[name]
        self._done[name] = Depth(own + below.total, ((name, own), *below.path))
        return self._done[name]


def reserved_bytes(size_tool: str, elf: Path) -> int:
    text = subprocess.run([size_tool, "-A", str(elf)], check=True, capture_output=True, text=True).stdout
    found = re.search(r"^\.stack\s+(\d+)", text, re.MULTILINE)
    if not found:
        raise Unproved(f"{elf} reserves no stack")
    return int(found[1])


def load(objects: Iterable[Path], rom: Iterable[Path]) -> Graph:
    graph = Graph()
    for prefix, files in (("", objects), ("rom:", rom)):
        for file in files:
            graph.read(file.with_suffix(".ci"), prefix)
    return graph


def prove(board: str, name: str, graph: Graph, library: Library, interrupts: Sequence[str], have: int) -> bool:
    """Prints the bound and the path that leads to it. False when it is more than there is."""
    walker = Walker(graph, library)
    worst, fault = walker.depth(ROOT), walker.depth(FAULT)
    handler = max((EXCEPTION_BYTES + walker.depth(name).total for name in interrupts), default=0)
    need = worst.total + handler + EXCEPTION_BYTES + fault.total
    print(f"{board} {name:5}: stack  {need:6} of {have:6} bytes" + ("  TOO DEEP" if need > have else ""))
    print("  " + " > ".join(f"{title.rpartition(':')[2]} {frame}" for title, frame in worst.path))
    return need <= have


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tools", default="arm-none-eabi-", help="prefix of size and objdump")
    parser.add_argument("--board", required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--port", type=Path, required=True, help="the port's folder")
    parser.add_argument("--elf", type=Path, required=True)
    parser.add_argument("--rom-elf", type=Path, help="the boot loader, when this program calls it")
    parser.add_argument("--rom", type=Path, nargs="*", default=[], help="those objects of the boot loader")
    parser.add_argument("objects", type=Path, nargs="+")
    args = parser.parse_args()
    interrupts, pointers = of_port(args.port)
    POINTERS.extend(pointers)
    try:
        library = Library(f"{args.tools}objdump", {"": args.elf} | ({"rom:": args.rom_elf} if args.rom_elf else {}))
        have = reserved_bytes(f"{args.tools}size", args.elf)
        good = prove(args.board, args.name, load(args.objects, args.rom), library, interrupts, have)
    except Unproved as why:
        print(f"{args.name}: the stack's depth is not proved: {why}", file=sys.stderr)
        return 1
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
