/* All that the engine can do. */
enum {
	ENG_SLOTS = 16,             /* TCP connections */
	ENG_SLOT_FLAGS = OFF_SLOT_WAKE_ON_DATA | OFF_SLOT_WAKE_ON_FIN | OFF_SLOT_WAKE_ON_RST | OFF_SLOT_WAKE_ON_TIMEOUT |
			 OFF_SLOT_ANSWER_PEER_KA | OFF_SLOT_KEEP | OFF_SLOT_VLAN | OFF_SLOT_FLOW_LABEL | OFF_SLOT_LEARN_NEXT_HOP,
	ENG_KA_MIN_MS = 10,
	ENG_KA_MAX_MS = 86400000,   /* 24 h; scaled by minute_us */
	ENG_TOKENS_BYTES = 768,     /* for one sleep: 24 sealed records of TLS, 192 WebSocket masks; 12 KiB of all slots together */
	ENG_PATTERNS = 32,          /* bitmap and others; magic is one more */
	ENG_PATTERN_TYPES = PATTERN_BIT(BITMAP) | PATTERN_BIT(MAGIC) | PATTERN_BIT(IPV4_SYN) | PATTERN_BIT(IPV6_SYN) |
			    PATTERN_BIT(EAPOL) | PATTERN_BIT(TCP_PAYLOAD) | PATTERN_BIT(UDP_PORT) | PATTERN_BIT(LINK_UP) |
			    PATTERN_BIT(LINK_DOWN) | PATTERN_BIT(PROGRAM),
	ENG_PROGRAM_OPS = 64,       /* of one program: `udp port 5000` over v4 and v6 takes 20, three such alternatives take 37 */
	ENG_POOL_OPS = 128,         /* of all programs together */
	ENG_FRAMES = 33,            /* the waking frame and those behind it */
	ENG_OFFLOADS = 32,
	ENG_OFFLOADS_MORE = 10,     /* of them with fields beyond the common ones: UDP, DHCP, mDNS */
	ENG_NS_FLAGS = OFF_NS_ROUTER | OFF_NS_DAD_WAKE | OFF_NS_DAD_IGNORE | OFF_NS_RA_WAKE,
	ENG_SLOT_LIFE = 1,          /* a slot can be paused, resumed, updated */
};
