"""TCP slots: a connection that a host gives the device to hold, and how it comes back.

Field names are those of firmware/proto/offload.cddl; `wire()` gives the map to send, `of(...)` reads a reply. Sequence numbers
and windows are u32 as on the wire; addresses are strings, MACs bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from rig.device.contract import KA_ALWAYS_MS
from rig.device.numbers import SlotFlag, SlotState, WakeReason
from rig.device.packed_address import end_of, given
from rig.device.payload import PayloadKeepAlive

NO_PAYLOAD_MS = 0xFFFFFFFF
"""Age of the last payload of a slot that has sent none."""

ALL_SLOT_FLAGS = SlotFlag(0b11111)


@dataclass(frozen=True, kw_only=True)
class TcpSlot:
    """An established TCP connection for the device to take over. Windows are unscaled bytes."""

    local: str
    remote: str
    local_port: int
    remote_port: int
    local_mac: bytes
    next_hop_mac: bytes
    snd_una: int
    snd_nxt: int
    snd_wl1: int
    snd_wnd: int
    max_snd_wnd: int
    rcv_nxt: int
    rcv_wnd: int
    rcv_wup: int
    snd_wscale: int = 0
    rcv_wscale: int = 0
    ts_on: bool = False
    ts_hz: int = 1000
    """Ticks of the timestamp clock in a second: 1000 or 1000000."""
    tsval: int = 0
    """Our TSval at device time t0_us; the clock goes on by ts_hz, never scaled."""
    t0_us: int = 0
    ts_recent: int = 0
    ts_recent_age_ms: int = 0
    ka_idle_ms: int = KA_ALWAYS_MS[1]
    """Idle time before the first probe, specification milliseconds. As it stands: the longest that every device takes."""
    ka_intvl_ms: int = 75_000
    """Between unanswered probes, specification milliseconds."""
    ka_cnt: int = 9
    """Unanswered probes before KA_TIMEOUT."""
    idle_elapsed_ms: int = 0
    """Idle time already spent before the handoff."""
    payload: PayloadKeepAlive | None = None
    """Bytes sent every ka_idle_ms in place of probes, ka_intvl_ms being the time before they are first repeated."""
    next_hop_ip: str | None = None
    """For LEARN_NEXT_HOP: the address whose announcements are taken."""
    vlan_tci: int | None = None
    """Priority, DEI and VID of an IEEE 802.1Q tag. The slot takes frames with that VID and no others; what it sends has the tag.
    None: frames without a tag, or with VID 0. A VID of 0 or 4095 is refused, BAD_ARG."""
    flow_label: int | None = None
    """IPv6: 20 bits that every packet of the flow carries (RFC 6437); None is 0."""
    flags: SlotFlag = ALL_SLOT_FLAGS
    """VLAN and FLOW_LABEL are added by `wire()` where they are needed."""
    owner: int = 0
    mss: int = 1460
    ttl: int = 64
    tos: int = 0
    df: bool = True
    ip_id: int = 0

    def wire(self) -> dict[str, Any]:
        row = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "payload"}
        row |= self.payload.wire() if self.payload is not None else {}
        return given(row | {"flags": int(self._all_flags())}, "local", "remote", "next_hop_ip")

    def _all_flags(self) -> SlotFlag:
        vlan = SlotFlag.VLAN if self.vlan_tci is not None else SlotFlag(0)
        return self.flags | vlan | (SlotFlag.FLOW_LABEL if self.flow_label is not None else SlotFlag(0))


@dataclass(frozen=True)
class SlotRef:
    """A slot by number and generation: a late command to a slot that was used again fails with STALE_HANDLE."""

    slot: int
    gen: int

    @classmethod
    def of(cls, reply: Mapping[str, Any]) -> SlotRef:
        return cls(int(reply["slot"]), int(reply["gen"]))

    def wire(self) -> dict[str, Any]:
        return {"gen": self.gen, "slot": self.slot}


@dataclass(frozen=True)
class SlotInfo:
    """A slot's state as it comes back. Field order is the wire's (`slot_state`, a CBOR list)."""

    slot: int
    gen: int
    state: SlotState
    close_reason: WakeReason
    """NONE while the connection is open."""
    snd_una: int
    snd_nxt: int
    rcv_nxt: int
    snd_wnd: int
    """Unscaled bytes, as the peer last advertised it."""
    tsval_last: int
    """Newest TSval the device sent: the host's clock must not be behind it."""
    ts_recent: int
    last_rx_age_ms: int
    next_ka_due_ms: int
    ka_sent: int
    ka_acked: int
    ka_lost: int
    peer_ka_answered: int
    challenge_acks: int
    dup_data: int
    paws_drops: int
    payloads_sent: int = 0
    """Different ones: repetitions count in ka_sent alone."""
    payloads_answered: int = 0
    payload_counter: int = 0
    """What the next payload's counter would be."""
    tokens_used: int = 0
    payload_age_ms: int = NO_PAYLOAD_MS
    """Real milliseconds since the last one was first sent."""
    owner: int = 0
    next_hop_moves: int = 0
    """How often the next hop's MAC was learnt anew since the slot was added."""
    next_hop_mac: bytes = b""
    """The newest; empty from firmware that does not tell."""
    vlan_tci: int = 0
    """0: in no VLAN."""
    local: str = ""
    """The host's address and port, "192.0.2.10:49152" or "[2001:db8::10]:49152"; told by the list of slots alone."""
    remote: str = ""

    @classmethod
    def of(cls, row: Sequence[Any], ends: Sequence[Any] = ()) -> SlotInfo:
        """`ends`: its row of the list's other half, `slot_ends`."""
        known = cls(row[0], row[1], SlotState(row[2]), WakeReason(row[3]), *row[4:28])
        return replace(known, local=end_of(*ends[:2]), remote=end_of(*ends[2:4])) if ends else known

    @property
    def ref(self) -> SlotRef:
        return SlotRef(self.slot, self.gen)
