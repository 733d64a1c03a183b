"""What a namespace's kernel counted.

`read` gives the counters of /proc/net/snmp, netstat and snmp6 under the names that `nstat` prints (TcpRetransSegs,
TcpExtTCPChallengeACK, IpExtInOctets, Ip6InReceives). The handoff's proof is a difference: read on the peer before and after, and
nothing that a lost, doubled or stale segment would have counted may have moved.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rig.net.namespace import Namespace

HANDOFF_FAULTS = (
    "TcpRetransSegs",
    "TcpExtTCPChallengeACK",
    "TcpExtPAWSEstab",
    "TcpExtTCPSynChallenge",
    "TcpExtTCPDSACKOldSent",
    "TcpExtTCPDSACKRecv",
    "TcpExtTCPACKSkippedPAWS",
    "TcpExtTCPACKSkippedSeq",
    "TcpExtTCPTimeouts",
    "TcpExtTCPLostRetransmit",
    "TcpExtTCPSpuriousRtxHostQueues",
    "TcpExtTCPOFOQueue",
    "TcpInErrs",
    "TcpInCsumErrors",
    "TcpOutRsts",
)
"""Counters that stay as they are on a peer whose connection is handed over cleanly."""


def read(namespace: Namespace) -> dict[str, int]:
    """All counters, by nstat's names; gauges such as TcpCurrEstab are among them."""
    return namespace.run(read_here)


def read_here() -> dict[str, int]:
    """As `read`, of the calling thread's namespace."""
    folder = Path("/proc/thread-self/net")
    counters: dict[str, int] = {}
    for name in ("snmp", "netstat"):
        lines = (folder / name).read_text().splitlines()
        for header, values in zip(lines[::2], lines[1::2], strict=True):
            group, *keys = header.split()
            counters |= {group[:-1] + key: int(value) for key, value in zip(keys, values.split()[1:], strict=True)}
    if (folder / "snmp6").exists():
        counters |= {key: int(value) for key, value in (line.split() for line in (folder / "snmp6").read_text().splitlines())}
    return counters


def difference(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    """What moved, and by how much."""
    return {key: value - before.get(key, 0) for key, value in after.items() if value != before.get(key, 0)}


def handoff_faults(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    """The moved counters among HANDOFF_FAULTS; empty after a clean handoff."""
    return {key: count for key, count in difference(before, after).items() if key in HANDOFF_FAULTS}
