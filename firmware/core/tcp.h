/* The receive side of a slot. */
#ifndef TCP_H
#define TCP_H

#include "engine_state.h"
#include "parse.h"

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
/* Its FIN is one that the host has not had, and in the window; for TCP_DATA and TCP_FIN_ONLY. */
bool tcp_fin_is_news(const struct eng_slot *s, const struct pkt *p);
uint16_t tcp_wake_reason(const struct eng_slot *s, enum tcp_verdict v);

#endif
