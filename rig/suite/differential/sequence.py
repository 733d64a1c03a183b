"""Arithmetic of 32-bit sequence numbers and timestamps (RFC 9293 3.4, RFC 7323 5.2)."""

from __future__ import annotations

MOD = 2**32
HALF = 2**31


def before(a: int, b: int) -> bool:
    """a < b: 0 < b - a < 2^31 in unsigned 32-bit arithmetic. What is exactly 2^31 apart is neither before nor after."""
    return 0 < (b - a) % MOD < HALF


def within(number: int, start: int, length: int) -> bool:
    """start =< number < start + length; never true for a length of 0."""
    return (number - start) % MOD < length


def later(a: int, b: int) -> int:
    """The one that is not before the other."""
    return b if before(a, b) else a
