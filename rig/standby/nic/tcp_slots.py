"""The device's slot of a socket.

What the device must know of a socket is read from the kernel (handoff.py) and from the neighbour table; the device takes
over in its own clock, so TSval is given with the device time at which it was true. That time is rounded up by the whole
round trip of the time sync: the device's TSval then lags the host's by at most that much and never leads it, and the
host's first segment after resume is never older than the device's last (edge case 37).
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass, replace

from rig.clock import Clock
from rig.device.numbers import SlotFlag
from rig.device.offload_types import TcpSlot, TimeSync
from rig.device.payload import TOKENS_BYTES, PayloadKeepAlive
from rig.net.tcp_info import tcp_info
from rig.standby.nic.handoff import FrozenTcp
from rig.standby.nic.next_hop import NextHop
from rig.standby.nic.payload_keep_alive import PayloadOverSleeps
from rig.standby.wire.half_written import is_half_written

OWNER = 1
"""What the host calls itself to a device, which may have slots of others."""
WAKE_ON_ALL = SlotFlag.WAKE_ON_DATA | SlotFlag.WAKE_ON_FIN | SlotFlag.WAKE_ON_RST | SlotFlag.WAKE_ON_TIMEOUT

PeersWord = Callable[[socket.socket], int]
"""What a watch of the interface has seen of a connection, 0 when nothing."""


def nothing_seen(_sock: socket.socket) -> int:
    """For connections that no watch was there for."""
    return 0


@dataclass(frozen=True)
class KeepAlive:
    """How the device probes: interval between unanswered probes and how many end the connection."""

    retry_minutes: float = 1
    probes: int = 3


@dataclass(frozen=True, kw_only=True)
class TcpSlots:
    """Makes slots. `owner` tells hosts apart on a shared device; `local_mac` is the host interface's."""

    clock: Clock
    local_mac: bytes
    keep_alive: KeepAlive = KeepAlive()
    owner: int = OWNER
    learn_next_hop: bool = True
    ts_recent_of: PeersWord = nothing_seen
    flow_label_of: PeersWord = nothing_seen
    """`nothing_seen` where the device knows no labels."""
    token_bytes: int = TOKENS_BYTES
    """Of a payload's tokens, as many as the device holds for one sleep. 0: it takes no payload keep-alive at all."""

    def takes(self, payload: PayloadKeepAlive) -> bool:
        """Whether the device has room for one of its tokens, or for the payload where none is needed."""
        return self.token_bytes >= (payload.token.len if payload.token is not None else 1)

    def reservation(self, sock: socket.socket, network_minutes: int, next_hop: NextHop) -> TcpSlot:
        """A place in the device's table, to be refreshed at standby entry. Raises OSError when the connection is over."""
        nothing = FrozenTcp(0, tcp_info(sock), 0, 0, 0, 0, 0, 0, 0, 0)
        return self._slot(sock, network_minutes, next_hop, nothing, 0)

    def handed_over(
        self,
        sock: socket.socket,
        network_minutes: int,
        next_hop: NextHop,
        frozen: FrozenTcp,
        sync: TimeSync,
        payload: PayloadOverSleeps | None = None,
        idle_ms: int | None = None,
    ) -> TcpSlot:
        """The full state of a frozen connection, in the device's clock. No payload of the device's stands inside what the app,
        which is stopped, has half written: probes must do, as where the device takes none. `idle_ms`: since the peer was heard
        last, real; None: as the socket says."""
        t0_us = frozen.frozen_ns // 1000 + sync.offset_us + sync.rtt_us
        slot = self._slot(sock, network_minutes, next_hop, frozen, t0_us)
        if idle_ms is not None:
            slot = replace(slot, idle_elapsed_ms=min(self.clock.unscale_ms(idle_ms), slot.ka_idle_ms))
        offered = payload.offered() if payload is not None else None
        if payload is None or offered is None or not self.takes(offered) or is_half_written(sock):
            return slot
        unsaid_ms = self.clock.unscale_ms(payload.idle_ms(frozen.info.last_data_sent_ms))
        return replace(slot, payload=offered.within(self.token_bytes), idle_elapsed_ms=min(unsaid_ms, slot.ka_idle_ms))

    def _slot(self, sock: socket.socket, network_minutes: int, next_hop: NextHop, frozen: FrozenTcp, t0_us: int) -> TcpSlot:
        local, remote = sock.getsockname(), sock.getpeername()
        ttl, tos = _ttl_and_tos(sock)
        interval_ms = network_minutes * 60_000
        learns = SlotFlag.LEARN_NEXT_HOP if self.learn_next_hop and next_hop.ip else SlotFlag(0)
        return TcpSlot(
            owner=self.owner,
            flags=WAKE_ON_ALL | SlotFlag.ANSWER_PEER_KA | SlotFlag.KEEP | learns,
            local_mac=self.local_mac,
            next_hop_mac=next_hop.mac,
            next_hop_ip=next_hop.ip or None,
            local=local[0],
            remote=remote[0],
            local_port=local[1],
            remote_port=remote[1],
            ttl=ttl,
            tos=tos,
            flow_label=self.flow_label_of(sock) or None,
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


def _ttl_and_tos(sock: socket.socket) -> tuple[int, int]:
    if sock.family == socket.AF_INET6:
        ttl = sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS)
        return ttl, sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS)
    return sock.getsockopt(socket.IPPROTO_IP, socket.IP_TTL), sock.getsockopt(socket.IPPROTO_IP, socket.IP_TOS)
