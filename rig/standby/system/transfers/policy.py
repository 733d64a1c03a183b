"""Which transfers may run on the network that there is (BTR-007 to 014), as a pure function of what the host is in.

A phone goes by the table of the specification; a desktop by what the enumeration says (B-24): only UNRESTRICTED_ONLY minds the
price. What the user restricts, and a host that saves energy, stands above every cost policy, and shows as PAUSED_SYSTEM_POLICY.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from rig.standby.system.situation import Situation
from rig.standby.wire.surroundings import NetworkCostType, Surroundings
from rig.standby.wire.transfer_enums import BackgroundTransferCostPolicy as CostPolicy
from rig.standby.wire.transfer_enums import BackgroundTransferStatus as Status


class Network(Enum):
    """Columns of the phone's table; the value is what the timeline calls it."""

    FREE = "a network without a price"
    ON_TRACK = "a metered network"
    HEADING_OVER = "a metered network, and the plan will be exceeded"
    ROAMING = "a metered network, roaming"
    OVER = "a metered network, over the limit of the plan"


ALL = frozenset(CostPolicy)
PHONE = {
    Network.FREE: ALL,
    Network.ON_TRACK: frozenset({CostPolicy.DEFAULT, CostPolicy.ALWAYS}),
    Network.HEADING_OVER: frozenset({CostPolicy.ALWAYS}),
    Network.ROAMING: frozenset({CostPolicy.ALWAYS}),
    Network.OVER: frozenset({CostPolicy.ALWAYS}),
}
"""The policies that allow it. That a phone denies all of them over the limit is the user's restriction."""
DESKTOP = dict.fromkeys(Network, PHONE[Network.ON_TRACK]) | {Network.FREE: ALL}


class Verdict(NamedTuple):
    """RUNNING, or the status that it is paused with, and why."""

    status: Status
    why: str = ""


RUNS = Verdict(Status.RUNNING)


def network_of(around: Surroundings) -> Network:
    """Whoever roams, or whose price nobody knows, is not on a free one."""
    if around.cost is NetworkCostType.UNRESTRICTED and not around.roaming:
        return Network.FREE
    if around.over_data_limit:
        return Network.OVER
    if around.roaming:
        return Network.ROAMING
    return Network.HEADING_OVER if around.approaching_data_limit else Network.ON_TRACK


def verdict(policy: CostPolicy, situation: Situation, *, family: str, package: str, foreground: bool) -> Verdict:
    """Of an operation of an app: of one that the user sees, or not. A pause that the user or the system is for comes before one
    for the price: the app could change the policy, and it would still be paused."""
    if not situation.internet_available:
        return Verdict(Status.PAUSED_NO_NETWORK, "no network" if not situation.network.connected else "no internet")
    around = situation.surroundings
    network = network_of(around)
    restricted = _restricted(around, package, foreground=foreground)
    if restricted is not None:
        return Verdict(Status.PAUSED_SYSTEM_POLICY, restricted)
    if policy not in (PHONE if family == "phone" else DESKTOP)[network]:
        return Verdict(Status.PAUSED_COSTED_NETWORK, network.value)
    if family == "phone" and network is Network.OVER:
        return Verdict(Status.PAUSED_SYSTEM_POLICY, network.value)
    return RUNS


def _restricted(around: Surroundings, package: str, *, foreground: bool) -> str | None:
    """By the user, or the battery; what is before the user's eyes goes on (BTR-014)."""
    if foreground:
        return None
    if around.energy_saver_on and package not in around.energy_saver_exempt:
        return "battery saver"
    return "the user restricts background data" if around.background_data_restricted else None
