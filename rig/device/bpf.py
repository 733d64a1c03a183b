"""pcap-filter expressions, compiled by libpcap into classic BPF for the device to run.

libpcap is loaded when an expression is first compiled, so that nobody else needs it. A program is a list of 8-byte
instructions: code u16, jump-if-true u8, jump-if-false u8, constant u32, as firmware/core/bpf.h has them.
"""

from __future__ import annotations

import ctypes as c
import struct
from functools import cache

from rig.errors import BenchError, UsageError

LIBRARY = "libpcap.so.0.8"
PACKAGE = "libpcap0.8"
ETHERNET = 1
"""DLT_EN10MB: the device sees Ethernet frames."""
SNAPLEN_BYTES = 65535
NETMASK_UNKNOWN = 0xFFFFFFFF
MAX_INSTRUCTIONS = 64
"""What the device takes in one program (ENG_PROGRAM_OPS)."""
WIRE = struct.Struct("<HBBI")


class Instruction(c.Structure):
    """struct bpf_insn."""

    _fields_ = [("code", c.c_ushort), ("jt", c.c_ubyte), ("jf", c.c_ubyte), ("k", c.c_uint32)]


class Program(c.Structure):
    """struct bpf_program."""

    _fields_ = [("length", c.c_uint), ("instructions", c.POINTER(Instruction))]


@cache
def libpcap() -> c.CDLL:
    """The library, once. Raises RIG-T06 when this machine has none."""
    try:
        lib = c.CDLL(LIBRARY)
    except OSError as exc:
        raise BenchError("RIG-T06", f"{LIBRARY} is missing; it compiles filter expressions", f"apt install {PACKAGE}") from exc
    lib.pcap_open_dead.restype = c.c_void_p
    lib.pcap_geterr.restype = c.c_char_p
    lib.pcap_geterr.argtypes = lib.pcap_close.argtypes = [c.c_void_p]
    lib.pcap_compile.argtypes = [c.c_void_p, c.POINTER(Program), c.c_char_p, c.c_int, c.c_uint32]
    return lib


class Compiled:
    """A program in memory of its own: `instructions` for libpcap's interpreter, bytes() for the device."""

    def __init__(self, program: Program) -> None:
        self.instructions = (Instruction * program.length)()
        c.memmove(self.instructions, program.instructions, c.sizeof(self.instructions))

    def __len__(self) -> int:
        return len(self.instructions)

    def __bytes__(self) -> bytes:
        return pack(*((i.code, i.jt, i.jf, i.k) for i in self.instructions))


def compile_any(expression: str) -> Compiled:
    """`expression` as pcap-filter(7) has it, to a program of any length. Raises RIG-T04 when libpcap refuses it."""
    lib, program = libpcap(), Program()
    dead = lib.pcap_open_dead(ETHERNET, SNAPLEN_BYTES)
    try:
        if lib.pcap_compile(dead, c.byref(program), expression.encode(), 1, NETMASK_UNKNOWN) != 0:
            reason = lib.pcap_geterr(dead).decode(errors="replace")
            raise UsageError("RIG-T04", f"filter {expression!r}: {reason}", "man 7 pcap-filter has the syntax")
        compiled = Compiled(program)
        lib.pcap_freecode(c.byref(program))
    finally:
        lib.pcap_close(dead)
    return compiled


def compile_filter(expression: str) -> bytes:
    """`expression` ("udp port 5000") to a program for the device. Raises RIG-T05 when it is longer than the device takes."""
    compiled = compile_any(expression)
    if len(compiled) > MAX_INSTRUCTIONS:
        cause = f"filter {expression!r} compiles to {len(compiled)} instructions, the device takes {MAX_INSTRUCTIONS}"
        raise UsageError("RIG-T05", cause, "name the IP version, protocol or direction, or split it into two patterns")
    return bytes(compiled)


def pack(*instructions: tuple[int, int, int, int]) -> bytes:
    """A program written by hand: (code, jt, jf, k) each."""
    return b"".join(WIRE.pack(*instruction) for instruction in instructions)
