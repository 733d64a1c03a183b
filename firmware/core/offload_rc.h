/* Numbers that cross the control channel: result codes, reasons, states. NDIS values where NDIS has them. */
#ifndef OFFLOAD_RC_H
#define OFFLOAD_RC_H

/* SMP result codes of the offload group (spec: status codes, made unsigned for SMP). */
enum off_rc {
	OFF_OK = 0,
	OFF_NOT_FOUND = 2,           /* no pattern or protocol offload has this id */
	OFF_NO_SLOT = 3,             /* all MaxTcpSlots are taken */
	OFF_LIST_FULL = 4,           /* no room for a pattern or a protocol offload */
	OFF_BAD_LEN = 5,             /* bytes of a pattern or an offload: too few, too many, or beyond the last offset */
	OFF_BAD_ARG = 6,             /* the request is not as offload.cddl has it, or a number in it can be none of its kind */
	OFF_BAD_ADDR = 7,            /* an address that a host, a peer or a group cannot have, or of the wrong family */
	OFF_BAD_PORT = 8,            /* port 0 */
	OFF_BAD_INTERVAL = 9,        /* 0, or outside of what capabilities say */
	OFF_BAD_STATE = 10,          /* not in this power state */
	OFF_STALE_HANDLE = 11,       /* the slot was freed, or was never given out */
	OFF_STALE_EPOCH = 12,        /* the owner has changed since the host knew */
	OFF_UNSUPPORTED = 13,        /* a type, flag or kind that capabilities do not name */
	OFF_WAKE_PENDING = 14,       /* commit: a captured frame wakes, or one found no room */
	OFF_RESUME_REQUIRED = 17,    /* the lease has ended: attach first */
	OFF_DUP_TUPLE = 18,          /* another slot has these addresses and ports */
	OFF_DUP_ID = 19,             /* another one has this id */
	OFF_NOT_ACCEPTED = 20,       /* patterns and protocol offloads are added in D0 */
};

enum off_wake_reason {
	OFF_WAKE_NONE = 0,
	OFF_WAKE_PACKET = 1,               /* NDIS: pattern or magic packet */
	OFF_WAKE_MEDIA_DISCONNECT = 2,     /* pattern LINK_DOWN */
	OFF_WAKE_MEDIA_CONNECT = 3,        /* pattern LINK_UP */
	OFF_WAKE_FIRMWARE_STALLED = 0x1010, /* the first event of a boot after a watchdog's reset or a fault: all is lost */
	OFF_WAKE_TCP_DATA = 0x4001,        /* new data in the window, of a slot with WAKE_ON_DATA */
	OFF_WAKE_TCP_FIN = 0x4002,         /* a new FIN in the window, of one with WAKE_ON_FIN */
	OFF_WAKE_TCP_RST = 0x4003,         /* a RST at RCV.NXT, of one with WAKE_ON_RST; the slot is BROKEN */
	OFF_WAKE_KA_TIMEOUT = 0x4004,      /* ka_cnt probes unanswered, of one with WAKE_ON_TIMEOUT; the slot is BROKEN */
	OFF_WAKE_ADDR_CONFLICT = 0x4005,   /* ARP, NS: another station has the host's address */
	OFF_WAKE_BUFFER_FULL = 0x4006,     /* at commit: a frame before it was lost, or cut, and could have been a waking one */
	OFF_WAKE_HOST_TIMER = 0x4007,      /* wake_timer_ms after commit */
	OFF_WAKE_RX_WHILE_PREPARE = 0x4009, /* never a reason: the subreason of an event whose frame came before commit */
	OFF_WAKE_UNPARSEABLE_IN_SLOT = 0x400A, /* a fragment or a header chain between a slot's addresses that may be its segment */
	OFF_WAKE_LEASE_EXPIRED = 0x400B,   /* the owner was not heard of for its lease: what it left is freed */
	OFF_WAKE_ROUTER_CHANGED = 0x4010,  /* an advertisement says something new, or must be heard again before it is too old */
	OFF_WAKE_IPSEC = 0x4020,           /* IKE or ESP for a NAT-T offload */
	OFF_WAKE_UDP_DATA = 0x4021,
	OFF_WAKE_DHCP_NAK = 0x4022,        /* the server takes the address back */
	OFF_WAKE_DHCP_EXPIRED = 0x4023,    /* no server renewed the lease in time */
	OFF_WAKE_DHCP_CHANGED = 0x4024,    /* renewed, with another mask, router, name server or route */
	OFF_WAKE_NO_MORE_TOKENS = 0x4030,  /* a payload keep-alive is due, and the host must give what it is made of */
};

/* What wakes in one sleep: "arm" of prepare. Other bits are refused, UNSUPPORTED. */
enum off_arm {
	OFF_ARM_TCP = 1u << 0,             /* TCP slots; not armed, they still keep their connections alive */
	OFF_ARM_PATTERNS = 1u << 1,        /* all but the magic packet */
	OFF_ARM_MAGIC = 1u << 2,
};

enum off_slot_flag {
	OFF_SLOT_WAKE_ON_DATA = 1u << 0,
	OFF_SLOT_WAKE_ON_FIN = 1u << 1,
	OFF_SLOT_WAKE_ON_RST = 1u << 2,
	OFF_SLOT_WAKE_ON_TIMEOUT = 1u << 3,
	OFF_SLOT_ANSWER_PEER_KA = 1u << 4,
	/*
	 * The place outlives a standby: added in D0 it is IDLE, a reservation; added again after prepare, with the connection's
	 * state of that moment, it is live under the same handle; release and abort leave it IDLE. Others are freed there.
	 */
	OFF_SLOT_KEEP = 1u << 5,
	OFF_SLOT_VLAN = 1u << 6,           /* the connection is in the VLAN of "vlan_tci"; as a capability: protocol offloads may be, too */
	OFF_SLOT_FLOW_LABEL = 1u << 7,     /* its IPv6 packets carry "flow_label" (RFC 6437) */
	/* An announcement of the next hop's address (ARP, neighbour discovery) changes the MAC that the slot sends to. */
	OFF_SLOT_LEARN_NEXT_HOP = 1u << 8,
	/* The connection uses what the device does not speak: refused, UNSUPPORTED. */
	OFF_SLOT_MD5 = 1u << 9,            /* RFC 2385 */
	OFF_SLOT_AO = 1u << 10,            /* RFC 5925 */
	OFF_SLOT_FAST_OPEN = 1u << 11,     /* RFC 7413 */
};

enum off_slot_state {
	OFF_SLOT_IDLE = 0,
	OFF_SLOT_ACTIVE = 1,
	OFF_SLOT_PROBING = 2,
	OFF_SLOT_BROKEN = 3,
	OFF_SLOT_WOKEN = 4,
	OFF_SLOT_PAUSED = 6,               /* the place is kept, the device neither sends for it nor knows its frames */
};

enum off_pattern_type {
	OFF_PATTERN_BITMAP = 1,
	OFF_PATTERN_MAGIC = 2,
	OFF_PATTERN_IPV4_SYN = 3,
	OFF_PATTERN_IPV6_SYN = 4,
	OFF_PATTERN_EAPOL = 5,
	OFF_PATTERN_TCP_PAYLOAD = 7,       /* new data on a slot */
	OFF_PATTERN_UDP_PORT = 8,
	OFF_PATTERN_LINK_UP = 9,
	OFF_PATTERN_LINK_DOWN = 10,
	OFF_PATTERN_PROGRAM = 12,          /* classic BPF */
};

enum off_pattern_flag {
	/*
	 * Payload patterns: new data that none of the slot's patterns matches wakes too, without a pattern's id. Else it wakes
	 * with its third repetition, if the slot has WAKE_ON_DATA: before the peer gives the connection up.
	 */
	OFF_PATTERN_WAKE_UNMATCHED = 1u << 0,
};

/* Own types stand from 16 on. */
enum off_offload_type {
	OFF_OFFLOAD_ARP = 1,
	OFF_OFFLOAD_NS = 2,
	OFF_OFFLOAD_MDNS = 16,             /* answers for one record */
	OFF_OFFLOAD_GROUP = 17,            /* IGMP or MLD reports for one group */
	OFF_OFFLOAD_ECHO = 18,
	OFF_OFFLOAD_NATT = 19,             /* NAT-T keep-alive, IKE and ESP wake */
	OFF_OFFLOAD_UDP = 32,              /* a UDP keep-alive of any payload */
	OFF_OFFLOAD_DHCP = 33,             /* renewal of a DHCPv4 lease */
};

/* Flags of an NS offload. A duplicate address probe is answered unless one of the two says otherwise. */
enum off_ns_flag {
	OFF_NS_ROUTER = 1u << 0,           /* the host forwards: R in advertisements, or peers forget that it is a router */
	OFF_NS_DAD_WAKE = 1u << 1,
	OFF_NS_DAD_IGNORE = 1u << 2,
	OFF_NS_RA_WAKE = 1u << 3,          /* a router advertisement wakes when the host must hear it */
};

/* Flags of an mDNS offload. */
enum off_mdns_flag {
	OFF_MDNS_UNIQUE = 1u << 0,         /* no other station has this record: answers say so, caches forget others */
};

/* Flags of a UDP offload. */
enum off_udp_flag {
	OFF_UDP_WAKE_ON_DATA = 1u << 0,    /* what the remote end sends on the flow wakes */
};

/* Whose the identity of the host is. */
enum off_owner { OFF_OWNER_NONE = 0, OFF_OWNER_HOST = 1, OFF_OWNER_DEVICE = 2 };

/*
 * D0 -prepare-> PREPARED -commit-> D3 -a wake-> WOKEN -host awake-> AWAKE -release-> D0.
 * Commit with a waking frame captured: PREPARED -> AWAKE. Abort: PREPARED or AWAKE -> D0. Host awake is taken in D3 too.
 * Captures everything: PREPARED, WOKEN, AWAKE. Speaks as the host: D3, and WOKEN unless it yields.
 * The owner's lease ends in any of them but D0: EXPIRED, where nobody owns anything; attach leads back to D0.
 */
enum off_power { OFF_D0 = 0, OFF_PREPARED = 1, OFF_D3 = 3, OFF_WOKEN = 4, OFF_AWAKE = 5, OFF_EXPIRED = 6 };

/* Whose illegal state change a FAULT event tells of; its subreason is the old state times 256 plus the refused one. */
enum off_state_machine { OFF_MACHINE_POWER = 1, OFF_MACHINE_SLOT = 2 };

enum off_event_kind { OFF_EVENT_WAKE = 1, OFF_EVENT_FAULT = 3 };

/* l2_flags of a wake event. */
enum off_event_flag {
	OFF_EVENT_MULTICAST = 1u << 0,     /* its frame was for a group, or for all */
	OFF_EVENT_TAGGED = 1u << 1,        /* ... had an 802.1Q tag */
	OFF_EVENT_YIELDED = 1u << 2,       /* the device leaves the wire to the host from then on: prepare's yield_ms */
};

/* Flags of a buffered frame. */
enum off_frame_flag { OFF_FRAME_WAKE = 1u << 0, OFF_FRAME_MULTICAST = 1u << 2 };

/* Kinds of fault_inject: the next n replies are ...; or, behind this one's, the firmware hangs. */
enum off_fault {
	OFF_FAULT_DROP_REPLY = 1, OFF_FAULT_DELAY_REPLY = 2, OFF_FAULT_CORRUPT_REPLY = 3, OFF_FAULT_DROP_EVENT = 4, OFF_FAULT_HANG = 5,
};

#endif
