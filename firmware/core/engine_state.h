/* The whole state of the engine, and what its parts call on each other. Private to core/. */
#ifndef ENGINE_STATE_H
#define ENGINE_STATE_H

#include "bpf.h"
#include "counters.h"
#include "engine.h"
#include "parse.h"

enum {
	ARM_TCP = 1u << 0,
	ARM_PATTERNS = 1u << 1,
	ARM_MAGIC = 1u << 2,
	ENG_ALL_PATTERNS = ENG_PATTERNS + 1,  /* magic does not count against the 32 (NDIS) */
	ENG_CHALLENGES_PER_S = 10,            /* per slot: a global limit would tell strangers that a slot exists */
	ENG_ANSWERS_PER_S = 50,               /* peer keep-alives, old data: bounds an ACK loop of two confused stacks */
	ENG_KA_SPACING_US = 250,              /* probes due at the same time leave one after another, this far apart */
	ENG_TX_RETRY_US = 1000,
	ENG_LINK_RETRY_US = 100000,           /* while the link is down: the device is to save power */
	ENG_DEFENCE_US = 10000000,            /* RFC 5227 2.4(b): DEFEND_INTERVAL */
	ENG_ROUTERS = 8,                      /* heard of; the one noted first makes room */
	NO_SLOT = 0xFF,
};
#define NO_PATTERN 0xFFFFFFFFu
#define NEVER_US UINT64_MAX

enum link_state { LINK_UNKNOWN, LINK_UP, LINK_DOWN };

/* At most `limit` a second, counted in windows of one second. */
struct rate {
	uint64_t window_us;
	uint16_t used;
};

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
 * types compare nothing here (mask 0). Kept apart from the patterns so that all keys lie close together, and in the order
 * of `end`, so that the walk stops at the first pattern that is too long for a packet.
 */
struct pattern_key {
	uint32_t value, mask;
	uint16_t at, end;            /* end: a shorter packet cannot match */
	uint8_t pattern;             /* its index */
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
	uint32_t wait_ms;            /* UDP: due_us = from_us + this, scaled */
	uint64_t from_us;
	uint8_t state;               /* DHCP: its own states; */
	bool any_server;             /* ... past T2, everybody is asked; */
	uint32_t xid;
	uint64_t t2_us, end_us;      /* ... T2, and the end of the lease */
};

/* The newest advertisement of a router, as a fingerprint: router.c. */
struct eng_router {
	bool used;
	uint8_t ip[16];
	uint16_t vid;
	uint64_t print;
};

/* What a buffered frame was to its slot: tells a retransmission from news. */
struct frame_seg {
	uint8_t slot;
	bool fin;
	uint16_t len;
	uint32_t seq;
};

/* What to do with a frame. Judging changes nothing, so commit may judge twice. */
struct verdict {
	uint8_t reason;              /* enum eng_counter_id, one of ENG_REASONS */
	uint8_t detail;              /* another counter, C_rx_total: none */
	uint8_t slot, tcp;           /* tcp: enum tcp_verdict */
	uint8_t offload;             /* index, NO_SLOT: none */
	bool answer, conflict;       /* the offload answers the frame; another station claims its address */
	bool broken;                 /* breaks its protocol's rules: no pattern looks at it */
	bool final;                  /* settled by an offload: no pattern looks at it either */
	uint16_t wake;               /* enum off_wake_reason */
	uint32_t pattern_id;
	uint64_t hits;               /* bit i: patterns[i] matched */
};

struct engine {
	struct eng_env env;
	uint32_t boot_id, epoch, arm, wakes, lost, next_index, minute_us, wake_timer_ms;
	uint16_t last_wake_reason, owner_id;
	uint8_t owner, power, mac[6];
	uint8_t n_patterns, n_offloads, n_events;
	uint8_t link;                /* enum link_state */
	bool link_changed;           /* while preparing: commit reports it */
	uint16_t frame_head, frame_count;
	uint32_t event_n;
	uint64_t wake_timer_us, ka_gap_us;
	uint64_t lease_from_us;      /* when the owner was last heard of */
	uint32_t lease_ms;           /* 0: no lease */
	uint64_t counter[C_COUNT];
	struct eng_slot slots[ENG_SLOTS];
	struct eng_pattern patterns[ENG_ALL_PATTERNS];
	struct pattern_key keys[ENG_ALL_PATTERNS];
	struct bpf_op prog_pool[BPF_POOL_OPS]; /* programs without gaps, in the order of their patterns */
	struct eng_offload offloads[ENG_OFFLOADS];
	uint8_t next_router;
	struct eng_router routers[ENG_ROUTERS];
	struct eng_more more[ENG_OFFLOADS_MORE];
	struct eng_event events[ENG_EVENTS];
	struct frame_seg segs[ENG_FRAMES];
	struct eng_frame frames[ENG_FRAMES];
};

static inline uint64_t now_us(const struct engine *e)
{
	return e->env.now_us(e->env.ctx);
}

static inline void count(struct engine *e, enum eng_counter_id id)
{
	e->counter[id]++;
}

/* How long after the wire took nothing it is tried again. */
static inline uint64_t tx_retry_us(const struct engine *e)
{
	return e->link == LINK_DOWN ? ENG_LINK_RETRY_US : ENG_TX_RETRY_US;
}

static inline bool speaks(const struct engine *e)
{
	return e->owner == OFF_OWNER_DEVICE;
}

/* Specification milliseconds to device µs; 64 bits hold 24 h at the largest scale. Never 0, so a timer always advances. */
uint64_t scale_us(const struct engine *e, uint32_t ms);
/* engine.c: every change of the owner of the identity bumps the epoch. */
void set_owner(struct engine *e, uint8_t owner);
/* Everything that a host gave, and what came of it; returns how many slots were freed. */
uint8_t engine_forget(struct engine *e);
bool rate_take(struct rate *r, uint64_t now, uint16_t limit);
/* Short frames are padded, so the buffer must hold ETH_MIN_BYTES. */
bool eng_tx(struct engine *e, uint8_t *frame, uint16_t len);

/* buffer.c: a ring, oldest first; the first frames are kept, later ones are lost. */
bool buffer_put(struct engine *e, const struct pkt *p, uint64_t t_rx_us, uint16_t flags, uint32_t pattern_id, uint8_t slot);
bool buffer_has_segment(const struct engine *e, uint8_t slot, const struct pkt *p);
struct eng_frame *buffer_at(struct engine *e, uint16_t i);
void buffer_clear(struct engine *e);
/* Room to build a frame of ENG_TAGGED_FRAME_BYTES in, until the next buffer_put; NULL when the ring is full. */
uint8_t *buffer_scratch(struct engine *e);

/* events.c */
void event_put(struct engine *e, struct eng_event *ev);
void events_clear(struct engine *e);
void wake(struct engine *e, uint16_t reason, uint8_t slot, uint32_t pattern_id, const struct eng_frame *frame, bool tagged);

/* rx.c */
struct verdict rx_judge(struct engine *e, const struct pkt *p);
void rx_count_hits(struct engine *e, uint64_t hits);
void rx_apply_quiet(struct engine *e, const struct pkt *p, const struct verdict *v);

/* vlan.c: who hears frames of a VLAN. */
bool same_vlan(uint16_t tci, const struct pkt *p);
/* A slot or a protocol offload is in the VLAN of the frame. */
bool vlan_ours(const struct engine *e, const struct pkt *p);
bool tci_ok(uint16_t tci);

/* slots.c */
struct eng_slot *slot_find(struct engine *e, const struct pkt *p);
struct eng_slot *slot_by_addresses(struct engine *e, const struct pkt *p);
uint8_t slot_index(const struct engine *e, const struct eng_slot *s);
struct eng_slot *slot_by_handle(struct engine *e, uint8_t slot, uint16_t gen);
void slot_free(struct eng_slot *s);
uint8_t slots_free_all(struct engine *e);
/* Slots with OFF_SLOT_KEEP become IDLE, the others are freed. */
void slots_end_standby(struct engine *e);
void slot_break(struct eng_slot *s, uint16_t reason);
/* An off_rc for a part of what the host says of a slot. */
int slot_check_next_hop(const struct eng_slot_cfg *c);
/* Its MAC; and its address, which is of the family of `own` and not the same. */
int next_hop_check(const struct eng_hop *h, const struct eng_ip *own);
int slot_check_intervals(const struct eng_slot_cfg *c);

/* next_hop.c: what a station says of its own address, taken by the slots and protocol offloads that send to it. */
void next_hop_learn(struct engine *e, const struct pkt *p);

/* lease.c */
void lease_poll(struct engine *e, uint64_t now);
uint64_t lease_next_us(const struct engine *e);
uint32_t lease_left_ms(const struct engine *e);

/* tcp.c */
enum tcp_verdict {
	TCP_NOT_OURS,                /* the slot has nothing to say: patterns may look */
	TCP_BAD_FLAGS,
	TCP_NO_TS,
	TCP_PAWS,
	TCP_RST_EXACT,
	TCP_RST_IN_WINDOW,
	TCP_RST_OUTSIDE,
	TCP_SYN_ANY,
	TCP_PEER_KA,
	TCP_ZERO_WINDOW_PROBE,
	TCP_OLD_DATA,
	TCP_OUTSIDE,
	TCP_ACK_INVALID,
	TCP_PURE_ACK,
	TCP_DATA,
	TCP_KA_REPLY,                /* the answer to a payload keep-alive: all of it, and nothing else */
	TCP_FIN_ONLY,
	TCP_VERDICTS,
};
enum tcp_verdict tcp_judge(const struct engine *e, const struct eng_slot *s, const struct pkt *p);
void tcp_apply(struct engine *e, struct eng_slot *s, const struct pkt *p, enum tcp_verdict v);
enum eng_counter_id tcp_detail(enum tcp_verdict v);
uint16_t tcp_wake_reason(const struct eng_slot *s, enum tcp_verdict v);

/* tcp_tx.c */
uint32_t tcp_window(const struct eng_slot *s);
bool tcp_send(struct engine *e, struct eng_slot *s, uint32_t seq);
bool tcp_send_data(struct engine *e, struct eng_slot *s, uint32_t seq, const uint8_t *data, uint16_t len);

/* keepalive.c */
void ka_start(struct engine *e, struct eng_slot *s);
void ka_heard(struct engine *e, struct eng_slot *s);
/* Probing begins anew: the next probe is due when the idle time is over, at once if it is. */
void ka_begin_again(struct engine *e, struct eng_slot *s);
/* Its intervals have changed. */
void ka_reschedule(struct engine *e, struct eng_slot *s);
void ka_rescale(struct engine *e);
void ka_poll(struct engine *e, uint64_t now);
uint64_t ka_next_us(const struct engine *e);

/* payload_ka.c */
static inline bool payload_ka_on(const struct eng_slot *s)
{
	return s->payload.cfg.data_len != 0;
}
int payload_ka_check(const struct eng_slot_cfg *c);
/* Copies what cfg.payload points to. */
void payload_ka_start(struct eng_slot *s);
void payload_ka_forget(struct eng_slot *s);
bool payload_ka_unacked(const struct eng_slot *s);
/* The peer's TCP took ka_cnt payloads, its application answered none. */
bool payload_ka_unanswered(const struct eng_slot *s);
/* If so, one of them is not held against it. */
void payload_ka_forgive(struct eng_slot *s);
bool payload_ka_exhausted(const struct eng_slot *s);
/* A new payload, the last one again, or a probe of a closed window; false when the wire took nothing. */
bool payload_ka_send(struct engine *e, struct eng_slot *s, uint64_t now);
/* Until the last payload is sent again: doubles each time. */
uint32_t payload_ka_wait_ms(const struct eng_slot *s);
bool payload_ka_is_reply(const struct eng_slot *s, const struct pkt *p);
void payload_ka_take_reply(struct eng_slot *s);
void payload_ka_describe(const struct eng_slot *s, uint64_t now, struct eng_slot_state *o);

/* pattern.c */
void patterns_clear(struct engine *e);
/* Payload patterns go with their slot. */
void patterns_forget_slots(struct engine *e);

/* pattern_match.c */
struct pattern_key pattern_key_of(const struct eng_pattern_cfg *c);
void pattern_judge(const struct engine *e, const struct pkt *p, struct verdict *v);
/* New data on v->slot: if the slot has payload patterns, they decide whether it wakes. */
void payload_judge(const struct engine *e, const struct pkt *p, struct verdict *v);
const struct eng_pattern_cfg *pattern_better(const struct eng_pattern_cfg *a, const struct eng_pattern_cfg *b);

/* link.c */
/* While preparing: true when a change of the link wakes. */
bool link_wakes(struct engine *e);

/* offloads.c: the table of protocol offloads; each protocol has a file with judge, apply and check. */
void offload_judge(struct engine *e, const struct pkt *p, struct verdict *v);
void offload_apply(struct engine *e, const struct pkt *p, const struct verdict *v);
void offload_clear(struct engine *e);
bool ip_equal(const struct eng_ip *ip, const uint8_t *b, uint8_t len);
/* It is of that type, and in the VLAN that the frame came in. */
bool offload_hears(const struct eng_offload_cfg *c, uint8_t type, const struct pkt *p);

/* offload_timers.c: the offloads that speak by themselves. */
void offload_arm(struct engine *e, struct eng_offload *o);
void offload_poll(struct engine *e, uint64_t now);
uint64_t offload_next_us(const struct engine *e);
void offload_rescale(struct engine *e);
/* Answers owed to the network go out before the host takes over, and are forgotten before the next sleep. */
void offload_flush(struct engine *e);
void offload_forget(struct engine *e);

/* arp.c */
void arp_judge(struct engine *e, const struct pkt *p, struct verdict *v);
/* Whom an ARP frame says to be where: false when it breaks the rules, or when it is not for everybody or for us. */
bool arp_sender(const struct pkt *p, const uint8_t **ip, const uint8_t **mac);
void arp_apply(struct engine *e, const struct pkt *p, const struct verdict *v);
int arp_check(const struct eng_offload_cfg *c);

/* nd.c */
void nd_judge(const struct engine *e, const struct pkt *p, struct verdict *v);
/* The same of neighbour discovery: an advertisement that overrides, or a solicitation that names its sender's address. */
bool nd_sender(const struct pkt *p, const uint8_t **ip, const uint8_t **mac);
void nd_apply(struct engine *e, const struct pkt *p, const struct verdict *v);
int nd_check(const struct eng_offload_cfg *c);

/* router.c: note what the host hears itself (listen: in D0, where frames are not taken apart otherwise). */
void router_note(struct engine *e, const struct pkt *p);
void router_listen(struct engine *e, const uint8_t *frame, uint16_t len);

/* echo.c */
void echo_judge(const struct engine *e, const struct pkt *p, struct verdict *v);
void echo_apply(struct engine *e, const struct pkt *p, const struct verdict *v);
int echo_check(const struct eng_offload_cfg *c);

static inline struct eng_more *more_of(struct engine *e, const struct eng_offload *o)
{
	return &e->more[o->more];
}

/*
 * The types with a timer: `arm` sets due_us when a row was added or the clock scale changed, `due` acts and sets the next;
 * false when the wire took nothing: it is called again.
 */

/* membership.c */
void group_judge(const struct engine *e, const struct pkt *p, struct verdict *v);
void group_apply(struct engine *e, const struct pkt *p);
int group_check(const struct eng_offload_cfg *c);
bool group_due(struct engine *e, struct eng_offload *o, uint64_t now);

/* mdns.c */
void mdns_judge(const struct engine *e, const struct pkt *p, struct verdict *v);
void mdns_apply(struct engine *e, const struct pkt *p);
int mdns_check(const struct eng_offload_cfg *c, const struct eng_mdns_cfg *m);

/* dhcp.c */
void dhcp_judge(const struct engine *e, const struct pkt *p, struct verdict *v);
void dhcp_apply(struct engine *e, const struct pkt *p, const struct verdict *v);
int dhcp_check(const struct eng_offload_cfg *c, const struct eng_offload_more *more);
void dhcp_arm(struct engine *e, struct eng_offload *o);
bool dhcp_due(struct engine *e, struct eng_offload *o, uint64_t now);

/* udp_ka.c */
void udp_ka_judge(const struct engine *e, const struct pkt *p, struct verdict *v);
int udp_ka_check(const struct eng_offload_cfg *c, const struct eng_offload_more *more);
void udp_ka_arm(struct engine *e, struct eng_offload *o);
bool udp_ka_due(struct engine *e, struct eng_offload *o, uint64_t now);

#endif
