"""Address translation in a router: the kernel's connection tracking and nftables, set up with pyroute2.

Real NATs differ in what they do with a segment of a connection that they have forgotten (edge case 20). Two kinds:

    remap   conntrack picks the connection up in the middle and translates it to a port of another pool than the one that
            connections get at their SYN: to the server it is a stranger, which it resets
    drop    conntrack calls it invalid and a rule drops it: silence

Everything here works on the namespace of the calling thread: call it through `Namespace.run`.
"""

from __future__ import annotations

import socket
import sys
from typing import Any

from rig.errors import BenchError
from rig.net import links
from rig.net.machines import FAR_IFNAME, NatSpec

TABLE = "rig"
PRIORITY_SRCNAT, PRIORITY_FILTER = 100, 0
"""netfilter_ipv4.h"""

FIRST_PORTS, LATER_PORTS = (20_000, 29_999), (30_000, 39_999)
"""Of connections seen from their SYN, and of those met in the middle: apart, so that no new mapping is the old one by chance."""

TCP_FLAGS_OFFSET, TCP_SYN = 13, 0x02
STATE_INVALID_BIT = 1 << 0
"""nf_conntrack_common.h"""

VERDICT_REGISTER, REGISTER, SECOND_REGISTER = 0, 1, 2
TRANSPORT_HEADER, META_OIFNAME, META_L4PROTO, CT_STATE = 2, 7, 16, 0
EQUAL, NOT_EQUAL = 0, 1
NF_DROP, NF_ACCEPT = 0, 1
"""nf_tables.h, netfilter.h"""

IFNAME_BYTES = 16
SYSCTLS = "net/netfilter"
NEEDS = "boot a kernel with connection tracking and nftables, or load its modules as root: modprobe -a nf_tables nft_masq nft_ct"

Expression = dict[str, Any]


def translate(spec: NatSpec) -> None:
    """Translate what leaves by the far leg to its address. Raises BenchError RIG-N12 when the kernel has no NAT."""
    from pyroute2.netlink.exceptions import NetlinkError
    from pyroute2.nftables.main import NFTables  # 150 ms, and only routers that translate need it

    try:
        with NFTables(nfgen_family=socket.AF_INET) as nft:
            nft.table("add", name=TABLE)
            _add_masquerade(nft)
            if spec.forgotten == "drop":
                _add_drop_of_invalid(nft)
        links.set_sysctl(f"{SYSCTLS}/nf_conntrack_tcp_loose", int(spec.forgotten == "remap"), required=True)
        links.set_sysctl(f"{SYSCTLS}/nf_conntrack_tcp_timeout_established", spec.established_s, required=True)
    except (NetlinkError, OSError) as error:
        raise BenchError("RIG-N12", f"the kernel has no address translation for us: {error}", NEEDS) from error


def forget() -> None:
    """As a router that was switched off and on: it knows no connection any more. Raises BenchError RIG-N12."""
    from pyroute2 import NFCTSocket
    from pyroute2.netlink.exceptions import NetlinkError

    try:
        with NFCTSocket() as conntrack:
            conntrack.flush()
    except (NetlinkError, OSError) as error:
        raise BenchError("RIG-N12", f"the kernel does not forget its translations: {error}", NEEDS) from error


def _add_masquerade(nft: Any) -> None:
    nft.chain("add", table=TABLE, name="out", hook="postrouting", type="nat", priority=PRIORITY_SRCNAT, policy=NF_ACCEPT)
    nft.rule("add", table=TABLE, chain="out", expressions=([*_leaves_far(), *_is_syn(), *_masquerade(FIRST_PORTS)],))
    nft.rule("add", table=TABLE, chain="out", expressions=([*_leaves_far(), *_masquerade(LATER_PORTS)],))


def _add_drop_of_invalid(nft: Any) -> None:
    nft.chain("add", table=TABLE, name="through", hook="forward", type="filter", priority=PRIORITY_FILTER, policy=NF_ACCEPT)
    verdict = {"attrs": [("NFTA_DATA_VERDICT", {"attrs": [("NFTA_VERDICT_CODE", NF_DROP)]})]}
    drop = _expression("immediate", dreg=VERDICT_REGISTER, data=verdict)
    nft.rule("add", table=TABLE, chain="through", expressions=([*_is_invalid(), drop],))


def _leaves_far() -> list[Expression]:
    name = FAR_IFNAME.encode().ljust(IFNAME_BYTES, b"\0")
    return [_expression("meta", dreg=REGISTER, key=META_OIFNAME), _compare(EQUAL, name)]


def _is_syn() -> list[Expression]:
    flags = _expression("payload", dreg=REGISTER, base=TRANSPORT_HEADER, offset=TCP_FLAGS_OFFSET, len=1)
    is_tcp = [_expression("meta", dreg=REGISTER, key=META_L4PROTO), _compare(EQUAL, bytes([socket.IPPROTO_TCP]))]
    return [*is_tcp, flags, *_has_bits(bytes([TCP_SYN]))]


def _is_invalid() -> list[Expression]:
    state = _expression("ct", dreg=REGISTER, key=CT_STATE)
    return [state, *_has_bits(STATE_INVALID_BIT.to_bytes(4, sys.byteorder))]


def _masquerade(ports: tuple[int, int]) -> list[Expression]:
    first, last = (_value(port.to_bytes(2, "big")) for port in ports)
    return [
        _expression("immediate", dreg=REGISTER, data=first),
        _expression("immediate", dreg=SECOND_REGISTER, data=last),
        _expression("masq", flags={"NF_NAT_RANGE_PROTO_SPECIFIED"}, reg_proto_min=REGISTER, reg_proto_max=SECOND_REGISTER),
    ]


def _has_bits(mask: bytes) -> list[Expression]:
    none = bytes(len(mask))
    masked = _expression("bitwise", sreg=REGISTER, dreg=REGISTER, len=len(mask), mask=_value(mask), xor=_value(none))
    return [masked, _compare(NOT_EQUAL, none)]


def _compare(how: int, data: bytes) -> Expression:
    return _expression("cmp", sreg=REGISTER, op=how, data=_value(data))


def _expression(name: str, **fields: Any) -> Expression:
    from pyroute2.nftables.expressions import genex

    made: Expression = genex(name, fields)
    return made


def _value(data: bytes) -> Expression:
    return {"attrs": [("NFTA_DATA_VALUE", data)]}
