"""Classic BPF, run as Linux describes it (Documentation/networking/filter.rst): the independent word on what a program passes."""

from __future__ import annotations

import operator
import struct
from collections.abc import Callable

OP = struct.Struct("<HBBI")
WORD = 0xFFFFFFFF
LD, LDX, ST, STX, ALU, JMP, RET, MISC = range(8)
"""Low three bits of a code: its class."""
IMM, ABS, IND, MEM, LEN, MSH = 0x00, 0x20, 0x40, 0x60, 0x80, 0xA0
SIZES = {0x00: 4, 0x08: 2, 0x10: 1}
X_OPERAND = 0x08
A_RETURNED = 0x10
TXA = 0x80

ALU_OPS: dict[int, Callable[[int, int], int]] = {
    0x00: operator.add,
    0x10: operator.sub,
    0x20: operator.mul,
    0x30: operator.floordiv,
    0x40: operator.or_,
    0x50: operator.and_,
    0x60: lambda a, k: a << k if k < 32 else 0,
    0x70: lambda a, k: a >> k if k < 32 else 0,
    0x90: operator.mod,
    0xA0: operator.xor,
}
JUMPS: dict[int, Callable[[int, int], bool]] = {
    0x10: operator.eq,
    0x20: operator.gt,
    0x30: operator.ge,
    0x40: lambda a, k: bool(a & k),
}


def passes(program: bytes, packet: bytes) -> bool:
    """A load beyond the packet, and a division by 0, end it with 0."""
    try:
        return _run([OP.unpack_from(program, at) for at in range(0, len(program), OP.size)], packet) != 0
    except (IndexError, ZeroDivisionError):
        return False


def _run(ops: list[tuple[int, int, int, int]], packet: bytes) -> int:
    a = x = at = 0
    memory = [0] * 16
    while True:
        code, yes, no, k = ops[at]
        at += 1
        match code & 7:
            case 0:
                a = _load(code, k, x, packet, memory)
            case 1:
                x = _load(code, k, 0, packet, memory)
            case 2:
                memory[k] = a
            case 3:
                memory[k] = x
            case 4:
                a = (-a if code & 0xF0 == 0x80 else ALU_OPS[code & 0xF0](a, x if code & X_OPERAND else k)) & WORD
            case 5:
                taken = JUMPS.get(code & 0xF0)
                at += k if taken is None else yes if taken(a, x if code & X_OPERAND else k) else no
            case 6:
                return a if code & 0x18 == A_RETURNED else k
            case _:
                a, x = (x, x) if code & 0xF8 == TXA else (a, a)


def _load(code: int, k: int, x: int, packet: bytes, memory: list[int]) -> int:
    mode = code & 0xE0
    if mode == IMM:
        return k
    if mode == LEN:
        return len(packet)
    if mode == MEM:
        return memory[k]
    if mode == MSH:
        return (packet[k] & 15) * 4
    start, size = k + (x if mode == IND else 0), SIZES[code & 0x18]
    if start + size > len(packet):
        raise IndexError
    return int.from_bytes(packet[start : start + size], "big")
