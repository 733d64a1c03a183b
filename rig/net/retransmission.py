"""How long the kernels of a bench's peers wait before they send a segment again.

Linux does so after 200 ms at the earliest (TCP_RTO_MIN). A host that wakes while the machine is busy with other tests answers
later than that now and then: the peer would repeat the push, and its counters would tell of the machine what a test asks of the
device. So the peers wait longer. The host's own kernel keeps its 200 ms, as its routes are part of what is tested; it waits as
well where a test has it send at the very moment of a wake, when the device still has what comes back.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv6Interface
from typing import Any

from rig.net import links
from rig.net.machines import Leg

PATIENT_MS = 2000
"""Ten times the kernel's own, and less than half of what a test waits for a push."""
KERNELS_OWN_MS = 200
"""TCP_RTO_MIN: a fifth of a second."""

RTAX_RTO_MIN = 13
"""rtnetlink.h; the kernel heeds it only with its bit in RTAX_LOCK."""
IPV6_METRIC = 256
"""Of the routes that the kernel makes for IPv6 addresses (IP6_RT_PRIO_ADDRCONF)."""


def metrics(least_ms: int) -> dict[str, int]:
    """Of a route whose segments are not sent again before `least_ms`."""
    return {"lock": 1 << RTAX_RTO_MIN, "rto_min": least_ms}


PATIENT = metrics(PATIENT_MS)
"""As peers are made."""


def set_metrics(route: Any, leg: Leg, metrics: Mapping[str, int]) -> None:
    """Of the leg's own networks: replaces the routes that the kernel made with its addresses."""
    for address in leg.addresses:
        own: dict[str, Any] = {"dst": str(address.network), "oif": links.index_of(leg.ifname), "proto": "kernel"}
        if isinstance(address, IPv6Interface):
            own |= {"priority": IPV6_METRIC}
        else:
            own |= {"prefsrc": str(address.ip), "scope": "link"}
        route.route("replace", metrics=dict(metrics), **own)
