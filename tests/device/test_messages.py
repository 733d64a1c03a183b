"""The codec of the offload messages against offload.cddl: what it takes is what the file allows, byte for byte, and no more.

The judge is zcbor's own validator of CDDL, and canonical CBOR of cbor2: neither knows the tables that the codec works by.
"""

from __future__ import annotations

import ctypes
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cbor2
import pytest

from rig.device.offload import OffloadClient

from .test_contract import MESSAGES, SLOT, Recorder

FIRMWARE = Path(__file__).parents[2] / "firmware"
CDDL = (FIRMWARE / "proto" / "offload.cddl").read_text()
STRUCT_BYTES = 4096
"""More than any message's struct."""

BYTES = tuple(bytes(n) for n in (0, 1, 3, 4, 5, 6, 7, 16, 17, 32, 33, 64, 65, 256, 257))
NUMBERS = (0, 1, 23, 24, 255, 256, 65534, 65535, 65536, 2**32 - 1, 2**32, 2**64 - 1, -1)
LISTS: tuple[list[Any], ...] = ([], [1], [1, 2], [1, 2, 3], [1, 2, 3, 4], [1, b""], [2**32, 1], [[1, 2]])
OTHERS: tuple[Any, ...] = (
    False,
    True,
    None,
    "",
    "text",
    {},
    {"offset": 1, "len": 2},
    1.0,
    cbor2.CBORTag(2, b"\x01"),
    cbor2.undefined,
)
VALUES = (*NUMBERS, *BYTES, *LISTS, *OTHERS)


class Codec:
    """firmware/smp/message.c, compiled for this machine."""

    def __init__(self) -> None:
        path = FIRMWARE / "build" / "libmessages.so"
        assert path.is_file(), "make firmware builds it"
        self._lib = ctypes.CDLL(str(path))
        self._lib.message_decode.restype = self._lib.message_encode.restype = ctypes.c_bool

    def taken(self, rule: str, body: bytes) -> bytes | None:
        """The bytes that come out again of what it has read; None when it refuses them."""
        message = ctypes.byref(ctypes.c_char.in_dll(self._lib, f"{rule}_message"))
        kept, struct = ctypes.create_string_buffer(body, len(body)), ctypes.create_string_buffer(STRUCT_BYTES)
        if not self._lib.message_decode(message, kept, ctypes.c_size_t(len(body)), struct):
            return None
        out, size = ctypes.create_string_buffer(STRUCT_BYTES), ctypes.c_size_t()
        assert self._lib.message_encode(message, struct, out, ctypes.c_size_t(STRUCT_BYTES), ctypes.byref(size))
        return out.raw[: size.value]


@pytest.fixture(scope="module")
def codec() -> Codec:
    return Codec()


@pytest.fixture(scope="module")
def rules() -> Any:
    zcbor = pytest.importorskip("zcbor", reason="zcbor is a build tool: pip install 'zcbor==0.9.1'")
    return zcbor.DataTranslator.from_cddl(CDDL, 3).my_types


def sample(call: Any) -> dict[str, Any]:
    recorder = Recorder()
    call(OffloadClient(recorder))
    return recorder.sent


def fullest() -> dict[str, dict[str, Any]]:
    """Of each kind of request one with as many of its fields as there are, whether or not they go together."""
    found: dict[str, dict[str, Any]] = {}
    for rule, call in MESSAGES:
        found[rule] = {**found.get(rule, {}), **sample(call)}
    return found


REQUESTS = fullest()


def has_negative(value: Any) -> bool:
    """No number of the file is signed; zcbor's validator lets -1 pass as a uint."""
    if isinstance(value, dict | list):
        return any(map(has_negative, value.values() if isinstance(value, dict) else value))
    return isinstance(value, int) and value < 0


def allowed(rules: Any, rule: str, body: bytes) -> bool:
    """By the CDDL and by the rules of canonical CBOR (RFC 8949, 4.2.3: shorter keys first)."""
    try:
        value = cbor2.loads(body)
        if cbor2.dumps(value, canonical=True) != body or has_negative(value):
            return False
        rules[rule].validate_str(body)
    except Exception:  # what a validator of anything raises on anything
        return False
    return True


def changed_values(body: dict[str, Any]) -> Iterator[bytes]:
    for key in body:
        yield cbor2.dumps({other: value for other, value in body.items() if other != key}, canonical=True)
        yield cbor2.dumps({other + "x" * (other == key): value for other, value in body.items()}, canonical=True)
        for value in VALUES:
            yield cbor2.dumps({**body, key: value}, canonical=True)
    yield cbor2.dumps({**body, "zzzzzzzzzzzzzzzzzzzzzzzzzz": 1}, canonical=True)
    yield cbor2.dumps({**body, "a": 1}, canonical=True)
    yield cbor2.dumps(dict[Any, Any](body) | {1: 1}, canonical=True)


def map_head(n: int) -> bytes:
    return bytes([0xA0 + n]) if n < 24 else bytes([0xB8, n])


def long_forms(value: Any) -> Iterator[bytes]:
    """The same value in more bytes than it needs."""
    if isinstance(value, bool):
        yield b"\xf8" + bytes([20 + value])
    elif isinstance(value, int):
        for head, width in ((0x18, 1), (0x19, 2), (0x1A, 4), (0x1B, 8)):
            if value < 1 << 8 * width:
                yield bytes([head]) + value.to_bytes(width, "big")
    elif isinstance(value, bytes) and len(value) < 256:
        yield b"\x59" + len(value).to_bytes(2, "big") + value
        yield b"\x5f" + cbor2.dumps(value) + b"\xff"
    elif isinstance(value, list):
        yield b"\x9f" + b"".join(map(cbor2.dumps, value)) + b"\xff"


def changed_bytes(body: dict[str, Any]) -> Iterator[bytes]:
    whole = cbor2.dumps(body, canonical=True)
    pairs = [(cbor2.dumps(key), cbor2.dumps(value)) for key, value in cbor2.loads(whole).items()]
    flat, n = [key + value for key, value in pairs], len(pairs)
    yield from (whole[:cut] for cut in range(len(whole)))
    yield from (whole + more for more in (b"\x00", b"\xa0", b"\xff"))
    yield from (map_head(count) + b"".join(flat) for count in (n - 1, n + 1))
    yield b"\xbf" + b"".join(flat) + b"\xff"
    yield b"\xb9" + n.to_bytes(2, "big") + b"".join(flat)
    yield b"\x80" + whole
    for at in range(n):
        yield map_head(n + 1) + b"".join([*flat[: at + 1], *flat[at:]])  # doubled
        yield map_head(n) + b"".join([*flat[:at], *flat[at + 1 : at + 2], flat[at], *flat[at + 2 :]])  # the next one first
        key, value = cbor2.loads(pairs[at][0]), cbor2.loads(pairs[at][1])
        for form in (pairs[at][0] + long for long in long_forms(value)):
            yield map_head(n) + b"".join([*flat[:at], form, *flat[at + 1 :]])
        text = b"\x78" + bytes([len(key)]) + key.encode() + pairs[at][1]
        yield map_head(n) + b"".join([*flat[:at], text, *flat[at + 1 :]])


@pytest.mark.parametrize(("rule", "call"), MESSAGES)
def test_what_the_rig_sends_is_taken_with_every_value(codec: Codec, rule: str, call: Any) -> None:
    body = cbor2.dumps(sample(call), canonical=True)
    assert codec.taken(rule, body) == body


@pytest.mark.parametrize("rule", REQUESTS)
def test_it_takes_what_the_cddl_allows_and_nothing_else(codec: Codec, rules: Any, rule: str) -> None:
    taken = refused = 0
    for bodies in (changed_values(REQUESTS[rule]), changed_bytes(REQUESTS[rule])):
        for body in bodies:
            ours = codec.taken(rule, body)
            if allowed(rules, rule, body):
                assert ours == body, body.hex()
                taken += 1
            else:
                assert ours is None, body.hex()
                refused += 1
    assert taken > 0
    assert refused > 20


def test_the_full_slot_has_every_field_of_the_file() -> None:
    """Else the one above would leave fields out."""
    slot = CDDL[CDDL.index("\nadd_tcp_slot_req = {") :]
    named = slot[: slot.index("\n}")].count('": ')
    assert len(REQUESTS["add_tcp_slot_req"]) == named > len(SLOT.wire())


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ('bad_req = { "n": int }', "bad_req.n: .* is nothing that a field can be"),
        ('bad_req = { "n": 70000..80000 }', "bad_req.n: 70000 to 80000 in 4 bytes"),
        ('bad_req = { "long": uint .size 1, "n": uint .size 1 }', "bad_req: its keys do not stand in canonical order"),
    ],
)
def test_what_the_tables_cannot_say_ends_the_build(tmp_path: Path, rule: str, why: str) -> None:
    cddl = tmp_path / "some.cddl"
    cddl.write_text(rule + "\n")
    argv = [sys.executable, str(FIRMWARE / "proto" / "messages.py"), str(cddl), str(tmp_path / "out")]
    built = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert built.returncode == 1
    assert re.search(why, built.stderr), built.stderr
    assert list(tmp_path.iterdir()) == [cddl]
