"""The proof of the stack's depth (firmware/stack_depth.py) refuses what it cannot know, and adds up what it can."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "firmware" / "stack_depth.py"


@pytest.fixture(scope="module")
def stack_depth() -> ModuleType:
    spec = importlib.util.spec_from_file_location("stack_depth", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["stack_depth"] = module  # dataclasses look themselves up
    spec.loader.exec_module(module)
    return module


class NoLibrary:
    def linked(self, title: str) -> bool:
        return True


def node(name: str, frame_bytes: int, kind: str = "static") -> str:
    return f'node: {{ title: "{name}" label: "{name}\\nx.c:1:1\\n{frame_bytes} bytes ({kind})" }}\n'


def edge(caller: str, callee: str, place: str = "x.c:1:1") -> str:
    return f'edge: {{ sourcename: "{caller}" targetname: "{callee}" label: "{place}" }}\n'


FRAMES = {"reset_entry": 8, "main": 100, "deep": 500, "wide": 900, "leaf": 4, "fault_entry": 0}
PROGRAM = "".join(node(name, size) for name, size in FRAMES.items())
CALLS = edge("reset_entry", "main") + edge("main", "deep") + edge("main", "wide") + edge("deep", "leaf") + edge("wide", "leaf")


def graph(module: ModuleType, tmp_path: Path, text: str) -> object:
    (tmp_path / "x.ci").write_text(text)
    return module.load([tmp_path / "x.o"], [])


def test_the_worst_path_is_the_sum_of_its_frames(
    stack_depth: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program = graph(stack_depth, tmp_path, PROGRAM + CALLS)
    need = 8 + 100 + 900 + 4 + stack_depth.EXCEPTION_BYTES
    assert stack_depth.prove("board", "image", program, NoLibrary(), [], need)
    assert "reset_entry 8 > main 100 > wide 900 > leaf 4" in capsys.readouterr().out
    assert not stack_depth.prove("board", "image", program, NoLibrary(), [], need - 1)
    assert "TOO DEEP" in capsys.readouterr().out


def test_an_interrupt_comes_on_top_of_the_worst_path(stack_depth: ModuleType, tmp_path: Path) -> None:
    """One at a time, and the deepest of them."""
    program = graph(stack_depth, tmp_path, PROGRAM + CALLS + node("rx", 40) + node("tick", 8))
    need = 8 + 100 + 900 + 4 + 2 * stack_depth.EXCEPTION_BYTES + 40
    assert stack_depth.prove("board", "image", program, NoLibrary(), ["tick", "rx"], need)
    assert not stack_depth.prove("board", "image", program, NoLibrary(), ["tick", "rx"], need - 1)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (edge("leaf", "main"), "recursion, as deep as nobody knows: main > (deep|wide) > leaf > main"),
        (edge("leaf", "leaf"), "leaf > leaf"),
        (edge("leaf", "__indirect_call", f"{__file__}:1:1"), "a call through a pointer nobody has listed"),
        (node("leaf", 4, "dynamic"), "leaf: its frame has no bound"),
    ],
)
def test_what_cannot_be_known_is_an_error(stack_depth: ModuleType, tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(stack_depth.Unproved, match=why):
        stack_depth.prove("board", "image", graph(stack_depth, tmp_path, PROGRAM + CALLS + text), NoLibrary(), [], 1 << 20)


@pytest.mark.parametrize(
    ("instruction", "size_bytes"),
    [
        ("push\t{r4, r5, r6, lr}", 16), ("stmdb\tsp!, {r4, r5, r6, r7, r8, lr}", 24), ("sub\tsp, #20", 20),
        ("sub.w\tsp, sp, #1024", 1024), ("str.w\tr8, [sp, #-4]!", 4), ("ldr\tr3, [sp, #8]", 0), ("add\tsp, #20", 0),
    ],
)  # fmt: skip
def test_library_functions_are_measured(stack_depth: ModuleType, instruction: str, size_bytes: int) -> None:
    assert stack_depth.pushed_bytes(instruction) == size_bytes
