/* The whole state of the engine, private to core/. What its parts offer each other stands in a header each. */
#ifndef ENGINE_STATE_H
#define ENGINE_STATE_H

#include "bpf.h"
#include "counters.h"
#include "engine.h"
#include "parse.h"
#include "rate.h"

enum {
	ENG_ALL_PATTERNS = ENG_PATTERNS + 1,  /* magic does not count against the 32 (NDIS) */
	ENG_CHALLENGES_PER_S = 10,            /* per slot: a global limit would tell strangers that a slot exists */
	ENG_ANSWERS_PER_S = 50,               /* peer keep-alives, old data: bounds an ACK loop of two confused stacks */
	ENG_KA_SPACING_US = 250,              /* probes due at the same time leave one after another, this far apart */
	ENG_TX_RETRY_US = 1000,
	ENG_LINK_RETRY_US = 100000,           /* while the link is down: the device is to save power */
	ENG_DEFENCE_US = 10000000,            /* RFC 5227 2.4(b): DEFEND_INTERVAL */
	ENG_HEARD = ENG_OFFLOADS ? 32 : 1,    /* things that routers have said; the one noted first makes room */
	ENG_RA_KEPT = 4,                      /* advertisements kept for the sleeping host */
	ENG_ASKED = 2,                        /* groups whose queried sources are remembered until the answer is due */
	ENG_ASKED_BYTES = 64,                 /* of their addresses: 16 of IPv4, 4 of IPv6 */
	ENG_DHCP_WATCHED = 4,                 /* options whose change wakes */
	ENG_STATES = 7,                       /* of the power and of a slot: the largest number of each, and 0 */
	SLOT_PORT_BITS = 256,
	NO_SLOT = 0xFF,
};
#define NO_PATTERN 0xFFFFFFFFu
#define NEVER_US UINT64_MAX

enum link_state { LINK_UNKNOWN, LINK_UP, LINK_DOWN };

/* A slot's payload keep-alive: payload_ka.c. Zeros: the slot has none. */
struct payload_ka {
	struct eng_payload_cfg cfg;
	bool reply_due;              /* the last payload sent has not been answered */
	uint8_t missed;              /* payloads before it, in a row, that never were */
	uint32_t sent, answered;     /* sent: different ones, not repetitions */
	uint32_t next_wait_ms;       /* the next one is due at next_from_us + this, scaled */
	uint64_t next_from_us, sent_us;
};

struct eng_slot {
	struct eng_slot_cfg cfg;     /* its sequence, window and timestamp fields live on from the host's values */
	bool used, probe_failed;     /* probe_failed: the wire did not take it, ka_due_us is a retry */
	uint8_t state, unanswered;
	uint8_t resumes_to;          /* while PAUSED: IDLE or ACTIVE */
	uint8_t unread;              /* how often data from RCV.NXT on came that did not wake */
	uint16_t gen, close_reason;
	uint32_t tsval_last;
	uint64_t last_rx_us, ts_recent_us, ka_due_us, ka_from_us;
	uint32_t ka_wait_ms;         /* ka_due_us = ka_from_us + this, scaled */
	uint32_t next_hop_moves;
	struct rate challenges, answers;
	uint32_t ka_sent, ka_acked, ka_lost, peer_ka_answered, challenge_acks, dup_data, paws_drops;
	struct payload_ka payload;
};

struct eng_pattern {
	struct eng_pattern_cfg cfg;
	uint32_t hits;
	uint8_t prog_at, prog_n;     /* programs: their operations in the pool */
};

/*
 * What tells most frames from a bitmap with one comparison: four bytes of it, as they lie in memory. Patterns of other
 * types compare nothing here (mask 0). Kept apart from the patterns so that all keys lie close together.
 */
struct pattern_key {
	uint32_t value, mask;
	uint16_t at, end;            /* end: a shorter packet cannot match */
	uint8_t next;                /* of its chain, 1 more than the index; 0: none */
};

enum { PATTERN_BUCKETS = 32 };

/* pattern_index.h. Chains begin as `next` goes on. */
struct pattern_index {
	uint16_t at;                 /* of the two bytes in the frame */
	uint8_t loose;               /* of patterns that do not compare both */
	uint8_t first[PATTERN_BUCKETS];
};

struct eng_offload {
	struct eng_offload_cfg cfg;
	uint32_t answered;
	uint64_t defended_us;        /* last defence, 0: none yet */
	uint64_t due_us;             /* what a type with a timer does next; NEVER_US: nothing */
	uint64_t sent_us;            /* group and mDNS: last report or answer, 0: none yet */
	uint8_t more;                /* index of its further fields, NO_SLOT: none */
	uint8_t pending;             /* of the type's own */
};

/* Further fields of an offload, and what its timer remembers. */
struct eng_more {
	struct eng_offload_more cfg;
	bool used;
	union {
		struct {                     /* UDP */
			uint32_t wait_ms;    /* due_us = from_us + this, scaled */
			uint32_t other_id;   /* a datagram whose first fragment was not for this flow; */
			uint64_t other_until_us; /* how long its identification means that one, 0: there is none */
			uint64_t from_us;
		};
		struct {                     /* DHCP */
			uint8_t state;       /* its own states */
			bool any_server;     /* past T2, everybody is asked */
			uint32_t xid;
			uint64_t t2_us, end_us; /* T2, and the end of the lease */
			uint32_t prints[ENG_DHCP_WATCHED]; /* of the parameters that the host has; 0: it has not said */
		};
		struct {                     /* mDNS: who waits for an answer of its own */
			uint8_t asker_ip[16], asker_mac[6];
		};
	};
};

/* The sources that a querier has asked about and waits for: membership.c. bytes 0: not in use. */
struct eng_asked {
	uint32_t offload_id;
	uint8_t bytes, sources[ENG_ASKED_BYTES];
};

/* What the host has heard a router say: router.c, ra_elements.h. key 0: not in use. */
struct eng_heard {
	uint32_t key, value, life_s;
	uint64_t at_us;
};

/* What a buffered frame was to its slot: tells a retransmission from news. */
struct frame_seg {
	uint8_t slot;
	bool fin;
	uint16_t len;
	uint32_t seq;
};

struct engine {
	struct eng_env env;
	uint32_t boot_id, epoch, arm, wakes, lost, next_index, minute_us, wake_timer_ms, yield_ms;
	uint16_t last_wake_reason, owner_id;
	uint8_t owner, power, mac[6];
	bool speaking;               /* the owner is the device, and it has not yielded to a host on its way */
	uint8_t n_patterns, n_offloads, n_events;
	uint8_t link;                /* enum link_state */
	uint16_t link_changes;       /* while preparing: commit reports them */
	uint16_t frame_head, frame_count;
	uint32_t event_n;
	uint64_t power_timer_us;     /* in D3: the host is to wake; in WOKEN, yielding: it has not come, and we speak again */
	uint64_t ka_gap_us;
	uint64_t lease_from_us;      /* when the owner was last heard of */
	uint32_t lease_ms;           /* 0: no lease */
	uint64_t ra_due_us;          /* when a kept advertisement must be heard by the host; 0: none is kept */
	uint8_t hearing[PKT_KINDS];  /* bit i: row i of offload_types has to judge that kind */
	uint8_t next_heard;
	/*
	 * From here on the largest stand last: what lies in the first 4095 bytes one instruction reaches from the engine's address,
	 * what lies behind them costs two in every place that looks at it.
	 */
	uint64_t counter[C_COUNT];
	struct eng_asked asked[ENG_ASKED];
	uint32_t slot_ports[SLOT_PORT_BITS / 32]; /* slot_ports.h */
	struct pattern_index index;
	struct eng_event events[ENG_EVENTS];
	struct frame_seg segs[ENG_FRAMES];
	struct pattern_key keys[ENG_ALL_PATTERNS]; /* of the pattern with the same index */
	struct eng_heard heard[ENG_HEARD];
	struct eng_offload offloads[ROOM(ENG_OFFLOADS)];
	struct eng_more more[ROOM(ENG_OFFLOADS_MORE)];
	struct bpf_op prog_pool[ROOM(ENG_POOL_OPS)]; /* programs without gaps, in the order of their patterns */
	struct eng_pattern patterns[ENG_ALL_PATTERNS];
	struct eng_slot slots[ENG_SLOTS];
	struct eng_frame frames[ENG_FRAMES];
#ifdef ENG_NOTE_EDGES                /* the library of the tests: which edges of edges.h were taken */
	const struct edge_table *edges_legal[OFF_MACHINE_SLOT + 1];
	uint8_t edges_taken[OFF_MACHINE_SLOT + 1][ENG_STATES];
#endif
};

static inline uint64_t now_us(const struct engine *e)
{
	return e->env.now_us(e->env.ctx);
}

/* In the way of every frame; elsewhere `count`, as 64 bits take five instructions, in forty places. */
static inline void count_frame(struct engine *e, enum eng_counter_id id)
{
	e->counter[id]++;
}

void count(struct engine *e, enum eng_counter_id id);

/* As the host, right now. */
static inline bool speaks(const struct engine *e)
{
	return e->speaking;
}

static inline struct eng_more *more_of(struct engine *e, const struct eng_offload *o)
{
	return &e->more[o->more];
}

#endif
