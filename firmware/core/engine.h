/*
 * The offload engine: one struct, no globals, no heap, no board. Frames and commands come in as calls, frames go out
 * through env.tx, time comes from env.now_us, events are left in a queue that the SMP group reads.
 * Not re-entrant: the caller makes one call at a time (main loop; the Python test library does the same).
 */
#ifndef ENGINE_H
#define ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "offload_rc.h"
#include "profile.h"

enum {
	ENG_PATTERN_BYTES = 128,
	ENG_UDP_PAYLOAD_BYTES = 32,
	ENG_PAYLOAD_BYTES = 32,     /* of a slot's payload keep-alive, and of its answer */
	ENG_DHCP_CLIENT_ID_BYTES = 32,
	ENG_DHCP_OPTIONS_BYTES = 64, /* what the lease gave the host */
	ENG_MDNS_BYTES = 64,        /* a name, and the data of a record */
	ENG_FRAME_BYTES = 1514,
	ENG_TAGGED_FRAME_BYTES = 1518, /* of a frame with a VLAN tag so much is saved */
	ENG_EVENTS = 8,
	ENG_MAX_OFFSET = 1514,
	ENG_LEASE_MIN_MS = 1000,
	ENG_LEASE_MAX_MS = 86400000, /* 24 h, and the default: what Apple's sleep proxies allow and give (mDNSResponder) */
	ENG_LEASE_DEFAULT_MS = 7200000,
	ENG_YIELD_MAX_MS = 60000,   /* after a wake, real time */
	ENG_ARM = OFF_ARM_TCP | OFF_ARM_PATTERNS | OFF_ARM_MAGIC, /* what a prepare may ask for; more is refused, UNSUPPORTED */
};

struct eng_env {
	void *ctx;
	/* Returns false when the wire takes no frame now (link down, ring full). The frame is the caller's. */
	bool (*tx)(void *ctx, const uint8_t *frame, uint16_t len);
	uint64_t (*now_us)(void *ctx);
	bool link_events;           /* the port calls eng_link: without it, link patterns are refused */
};

struct eng_ip {
	uint8_t len;                /* 4, 16, or 0 for any */
	uint8_t b[16];
};

/* The station that takes what is sent. `ip`: whose announcements of another MAC are believed; of length 0: nobody's. */
struct eng_hop {
	uint8_t mac[6];
	struct eng_ip ip;
};

/* A place in a payload. 32 bits as the host gives them: a sum of the two may wrap. */
struct eng_span {
	uint32_t offset, len;       /* len 0: there is none */
};

/* What a slot sends in place of probes, and the answer to it that the host need not see. */
struct eng_payload_cfg {
	uint8_t data_len, reply_len; /* reply_len 0: no answer is expected */
	uint8_t data[ENG_PAYLOAD_BYTES], reply[ENG_PAYLOAD_BYTES];
	uint8_t reply_mask[ENG_PAYLOAD_BYTES / 8]; /* one bit a byte, LSB first: set bits are compared */
	bool reply_counts;          /* the answer repeats the counter, at reply_counter */
	uint32_t counter_start, reply_counter;
	struct eng_span counter;    /* little-endian, one more each time, wraps */
	struct eng_span token;      /* bytes from `tokens`, others each time */
	struct eng_span mask;       /* XORed with the token, which is 4 bytes then (RFC 6455 5.3) */
	uint16_t tokens_len;
	uint8_t tokens[ROOM(ENG_TOKENS_BYTES)];
};

struct eng_slot_cfg {
	uint16_t owner;
	uint32_t flags;
	uint8_t local_mac[6];
	struct eng_hop next_hop;    /* its MAC changes with OFF_SLOT_LEARN_NEXT_HOP only */
	struct eng_ip local, remote;
	uint16_t local_port, remote_port;
	uint8_t ttl, tos;
	bool df;
	uint16_t ip_id, mss;
	uint16_t vlan_tci;          /* of the VLAN that it is in, with OFF_SLOT_VLAN; 0: none */
	uint32_t flow_label;        /* IPv6, with OFF_SLOT_FLOW_LABEL */
	uint32_t snd_una, snd_nxt, snd_wl1, snd_wnd, max_snd_wnd;
	uint32_t rcv_nxt, rcv_wnd, rcv_wup;
	uint8_t snd_wscale, rcv_wscale;
	bool ts_on;
	uint32_t ts_hz, tsval, ts_recent, ts_recent_age_ms;
	uint64_t t0_us;
	uint32_t ka_idle_ms, ka_intvl_ms, idle_elapsed_ms;
	uint8_t ka_cnt;
	const struct eng_payload_cfg *payload; /* NULL: empty probes; eng_slot_add keeps its own copy */
};

struct eng_slot_state {
	uint8_t slot;
	uint16_t gen;
	uint8_t state;
	uint16_t close_reason;
	uint32_t snd_una, snd_nxt, rcv_nxt, snd_wnd, tsval_last, ts_recent, last_rx_age_ms, next_ka_due_ms;
	uint32_t ka_sent, ka_acked, ka_lost, peer_ka_answered, challenge_acks, dup_data, paws_drops;
	uint32_t payloads_sent, payloads_answered, payload_counter, tokens_used; /* payload_counter: the next one's */
	uint32_t payload_age_ms;    /* since the last one was first sent, real time; UINT32_MAX: none was */
	uint16_t owner;
	uint32_t next_hop_moves;    /* how often its MAC was learnt anew */
	uint8_t next_hop_mac[6];
	uint16_t vlan_tci;
};

/* What may change in a live slot. */
struct eng_slot_update {
	bool idle_set, intvl_set, mac_set;
	uint32_t ka_idle_ms, ka_intvl_ms;
	uint8_t next_hop_mac[6];
	struct eng_ip next_hop_ip;  /* of length 0: stays */
};

struct eng_pattern_cfg {
	uint32_t id;
	uint8_t type, priority;
	uint16_t flags, offset;
	uint16_t data_len, mask_len;
	uint8_t data[ENG_PATTERN_BYTES], mask[ENG_PATTERN_BYTES / 8];
	struct eng_ip dst, src;
	bool port_set, sport_set;
	uint16_t port, sport;
	uint8_t slot;               /* payload patterns: the handle of their slot */
	uint16_t gen;
	const uint8_t *prog;        /* programs: eng_pattern_add reads prog_len bytes and keeps its own copy */
	uint16_t prog_len;
};

struct eng_offload_cfg {
	uint32_t id;
	uint8_t type;
	uint16_t flags;
	struct eng_ip ip, ip2, remote;
	uint8_t mac[6];
	uint16_t vlan_tci;          /* of the VLAN that it is in; 0: none */
};

/* What some types need beyond that; `type` of the offload says which member of eng_offload_more counts. */
struct eng_udp_cfg {
	uint16_t local_port, remote_port;
	uint32_t interval_ms, elapsed_ms;
	uint8_t len, payload[ENG_UDP_PAYLOAD_BYTES];
};

struct eng_dhcp_cfg {
	uint32_t xid, lease_s, t1_s, elapsed_ms;
	uint8_t len, client_id[ENG_DHCP_CLIENT_ID_BYTES];
	uint8_t options_len, options[ENG_DHCP_OPTIONS_BYTES]; /* mask, routers, ... that it has, as in an ACK (RFC 2132) */
};

struct eng_mdns_cfg {
	uint16_t rrtype;
	uint32_t ttl_s;
	uint8_t name_len, rdata_len, name[ENG_MDNS_BYTES], rdata[ENG_MDNS_BYTES];
};

struct eng_offload_more {
	struct eng_hop next_hop;    /* UDP, DHCP: the server, or the way to it */
	union {
		struct eng_udp_cfg udp;
		struct eng_dhcp_cfg dhcp;
		struct eng_mdns_cfg mdns;
	};
};

struct eng_event {
	uint32_t n;
	uint8_t kind, slot;
	uint16_t gen, reason, subreason, l2_flags;
	uint32_t epoch, wake_seq, pattern_id;
	uint64_t t_rx_us, t_wake_us;
	uint16_t orig_size, saved_size;
};

struct eng_frame {
	uint32_t index;
	uint64_t t_rx_us;
	uint16_t orig_len, saved_len, flags;
	uint32_t pattern_id;
	uint8_t bytes[ENG_TAGGED_FRAME_BYTES];
};

struct engine; /* defined in engine_state.h; sized by the build, allocated once by the caller */

size_t eng_size(void);
void eng_init(struct engine *e, const struct eng_env *env, uint32_t boot_id);

/* Frames and time. eng_poll runs what is due and returns the µs until it wants to be called again (UINT32_MAX: never). */
void eng_rx(struct engine *e, const uint8_t *frame, uint16_t len);
uint32_t eng_poll(struct engine *e);
/* The wire's link came or went; a call that tells nothing new has no effect. Nothing is sent while it is down. */
void eng_link(struct engine *e, bool up);

/* The boot before this one ended in a hang or a fault: a host that sleeps because of it has to know (an event, FIRMWARE_STALLED). */
void eng_stalled(struct engine *e);
void eng_set_minute_us(struct engine *e, uint32_t minute_us);

/* Commands. Each returns an off_rc. */
/* lease_ms: ENG_LEASE_MIN_MS to ENG_LEASE_MAX_MS, BAD_INTERVAL else. Before the first attach there is no lease. */
int eng_attach(struct engine *e, uint16_t owner, uint32_t lease_ms, uint8_t *freed_slots);
/* The owner was heard of: its lease begins anew. */
void eng_lease_renew(struct engine *e);
int eng_slot_add(struct engine *e, const struct eng_slot_cfg *c, uint8_t *slot, uint16_t *gen);
int eng_slot_remove(struct engine *e, uint8_t slot, uint16_t gen, struct eng_slot_state *out);
int eng_slot_get(const struct engine *e, uint8_t slot, uint16_t gen, struct eng_slot_state *out);
int eng_slot_pause(struct engine *e, uint8_t slot, uint16_t gen);
int eng_slot_resume(struct engine *e, uint8_t slot, uint16_t gen);
int eng_slot_update(struct engine *e, uint8_t slot, uint16_t gen, const struct eng_slot_update *u);
/* Fills out[] with the slots in use, lowest first; returns how many. */
uint8_t eng_slot_list(const struct engine *e, struct eng_slot_state out[ENG_SLOTS]);
/* What a slot of the list was added with. */
const struct eng_slot_cfg *eng_slot_cfg_of(const struct engine *e, uint8_t slot);
/* Bit n: patterns (protocol offloads) of type n are taken; others are refused, UNSUPPORTED. */
uint32_t eng_pattern_types(const struct engine *e);
uint64_t eng_offload_types(void);
int eng_pattern_add(struct engine *e, const struct eng_pattern_cfg *c);
int eng_pattern_remove(struct engine *e, uint32_t id);
/* i-th pattern in use, in order of addition, and how often it matched; NULL when there is none. */
const struct eng_pattern_cfg *eng_pattern_at(const struct engine *e, uint8_t i, uint32_t *hits);
/* `more` is for the types that have more than the common fields, NULL for the others. */
int eng_offload_add(struct engine *e, const struct eng_offload_cfg *c, const struct eng_offload_more *more);
int eng_offload_remove(struct engine *e, uint32_t id);
bool eng_offload_at(const struct engine *e, uint8_t i, uint32_t *id, uint8_t *type, uint32_t *answered);
/* Specification seconds that the i-th offload's DHCP lease has left; 0 when it has ended, and for the other types. */
uint32_t eng_offload_lease_s(const struct engine *e, uint8_t i);

int eng_prepare(struct engine *e, uint32_t epoch, uint8_t target, uint32_t arm, const uint8_t mac[6], uint32_t wake_timer_ms,
		uint32_t yield_ms);
int eng_commit(struct engine *e, uint32_t epoch);
int eng_abort(struct engine *e, uint32_t epoch);
int eng_host_awake(struct engine *e, uint32_t epoch);
/* Final slot states in out[], their number in *n; slots and frames are freed. */
int eng_release(struct engine *e, struct eng_slot_state out[ENG_SLOTS], uint8_t *n);

/* Buffered frames: free all up to ack, then walk with eng_frame_at(i), i from 0, oldest first; NULL at the end. */
void eng_frames_ack(struct engine *e, uint32_t ack);
const struct eng_frame *eng_frame_at(const struct engine *e, uint16_t i);

/* The first event with n > after, NULL when there is none; events up to after are freed. */
const struct eng_event *eng_event_after(struct engine *e, uint32_t after);

/* The i-th event that is kept, oldest first, NULL at the end: frees nothing. */
const struct eng_event *eng_event_at(const struct engine *e, uint8_t i);

struct eng_status {
	uint32_t arm, lost, epoch, wakes;
	uint8_t owner, power, events_pending;
	uint16_t buffered, last_wake_reason;
	uint16_t owner_id;          /* as given at attach, 0 before */
	uint8_t next_hops_moved;    /* slots whose next hop's MAC was learnt anew since they were added */
	uint32_t lease_left_ms;     /* specification ms until the device stops speaking for its owner; 0: over, or no lease */
};
void eng_status(const struct engine *e, struct eng_status *out);

/* Counters: name of the i-th, NULL at the end. */
const char *eng_counter_name(uint16_t i);
uint64_t eng_counter(const struct engine *e, uint16_t i);
void eng_counters_clear(struct engine *e);

#endif
