"""The one answer there is: <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>, with the window and the timestamps that the host would send."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from rig.inject.frames import ETHERNET_BYTES, transport
from rig.net.tcp_options import timestamps as timestamps_in
from rig.suite.differential.connection import Connection
from rig.suite.differential.segment import ACK, HEADER_BYTES, LETTERS, PROTOCOL, ones_complement_sum
from rig.suite.differential.sequence import MOD


@dataclass(frozen=True)
class Answer:
    head: str
    """`head_of`: MACs, addresses, ports, TTL, TOS, DF are the slot's, whatever is answered."""
    seq: int
    ack: int
    flags: int
    window: int
    urgent: int
    data_bytes: int
    timestamps: tuple[int, int] | None

    @classmethod
    def of_frame(cls, frame: bytes) -> Answer:
        """Raises ValueError for what is no TCP segment over IPv4, or one whose checksums do not hold."""
        if frame[12:14] != b"\x08\x00" or frame[23] != PROTOCOL:
            raise ValueError(f"no TCP segment over IPv4: {frame.hex()}")
        _, start = transport(frame)
        end = ETHERNET_BYTES + int.from_bytes(frame[16:18], "big")
        if ones_complement_sum(frame[ETHERNET_BYTES:start], 0) != 0xFFFF:
            raise ValueError(f"the IP checksum does not hold: {frame.hex()}")
        if ones_complement_sum(frame[start - 8 : end], PROTOCOL + end - start) != 0xFFFF:
            raise ValueError(f"the TCP checksum does not hold: {frame.hex()}")
        seq, ack, offset, flags, window, _, urgent = struct.unpack_from("!IIBBHHH", frame, start + 4)
        data = start + (offset >> 4) * 4
        stamps = timestamps_in(frame[start + HEADER_BYTES : data])
        return cls(head_of(frame), seq, ack, flags, window, urgent, end - data, stamps)

    def __str__(self) -> str:
        letters = "".join(letter for bit, letter in enumerate(LETTERS) if self.flags >> bit & 1)
        stamps = f" TSval {self.timestamps[0]} TSecr {self.timestamps[1]}" if self.timestamps else ""
        return f"[{letters}] SEQ {self.seq} ACK {self.ack} WND {self.window} URG {self.urgent} {self.data_bytes} bytes{stamps}"


def head_of(frame: bytes) -> str:
    """What is under no number of TCP's and does not count: length, identification and checksums are left out."""
    parts = (frame[:14], frame[14:16], frame[20:24], frame[26:34], frame[34:38])
    return " ".join(part.hex() for part in parts)


def due(connection: Connection, now_us: int, head: str) -> Answer:
    """What is to be sent at that moment; the connection is as it was when the segment came."""
    stamps = (connection.tsval_at(now_us), connection.ts_recent) if connection.ts_on else None
    return Answer(head, connection.snd_nxt, connection.rcv_nxt, ACK, connection.window_field, 0, 0, stamps)


def faults(answer: Answer, wanted: Answer, spare_ticks: int = 0) -> list[str]:
    """The fields that are wrong, and by which text. `spare_ticks`: TSval may be so much further than wanted."""
    fields = (
        ("Ethernet header, IHL and TOS, DF, TTL and protocol, addresses, ports", answer.head, wanted.head, "the slot's"),
        ("SEQ", answer.seq, wanted.seq, "SND.NXT, RFC 9293 3.10.7.4"),
        ("ACK", answer.ack, wanted.ack, "RCV.NXT never moves, contract 4"),
        ("flags", answer.flags, wanted.flags, "ACK alone, RFC 9293 3.10.7.4"),
        ("window", answer.window, wanted.window, "the right edge stays, RFC 9293 3.8.6, in units of the scale"),
        ("urgent pointer", answer.urgent, wanted.urgent, "no URG"),
        ("bytes of data", answer.data_bytes, wanted.data_bytes, "an ACK has none"),
    )
    wrong = [f"{name} {got}, expected {due} ({text})" for name, got, due, text in fields if got != due]
    return wrong + _wrong_timestamps(answer.timestamps, wanted.timestamps, spare_ticks)


def _wrong_timestamps(got: tuple[int, int] | None, wanted: tuple[int, int] | None, spare_ticks: int) -> list[str]:
    if got is None or wanted is None:
        text = "RFC 7323 3.2: in every segment, or in none"
        return [] if got == wanted else [f"timestamps {got}, expected {wanted} ({text})"]
    wrong = []
    if (got[0] - wanted[0]) % MOD > spare_ticks:
        wrong.append(f"TSval {got[0]}, expected {wanted[0]} (the host's clock goes on, RFC 7323 5.4)")
    if got[1] != wanted[1]:
        wrong.append(f"TSecr {got[1]}, expected {wanted[1]} (TS.Recent, RFC 7323 3.2)")
    return wrong
