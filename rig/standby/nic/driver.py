"""The host driver of the offload device: one connection, one entry.

What the device must know of a socket is read from the kernel (handoff.py) and from the neighbour table; the device takes
over in its own clock, so TSval is given with the device time at which it was true. That time is rounded up by the whole
round trip of the time sync: the device's TSval then lags the host's by at most that much and never leads it, and the
host's first segment after resume is never older than the device's last (edge case 37).
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from rig.clock import Clock
from rig.device.numbers import SlotFlag
from rig.device.offload import OffloadClient
from rig.device.offload_types import SlotRef, TcpSlot, TimeSync
from rig.errors import BenchError
from rig.net.tcp_diag import has_md5_keys
from rig.net.tcp_info import tcp_info
from rig.standby.nic.handoff import FrozenTcp
from rig.standby.system.payload import ChannelPayload

WAKE_ON_ALL = SlotFlag.WAKE_ON_DATA | SlotFlag.WAKE_ON_FIN | SlotFlag.WAKE_ON_RST | SlotFlag.WAKE_ON_TIMEOUT


@dataclass
class NicEntry:
    """A reserved slot of the device; what does not change over the life of a connection."""

    slot: int
    gen: int
    network_minutes: int
    next_hop_mac: bytes
    next_hop_ip: str = ""
    """Empty: not known, so nothing is learnt."""
    interface: int = 0
    """Index of the interface that the next hop is behind."""


@dataclass(frozen=True)
class KeepAlive:
    """How the device probes: interval between unanswered probes and how many end the connection."""

    retry_minutes: float = 1
    probes: int = 3


class Nic:
    """`owner` tells hosts apart on a shared device; `local_mac` is the host interface's."""

    def __init__(self, client: OffloadClient, clock: Clock, local_mac: bytes, keep_alive: KeepAlive, owner: int = 1) -> None:
        self.client = client
        self.clock = clock
        self.local_mac = local_mac
        self.keep_alive = keep_alive
        self.owner = owner
        self.learn_next_hop = True
        self.interface = 0
        """Index of the interface in whose place the device stands; 0: not known."""
        self.ts_recent_of: Callable[[socket.socket], int] = lambda _sock: 0
        self.flow_label_of: Callable[[socket.socket], int] = lambda _sock: 0
        """Not asked where the device does not know labels: see `labels`."""
        self.labels = True
        self._routes: Any = None
        self._netlink_thread = ThreadPoolExecutor(1, "netlink")

    def reserve(self, sock: socket.socket, network_minutes: int) -> NicEntry:
        """Put the connection into the device's table, to be refreshed at standby entry. Raises BenchError on refusal."""
        if has_md5_keys(sock):
            cause = "the connection signs its segments (TCP MD5, RFC 2385), which no device can do for it"
            raise BenchError("RIG-N13", cause, "let its channel be a software one, or leave the signatures out")
        hop, interface = self._next_hop(sock.getpeername()[0])
        entry = NicEntry(0, 0, network_minutes, self._mac_of(hop), hop, interface)
        info = tcp_info(sock)
        ref = self.client.add_tcp_slot(self._slot(sock, entry, FrozenTcp(0, info, 0, 0, 0, 0, 0, 0, 0, 0), 0))
        entry.slot, entry.gen = ref.slot, ref.gen
        return entry

    def give_back(self, entry: NicEntry) -> None:
        """Free the slot; an entry that the device has forgotten (it was reset) is free already."""
        try:
            self.client.remove_tcp_slot(SlotRef(entry.slot, entry.gen))
        except BenchError:
            pass

    def slot_of(
        self, sock: socket.socket, entry: NicEntry, frozen: FrozenTcp, sync: TimeSync, payload: ChannelPayload | None = None
    ) -> TcpSlot:
        """The full state of a frozen connection, in the device's clock."""
        t0_us = frozen.frozen_ns // 1000 + sync.offset_us + sync.rtt_us
        slot = self._slot(sock, entry, frozen, t0_us)
        if payload is None or payload.offered() is None:
            return slot
        idle_ms = self.clock.unscale_ms(payload.idle_ms(frozen.info.last_data_sent_ms))
        return replace(slot, payload=payload.offered(), idle_elapsed_ms=min(idle_ms, slot.ka_idle_ms))

    def _slot(self, sock: socket.socket, entry: NicEntry, frozen: FrozenTcp, t0_us: int) -> TcpSlot:
        local, remote = sock.getsockname(), sock.getpeername()
        ttl, tos = _ttl_and_tos(sock)
        interval_ms = entry.network_minutes * 60_000
        learns = SlotFlag.LEARN_NEXT_HOP if self.learn_next_hop and entry.next_hop_ip else SlotFlag(0)
        return TcpSlot(
            owner=self.owner,
            flags=WAKE_ON_ALL | SlotFlag.ANSWER_PEER_KA | SlotFlag.KEEP | learns,
            local_mac=self.local_mac,
            next_hop_mac=entry.next_hop_mac,
            next_hop_ip=entry.next_hop_ip or None,
            local=local[0],
            remote=remote[0],
            local_port=local[1],
            remote_port=remote[1],
            ttl=ttl,
            tos=tos,
            flow_label=(self.flow_label_of(sock) or None) if self.labels else None,
            df=True,
            ip_id=0,
            mss=frozen.info.snd_mss & 0xFFFF,
            snd_una=frozen.snd_nxt,
            snd_nxt=frozen.snd_nxt,
            snd_wl1=frozen.snd_wl1,
            snd_wnd=frozen.snd_wnd,
            max_snd_wnd=frozen.max_window,
            rcv_nxt=frozen.rcv_nxt,
            rcv_wnd=frozen.rcv_wnd,
            rcv_wup=frozen.rcv_wup,
            snd_wscale=frozen.info.snd_wscale,
            rcv_wscale=frozen.info.rcv_wscale,
            ts_on=frozen.info.timestamps,
            ts_hz=frozen.info.timestamp_hz,
            tsval=frozen.tsval,
            t0_us=t0_us,
            ts_recent=self.ts_recent_of(sock),
            ts_recent_age_ms=0,
            ka_idle_ms=interval_ms,
            ka_intvl_ms=round(self.keep_alive.retry_minutes * 60_000),
            ka_cnt=self.keep_alive.probes,
            idle_elapsed_ms=min(self.clock.unscale_ms(frozen.info.idle_ms), interval_ms),
        )

    # -- the next hop --------------------------------------------------------------------------------------------------

    def refresh_next_hops(self, entries: list[NicEntry]) -> None:
        """What the kernel has heard while the host was awake; where it knows nothing any more, what was known stays."""
        for family in {_family(entry.next_hop_ip) for entry in entries}:
            known = self._neighbours(family)
            for entry in entries:
                entry.next_hop_mac = known.get(entry.next_hop_ip, entry.next_hop_mac)

    def follow(self, entry: NicEntry, mac: bytes) -> None:
        """The next hop has another MAC. The kernel gets it as hearsay (STALE): used at once, and verified."""
        entry.next_hop_mac = mac
        self._ask(
            lambda netlink: netlink.neigh(
                "replace", dst=entry.next_hop_ip, lladdr=mac.hex(":"), ifindex=entry.interface, state="stale",
                family=_family(entry.next_hop_ip),
            )
        )  # fmt: skip

    def _ask(self, question: Callable[[Any], Any]) -> Any:
        """On a thread of its own: pyroute2 runs an event loop, and a thread can run one only."""
        return self._netlink_thread.submit(lambda: question(self._netlink())).result()

    def _netlink(self) -> Any:
        if self._routes is None:
            from pyroute2 import IPRoute

            self._routes = IPRoute()
        return self._routes

    def _next_hop(self, remote: str) -> tuple[str, int]:
        """Whom the kernel sends frames for `remote` to, and the index of the interface.

        Raises BenchError RIG-N14 when it is not the device's: a VLAN of the host's, a tunnel, the machine itself. The device
        would speak where nobody listens.
        """
        route = self._ask(lambda netlink: netlink.route("get", dst=remote, family=_family(remote)))[0]
        interface = route.get("oif")
        if self.interface and interface != self.interface:
            names = [self._describe(index) for index in (interface, self.interface)]
            cause = f"the way to {remote} is through {names[0]}, and the device stands in for {names[1]} alone"
            raise BenchError("RIG-N14", cause, "let its channel be a software one, or change the route")
        return route.get("gateway") or remote, interface

    def _describe(self, index: int) -> str:
        """Name and, when the kernel tells, kind: "eth0.5 (vlan)"."""
        link = self._ask(lambda netlink: netlink.get_links(index))[0]
        kind = link.get_nested("IFLA_LINKINFO", "IFLA_INFO_KIND")
        return f"{link.get_attr('IFLA_IFNAME')} ({kind})" if kind else str(link.get_attr("IFLA_IFNAME"))

    def _mac_of(self, hop: str) -> bytes:
        """From the kernel's neighbour table. Raises BenchError RIG-N10 when it has no entry."""
        try:
            return self._neighbours(_family(hop))[hop]
        except KeyError:
            cause = f"the host's neighbour table has no address for {hop}"
            raise BenchError("RIG-N10", cause, "check the topology's addresses") from None

    def _neighbours(self, family: int) -> dict[str, bytes]:
        """MAC by address."""
        rows = self._ask(lambda netlink: list(netlink.get_neighbours(family=family)))
        return {row.get("dst"): bytes.fromhex(row.get("lladdr").replace(":", "")) for row in rows if row.get("lladdr")}


def _family(address: str) -> int:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def _ttl_and_tos(sock: socket.socket) -> tuple[int, int]:
    if sock.family == socket.AF_INET6:
        ttl = sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS)
        return ttl, sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS)
    return sock.getsockopt(socket.IPPROTO_IP, socket.IP_TTL), sock.getsockopt(socket.IPPROTO_IP, socket.IP_TOS)
