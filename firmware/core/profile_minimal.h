/* What simple NICs have, and what the contract calls the minimum profile (proto/README.md section 6). */
enum {
	ENG_SLOTS = 4,
	ENG_SLOT_FLAGS = OFF_SLOT_WAKE_ON_DATA | OFF_SLOT_WAKE_ON_FIN | OFF_SLOT_WAKE_ON_RST | OFF_SLOT_WAKE_ON_TIMEOUT |
			 OFF_SLOT_ANSWER_PEER_KA | OFF_SLOT_KEEP,
	ENG_KA_MIN_MS = 10,         /* more than the minimum profile promises, as it costs nothing: hosts ask for a day */
	ENG_KA_MAX_MS = 86400000,
	ENG_TOKENS_BYTES = 0,       /* empty probes alone */
	ENG_PATTERNS = 8,           /* magic is one more */
	ENG_PATTERN_TYPES = PATTERN_BIT(BITMAP) | PATTERN_BIT(MAGIC),
	ENG_PROGRAM_OPS = 0,
	ENG_POOL_OPS = 0,
	ENG_FRAMES = 9,
	ENG_OFFLOADS = 0,
	ENG_OFFLOADS_MORE = 0,
	ENG_NS_FLAGS = 0,
	ENG_SLOT_LIFE = 0,
};
