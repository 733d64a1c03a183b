"""How far links and addresses of the calling thread's namespace are.

A bench asks some dozen times while it is built. pyroute2 decodes every attribute of every link, four milliseconds of a
processor each time; a few of them are read here.
"""

from __future__ import annotations

import struct
import sys
from dataclasses import dataclass
from ipaddress import ip_address

from rig.net.dump import dump, values

RTM_GETLINK, RTM_GETADDR = 18, 22
IFLA_IFNAME, IFLA_QDISC, IFLA_OPERSTATE, IFLA_LINKINFO = 3, 6, 16, 18
IFLA_INFO_SLAVE_KIND, IFLA_INFO_SLAVE_DATA, IFLA_BRPORT_STATE = 4, 5, 1
IFA_ADDRESS, IFA_FLAGS, IFA_F_TENTATIVE = 1, 8, 0x40
IF_OPER_UNKNOWN, IF_OPER_UP = 0, 6
BR_STATE_FORWARDING = 3
"""rtnetlink.h, if_link.h, if_addr.h, if.h, if_bridge.h"""

IFINFOMSG_BYTES, IFADDRMSG_BYTES = 16, 8


@dataclass(frozen=True)
class LinkState:
    operational: bool
    qdisc: str
    forwards: bool
    """As a port of a bridge."""

    @property
    def carries_frames(self) -> bool:
        """Operational, and with a real queue: a link that just came up has "noop"."""
        return self.operational and self.qdisc != "noop"


def link_states() -> dict[str, LinkState]:
    """All links by name. Raises BenchError RIG-N06."""
    return dict(_link(values(message, IFINFOMSG_BYTES)) for message in dump(RTM_GETLINK, bytes(IFINFOMSG_BYTES)))


def address_states(index: int) -> dict[str, bool]:
    """Of that interface: whether each address is tentative. Raises BenchError RIG-N06."""
    found = dict[str, bool]()
    for message in dump(RTM_GETADDR, bytes(IFADDRMSG_BYTES)):
        (of_index,) = struct.unpack_from("=4xI", message)
        if of_index == index:
            attributes = values(message, IFADDRMSG_BYTES)
            found[str(ip_address(attributes[IFA_ADDRESS]))] = bool(_number(attributes.get(IFA_FLAGS)) & IFA_F_TENTATIVE)
    return found


def _link(found: dict[int, bytes]) -> tuple[str, LinkState]:
    info = values(found.get(IFLA_LINKINFO, b""), 0)
    is_port = _text(info.get(IFLA_INFO_SLAVE_KIND)) == "bridge"
    port = values(info.get(IFLA_INFO_SLAVE_DATA, b""), 0) if is_port else {}
    operational = found.get(IFLA_OPERSTATE) in (bytes([IF_OPER_UP]), bytes([IF_OPER_UNKNOWN]))
    forwards = port.get(IFLA_BRPORT_STATE) == bytes([BR_STATE_FORWARDING])
    return _text(found.get(IFLA_IFNAME)), LinkState(operational, _text(found.get(IFLA_QDISC)), forwards)


def _number(value: bytes | None) -> int:
    return int.from_bytes(value or b"", sys.byteorder)


def _text(value: bytes | None) -> str:
    return (value or b"").rstrip(b"\0").decode()
