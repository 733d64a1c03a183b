"""Programmable filters: classic BPF in the engine, judged by libpcap on the same frames."""

from __future__ import annotations

import ctypes as c
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6
from scapy.layers.l2 import Dot1Q

from rig.device.bpf import MAX_INSTRUCTIONS, Instruction, Program, compile_filter, libpcap, pack
from rig.errors import UsageError
from tests.engine import engine_lib as lib
from tests.engine.engine_lib import BAD_ARG, BAD_LEN, D3, HOST_IP, HOST_MAC, LIST_FULL, OK, PROGRAM, Engine
from tests.engine.packets import arp, ether, tcp, udp

EXPRESSIONS = [
    "udp port 5000", "tcp port 443", "tcp and host 192.0.2.2", "arp", "ip6", "icmp or icmp6", "ip proto 17", "less 80",
    "greater 500", "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0", "udp[8:4] = 0x01020304", "ip[8] < 5", "portrange 1000-60000",
    "not ip", "vlan",
    "ether host 02:00:00:00:00:01", "ether multicast", "ip[0] & 0xf != 5", "udp[4:2] - 8 > 100", "len % 7 = 3", "ip6[6] = 58",
    "tcp[((tcp[12] & 0xf0) >> 2):2] = 0x4745", "ether[40:2] * 3 & 0xff > ether[15] / 2", "src net 192.0.2.0/24 and dst port 9",
]  # fmt: skip
RET_K, RET_A, LD_ABS_W, LD_IMM, LD_LEN, LD_IND_B, LD_MEM, ST, JA, JEQ, TAX = (
    0x06,
    0x16,
    0x20,
    0x00,
    0x80,
    0x50,
    0x60,
    0x02,
    0x05,
    0x15,
    7,
)
DIV_K, DIV_X, MOD_X, LSH_K, LSH_X, LDX_MEM, LDX_MSH = 0x34, 0x3C, 0x9C, 0x64, 0x6C, 0x61, 0xB1
ACCEPT = (RET_K, 0, 0, 1)


class Header(c.Structure):
    """struct pcap_pkthdr."""

    _fields_ = [("s", c.c_long), ("us", c.c_long), ("captured", c.c_uint32), ("length", c.c_uint32)]


def libpcap_says(program: bytes, frame: bytes) -> int:
    """What libpcap's own interpreter returns for the frame."""
    count = len(program) // 8
    listed = (Instruction * count).from_buffer_copy(program)
    header = Header(0, 0, len(frame), len(frame))
    return int(libpcap().pcap_offline_filter(c.byref(Program(count, listed)), c.byref(header), frame)) & 0xFFFFFFFF


class Machine:
    """The engine's interpreter, without an engine around it. `result` is None for a program that is not accepted."""

    def __init__(self, program: bytes) -> None:
        self.count = len(program) // 8
        self.ops = (c.c_uint64 * max(1, self.count))()
        lib._LIB.bpf_read(self.ops, program, c.c_uint16(self.count))
        lib._LIB.bpf_verify.restype = c.c_bool
        lib._LIB.bpf_run.restype = c.c_uint32
        self.accepted = lib._LIB.bpf_verify(self.ops, c.c_uint16(self.count))

    def result(self, frame: bytes) -> int | None:
        if not self.accepted:
            return None
        exact = (c.c_uint8 * len(frame)).from_buffer_copy(frame)
        return int(lib._LIB.bpf_run(self.ops, c.c_uint16(self.count), exact, c.c_uint32(len(frame))))


MACHINES = {expression: Machine(compile_filter(expression)) for expression in EXPRESSIONS}
PROGRAMS = {expression: compile_filter(expression) for expression in EXPRESSIONS}


def some_frames() -> list[bytes]:
    v6 = IPv6(src="2001:db8::2", dst="2001:db8::1")
    return [
        arp(), udp(dport=5000), udp(b"\x01\x02\x03\x04" * 30), udp(ttl=3), tcp("S"), tcp("PA", payload=b"GET /" * 20),
        tcp("FA", ts=(1, 2)), tcp("S", l3=v6), bytes(ether() / v6 / ICMPv6EchoRequest()), udp(bytes(1000)),
        udp(dst=b"\xff" * 6, frag=3),
        bytes(ether() / IP(src="192.0.2.9", dst=HOST_IP) / ICMP()),
        bytes(ether() / Dot1Q(vlan=5) / IP(src="1.2.3.4", dst=HOST_IP)),
        bytes(ether() / IP(src="192.0.2.9", dst=HOST_IP, options=b"\x01\x01\x01\x00") / ICMP()),
        HOST_MAC * 2 + b"\x88\x8e" + bytes(40), b"", b"\x01", HOST_MAC + bytes(7),
    ]  # fmt: skip


SEEDS = some_frames()


@st.composite
def frames(draw: st.DrawFn) -> bytes:
    """A real frame with a few bytes changed and an end cut off or added; or bytes."""
    if draw(st.booleans()):
        return draw(st.binary(max_size=200))
    frame = bytearray(draw(st.sampled_from(SEEDS)))
    for at, value in draw(st.lists(st.tuples(st.integers(0, 80), st.integers(0, 255)), max_size=4)):
        if at < len(frame):
            frame[at] = value
    return bytes(frame[: draw(st.integers(0, len(frame)))]) if draw(st.booleans()) else bytes(frame)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(frame=frames())
def test_libpcap_judges_every_expression(frame: bytes) -> None:
    for expression, machine in MACHINES.items():
        assert machine.accepted, expression
        assert machine.result(frame) == libpcap_says(PROGRAMS[expression], frame), expression


def test_the_judge_tells_expressions_apart() -> None:
    """Negative control: on the seed frames each expression is both true and false."""
    for expression, machine in MACHINES.items():
        assert {bool(machine.result(frame)) for frame in SEEDS} == {True, False}, expression


CODES = list(range(256))  # known and unknown
small = st.integers(0, 40)
instructions = st.tuples(
    st.sampled_from(CODES), st.integers(0, 6), st.integers(0, 6), st.one_of(small, st.integers(0, 2**32 - 1))
)
CLEARED = [(ST, 0, 0, cell) for cell in range(16)]
"""In front of programs that may read scratch memory: libpcap leaves what lies there, the engine starts with zeros."""


@settings(max_examples=1500, deadline=None)
@given(body=st.lists(instructions, max_size=20), frame=frames())
def test_any_program_that_is_accepted_does_what_libpcap_does(body: list[tuple[int, int, int, int]], frame: bytes) -> None:
    """What our verifier takes, libpcap's takes too, and both interpreters agree on it."""
    program = pack(*CLEARED, *body, ACCEPT)
    machine = Machine(program)
    if machine.accepted:
        count = len(program) // 8
        assert libpcap().bpf_validate((Instruction * count).from_buffer_copy(program), count)
        assert machine.result(frame) == libpcap_says(program, frame)


@pytest.mark.parametrize("valid", [0x00, 0x20, 0x28, 0x30, 0x40, 0x48, 0x50, 0x60, 0x80, 0x01, 0x61, 0x81, 0xB1, 0x02, 0x03,
    0x07, 0x87,
                                   *(0x04 + op for op in range(0, 0xB0, 8) if op != 0x88)])  # fmt: skip
def test_every_instruction_agrees_with_libpcap(valid: int) -> None:
    """Each load, store, move and arithmetic instruction, on operands that matter: 0, 31, 32, the end of the frame."""
    rnd = random.Random(valid)
    frame = rnd.randbytes(64)
    for k in (1, 3, 15, 31) if valid in (0x60, 0x61, 0x02, 0x03) else (1, 15, 31, 60, 61, 62, 63, 64, 2**32 - 1):
        for x in (0, 1, 31, 32, 60, 63, 64, 2**32 - 1):
            program = pack(
                (LD_IMM, 0, 0, x),
                (TAX, 0, 0, 0),
                (LD_ABS_W, 0, 0, 4),
                *CLEARED,
                (valid, 0, 0, k),
                (0x0C, 0, 0, 0),
                (RET_A, 0, 0, 0),
            )
            machine = Machine(program)
            if machine.accepted:
                assert machine.result(frame) == libpcap_says(program, frame), (hex(valid), k, x)
            else:
                assert (valid in (0x60, 0x61, 0x02, 0x03) and k > 15) or (valid in (0x64, 0x74) and k > 31), (hex(valid), k)


REFUSED: dict[str, tuple[bytes, int]] = {
    "nothing": (b"", BAD_LEN),
    "half an instruction": (pack(ACCEPT)[:-1], BAD_LEN),
    "65 instructions": (pack(*[(LD_IMM, 0, 0, 0)] * 64, ACCEPT), BAD_LEN),
    "no return at the end": (pack(ACCEPT, (LD_IMM, 0, 0, 1)), BAD_ARG),
    "unknown code": (pack((0x99, 0, 0, 0), ACCEPT), BAD_ARG),
    "code above 255": (pack((0x106, 0, 0, 0), ACCEPT), BAD_ARG),
    "jump to the end": (pack((JEQ, 0, 1, 0), ACCEPT), BAD_ARG),
    "jump past the end": (pack((JEQ, 255, 0, 0), ACCEPT), BAD_ARG),
    "always past the end": (pack((JA, 0, 0, 1), ACCEPT), BAD_ARG),
    "always back": (pack((JA, 0, 0, 2**32 - 1), ACCEPT), BAD_ARG),
    "division by 0": (pack((DIV_K, 0, 0, 0), ACCEPT), BAD_ARG),
    "remainder by 0": (pack((0x94, 0, 0, 0), ACCEPT), BAD_ARG),
    "shift by 32": (pack((LSH_K, 0, 0, 32), ACCEPT), BAD_ARG),
    "scratch 16": (pack((ST, 0, 0, 16), ACCEPT), BAD_ARG),
    "scratch load 16": (pack((LDX_MEM, 0, 0, 16), ACCEPT), BAD_ARG),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_verifier_refuses(eng: Engine, name: str) -> None:
    program, rc = REFUSED[name]
    assert eng.pattern_add(1, type_=PROGRAM, prog=program) == rc
    assert eng.patterns() == {}
    assert eng.pattern_add(1, type_=PROGRAM, prog=pack(ACCEPT)) == OK


@pytest.mark.parametrize(
    "body",
    [[(LD_ABS_W, 0, 0, 2**32 - 1)], [(LD_ABS_W, 0, 0, 2**32 - 4)],
     [(LD_IMM, 0, 0, 2**32 - 1), (TAX, 0, 0, 0), (LD_IND_B, 0, 0, 1)],
     [(LDX_MSH, 0, 0, 5000)], [(DIV_X, 0, 0, 0)], [(MOD_X, 0, 0, 0)], [(0x28, 0, 0, 46)]],
)  # fmt: skip
def test_what_cannot_be_carried_out_is_no_match(eng: Engine, body: list[tuple[int, int, int, int]]) -> None:
    """Loads beyond the frame and division by X = 0; the control: one byte earlier, and it wakes."""
    frame = udp(b"12345")
    assert len(frame) == 47
    assert eng.pattern_add(1, type_=PROGRAM, prog=pack(*body, ACCEPT)) == OK
    eng.sleep()
    eng.rx(frame)
    assert eng.status.power == D3
    assert (eng.host_awake(), eng.release()[0], eng.pattern_remove(1)) == (OK, OK, OK)
    assert eng.pattern_add(1, type_=PROGRAM, prog=pack((0x28, 0, 0, 45), ACCEPT)) == OK
    eng.sleep()
    eng.rx(frame)
    assert eng.wake_event().pattern_id == 1


def test_a_filter_wakes_like_any_pattern(eng: Engine) -> None:
    assert eng.pattern_add(8, type_=PROGRAM, prog=compile_filter("udp port 5000")) == OK
    assert eng.pattern_add(9, type_=PROGRAM, prog=compile_filter("tcp port 5000"), priority=1) == OK
    eng.sleep()
    broken = bytearray(udp(dport=5000))
    broken[-1] ^= 1
    for quiet in (udp(dport=5001), tcp("PA", dport=5001), udp(dport=5000, dst=b"\x02" + bytes(5)), bytes(broken), arp()):
        eng.rx(quiet)
    assert eng.event() is None
    eng.rx(udp(dport=5000))
    assert eng.wake_event().pattern_id == 8
    assert eng.patterns() == {8: 1, 9: 0}


def test_a_filter_sees_the_padding_a_capture_would_show(eng: Engine) -> None:
    """54 bytes of segment in a frame of 60: the last byte can be loaded, the length is 60."""
    program = pack((LD_LEN, 0, 0, 0), (JEQ, 0, 3, 60), (0x30, 0, 0, 59), (JEQ, 0, 1, 0x55), ACCEPT, (RET_K, 0, 0, 0))
    assert eng.pattern_add(1, type_=PROGRAM, prog=program) == OK
    eng.sleep()
    eng.rx(tcp("A"))
    assert eng.event() is None
    eng.rx(tcp("A", pad=True))
    assert eng.wake_event().pattern_id == 1


def test_the_pool_is_shared_and_given_back(eng: Engine) -> None:
    """128 instructions in all; removing one in the middle leaves the others what they are."""
    ports = [5000, 5001, 5002, 5003, 5004, 5005]
    for port in ports:
        assert len(compile_filter(f"udp port {port}")) == 20 * 8
        assert eng.pattern_add(port, type_=PROGRAM, prog=compile_filter(f"udp port {port}")) == OK
    assert eng.pattern_add(1, type_=PROGRAM, prog=compile_filter("ip6 and udp port 1")) == LIST_FULL
    assert eng.pattern_add(2, type_=PROGRAM, prog=compile_filter("arp")) == OK
    assert eng.pattern_add(3, type_=PROGRAM, prog=compile_filter("arp")) == OK
    assert eng.pattern_add(4, type_=PROGRAM, prog=pack(ACCEPT)) == LIST_FULL
    for gone in (5002, 2, 5000):
        assert eng.pattern_remove(gone) == OK
    assert eng.pattern_add(6, type_=PROGRAM, prog=compile_filter("udp port 6")) == OK
    eng.sleep()
    for port, woken in [(5000, False), (5002, False), (5001, True), (5005, True), (6, True), (7, False)]:
        eng.rx(udp(dport=port))
        event = eng.event()
        assert (event.pattern_id if event else None) == (port if woken else None)
        if woken:
            assert (eng.host_awake(), eng.release()[0]) == (OK, OK)
            eng.sleep()


@pytest.mark.parametrize("times", [10_000])
def test_adding_and_removing_leaks_nothing(eng: Engine, times: int) -> None:
    longest = pack(*[(LD_IMM, 0, 0, 0)] * 63, ACCEPT)
    assert eng.pattern_add(1, type_=PROGRAM, prog=longest) == OK
    for i in range(times):
        assert eng.pattern_add(2, type_=PROGRAM, prog=longest) == OK
        if i % 3 == 0:
            eng.attach()
            assert eng.pattern_add(1, type_=PROGRAM, prog=longest) == OK
        else:
            assert eng.pattern_remove(2) == OK


@pytest.mark.parametrize(
    ("expression", "code"),
    [("udp prot 5000", "RIG-T04"), ("", ""), (" or ".join(f"host 10.0.0.{i}" for i in range(40)), "RIG-T05")],
)
def test_expressions_that_do_not_compile(expression: str, code: str) -> None:
    """An empty expression is every frame, as libpcap has it."""
    if code:
        with pytest.raises(UsageError, match=code):
            compile_filter(expression)
    else:
        assert compile_filter(expression)[:2] == b"\x06\0"
        assert len(compile_filter(expression)) <= MAX_INSTRUCTIONS * 8


def test_a_machine_without_libpcap_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    from rig.device import bpf
    from rig.errors import BenchError

    bpf.libpcap.cache_clear()
    monkeypatch.setattr(bpf, "LIBRARY", "libpcap-that-is-not-there.so")
    with pytest.raises(BenchError, match=r"RIG-T06 .*\n.*apt install libpcap0.8"):
        compile_filter("arp")
    bpf.libpcap.cache_clear()
