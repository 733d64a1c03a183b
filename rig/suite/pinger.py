"""Ping as a kernel's raw socket sees it."""

from __future__ import annotations

import os
import socket
import struct

from scapy.utils import checksum

from rig.clock import WAIT_S, Deadline
from rig.net.namespace import Namespace

SILENT_S = 0.3
"""After which nobody answers."""


class Pinger:
    """Raw sockets of a machine's kernel, which checks addresses and (ICMPv6) checksums of what comes back."""

    def __init__(self, namespace: Namespace, family: int) -> None:
        self._v6 = family == socket.AF_INET6
        protocol = socket.IPPROTO_ICMPV6 if self._v6 else socket.IPPROTO_ICMP
        self._sock = namespace.socket(family, socket.SOCK_RAW, protocol)
        self._number = os.getpid() & 0xFFFF

    def ping(self, address: str, payload: bytes, number: int, timeout_s: float = WAIT_S) -> bytes | None:
        """The payload that came back, None when none did."""
        kind, wanted = (128, 129) if self._v6 else (8, 0)
        head = struct.pack("!BBHHH", kind, 0, 0, self._number, number)
        of_all = 0 if self._v6 else checksum(head + payload)
        self._sock.sendto(head[:2] + struct.pack("!H", of_all) + head[4:] + payload, (address, 0))
        deadline = Deadline(timeout_s)
        while not deadline.expired:
            self._sock.settimeout(max(deadline.remaining_s, 0.001))
            try:
                data, sender = self._sock.recvfrom(65536)
            except TimeoutError:
                return None
            message = data if self._v6 else data[(data[0] & 15) * 4 :]
            if sender[0] == address and (message[0], message[4:8]) == (wanted, head[4:8]):
                return message[8:]
        return None

    def close(self) -> None:
        self._sock.close()
