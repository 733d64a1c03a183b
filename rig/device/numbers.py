"""Numbers of the control channel, mirrored from firmware/core/offload_rc.h; a test compares the two."""

from __future__ import annotations

from enum import IntEnum, IntFlag

GROUP_OFFLOAD = 100
READ, WRITE = 0, 2

ABI = 1
"""The version of firmware/proto/offload.cddl that this rig speaks; a device's hello must name the same."""

NO_SLOT = 255
"""Slot of an event that belongs to none."""

NO_PATTERN = 0xFFFFFFFF
"""Pattern id of an event or frame that no pattern matched."""


class Command(IntEnum):
    """Command ids of the offload group; offload.cddl says which operation each takes."""

    HELLO = 0x01
    CAPABILITIES = 0x02
    TIME_SYNC = 0x03
    COUNTERS = 0x04
    CLEAR_COUNTERS = 0x05
    GET_LOG = 0x06
    ADD_TCP_SLOT = 0x10
    REMOVE_TCP_SLOT = 0x11
    GET_TCP_SLOT = 0x12
    LIST_TCP_SLOTS = 0x13
    PAUSE_TCP_SLOT = 0x14
    RESUME_TCP_SLOT = 0x15
    UPDATE_TCP_SLOT = 0x16
    ADD_PATTERN = 0x20
    REMOVE_PATTERN = 0x21
    LIST_PATTERNS = 0x23
    ADD_OFFLOAD = 0x28
    REMOVE_OFFLOAD = 0x29
    LIST_OFFLOADS = 0x2B
    PREPARE = 0x30
    COMMIT = 0x31
    ABORT = 0x32
    HOST_AWAKE = 0x33
    DRAIN = 0x34
    RELEASE = 0x35
    STATUS = 0x36
    EVENT_WAIT = 0x40
    FAULT_INJECT = 0x50
    SET_CLOCK_SCALE = 0x52


class OffloadRc(IntEnum):
    """Result codes of the offload group."""

    OK = 0
    NOT_FOUND = 2
    NO_SLOT = 3
    LIST_FULL = 4
    BAD_LEN = 5
    BAD_ARG = 6
    BAD_ADDR = 7
    BAD_PORT = 8
    BAD_INTERVAL = 9
    BAD_STATE = 10
    STALE_HANDLE = 11
    STALE_EPOCH = 12
    UNSUPPORTED = 13
    WAKE_PENDING = 14
    RESUME_REQUIRED = 17
    DUP_TUPLE = 18
    DUP_ID = 19
    NOT_ACCEPTED = 20


class WakeReason(IntEnum):
    """Why the device woke the host; NDIS numbers below 0x4000."""

    NONE = 0
    PACKET = 1
    """A pattern or a magic packet."""
    MEDIA_DISCONNECT = 2
    MEDIA_CONNECT = 3
    FIRMWARE_STALLED = 0x1010
    TCP_DATA = 0x4001
    TCP_FIN = 0x4002
    TCP_RST = 0x4003
    KA_TIMEOUT = 0x4004
    ADDR_CONFLICT = 0x4005
    BUFFER_FULL = 0x4006
    HOST_TIMER = 0x4007
    RX_WHILE_PREPARE = 0x4009
    UNPARSEABLE_IN_SLOT = 0x400A
    LEASE_EXPIRED = 0x400B
    """The device had not heard of its owner for its lease and freed what it left."""
    ROUTER_CHANGED = 0x4010
    """A router advertisement that says something new, or that the host must hear again before what it knows is too old."""
    IPSEC = 0x4020
    """IKE or ESP for a NAT-T offload."""
    UDP_DATA = 0x4021
    DHCP_NAK = 0x4022
    """The server takes the address back."""
    DHCP_EXPIRED = 0x4023
    """No server renewed the lease in time."""
    DHCP_CHANGED = 0x4024
    """The lease was renewed, with another mask, router, name server or route than the host has."""
    NO_MORE_TOKENS = 0x4030
    """A payload keep-alive is due, and the host must give what it is made of."""


class Arm(IntFlag):
    """What wakes in one sleep; a device refuses bits that it does not know, UNSUPPORTED."""

    TCP = 1 << 0
    PATTERNS = 1 << 1
    """All but the magic packet."""
    MAGIC = 1 << 2


ARM_ALL = Arm.TCP | Arm.PATTERNS | Arm.MAGIC


class SlotFlag(IntFlag):
    """What a TCP slot wakes for and answers."""

    WAKE_ON_DATA = 1 << 0
    WAKE_ON_FIN = 1 << 1
    WAKE_ON_RST = 1 << 2
    WAKE_ON_TIMEOUT = 1 << 3
    ANSWER_PEER_KA = 1 << 4
    KEEP = 1 << 5
    """The place outlives a standby: a reservation while the host is awake, refreshed by adding it again after prepare."""
    VLAN = 1 << 6
    """The connection is in a VLAN. As a capability: protocol offloads may be, too."""
    FLOW_LABEL = 1 << 7
    """Its IPv6 packets carry a flow label (RFC 6437)."""
    LEARN_NEXT_HOP = 1 << 8
    """An announcement of the next hop's address changes the MAC that the slot sends to."""
    MD5 = 1 << 9
    """The connection has RFC 2385 signatures; this and the next two are refused, UNSUPPORTED."""
    AO = 1 << 10
    FAST_OPEN = 1 << 11


class SlotState(IntEnum):
    IDLE = 0
    ACTIVE = 1
    PROBING = 2
    BROKEN = 3
    WOKEN = 4
    PAUSED = 6
    """The place is kept; the device neither sends for it nor knows its frames."""


class PatternType(IntEnum):
    BITMAP = 1
    MAGIC = 2
    IPV4_SYN = 3
    IPV6_SYN = 4
    EAPOL = 5
    TCP_PAYLOAD = 7
    """New data on a slot."""
    UDP_PORT = 8
    LINK_UP = 9
    LINK_DOWN = 10
    PROGRAM = 12
    """Classic BPF."""


class PatternFlag(IntFlag):
    WAKE_UNMATCHED = 1 << 0
    """Payload patterns: new data that none of the slot's patterns matches wakes too."""


class OffloadType(IntEnum):
    """Protocol offloads: what the device answers in the host's name."""

    ARP = 1
    NS = 2
    ECHO = 18
    """Ping, IPv4 or IPv6 by the address."""
    MDNS = 16
    """mDNS answers for one record."""
    GROUP = 17
    """IGMP or MLD reports for one multicast group."""
    NATT = 19
    """NAT-T keep-alives; IKE and ESP from the other end wake."""
    UDP = 32
    """UDP keep-alives of any payload."""
    DHCP = 33
    """Renewal of a DHCPv4 lease."""


class NsFlag(IntFlag):
    """Flags of an NS offload. A duplicate address probe is answered unless one of the two says otherwise."""

    ROUTER = 1 << 0
    """The host forwards: R in advertisements, or peers forget that it is a router."""
    DAD_WAKE = 1 << 1
    DAD_IGNORE = 1 << 2
    RA_WAKE = 1 << 3
    """A changed router advertisement wakes."""


class MdnsFlag(IntFlag):
    """Flags of an mDNS offload."""

    UNIQUE = 1 << 0
    """No other station has this record: answers say so, and caches forget others."""


class UdpFlag(IntFlag):
    """Flags of a UDP offload."""

    WAKE_ON_DATA = 1 << 0
    """What the remote end sends on the flow wakes."""


class Owner(IntEnum):
    """Who may speak as the host on the wire."""

    NONE = 0
    HOST = 1
    DEVICE = 2


class Power(IntEnum):
    """D0 -prepare-> PREPARED -commit-> D3 -a wake-> WOKEN -host awake-> AWAKE -release-> D0."""

    D0 = 0
    PREPARED = 1
    D3 = 3
    WOKEN = 4
    AWAKE = 5
    EXPIRED = 6
    """The owner's lease ended: nobody owns anything until somebody attaches."""


class EventKind(IntEnum):
    WAKE = 1
    FAULT = 3


class StateMachine(IntEnum):
    """Whose illegal state change a FAULT event tells of."""

    POWER = 1
    SLOT = 2


class EventFlag(IntFlag):
    """l2_flags of a wake event."""

    MULTICAST = 1 << 0
    TAGGED = 1 << 1
    YIELDED = 1 << 2
    """The device is silent from then on, for the host that is on its way, as long as prepare has said."""


class FrameFlag(IntFlag):
    """Flags of a buffered frame."""

    WAKE = 1 << 0
    MULTICAST = 1 << 2


class Fault(IntEnum):
    """Kinds of fault_inject: what happens to the next n replies."""

    DROP_REPLY = 1
    DELAY_REPLY = 2
    CORRUPT_REPLY = 3
    DROP_EVENT = 4
    HANG = 5
    """No reply any more at all, after the order's own: the firmware stands still, until its watchdog resets it."""


class ResetCause(IntEnum):
    POWER_ON = 0
    SOFTWARE = 1
    WATCHDOG = 2
    FAULT = 3
