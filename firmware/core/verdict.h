/* What to do with a frame. Judging changes nothing, so commit may judge twice. */
#ifndef VERDICT_H
#define VERDICT_H

#include <stdbool.h>
#include <stdint.h>

struct verdict {
	uint8_t reason;              /* enum eng_counter_id, one of ENG_REASONS */
	uint8_t detail;              /* another counter, C_rx_total: none */
	uint8_t slot, tcp;           /* tcp: enum tcp_verdict */
	uint8_t offload;             /* index, NO_SLOT: none */
	bool answer, conflict;       /* the offload answers the frame; another station claims its address */
	bool broken;                 /* breaks its protocol's rules: no pattern looks at it */
	bool keep;                   /* a router advertisement that the host must hear some time later: router.c */
	bool final;                  /* settled by an offload: no pattern looks at it either */
	uint16_t wake;               /* enum off_wake_reason */
	uint32_t pattern_id;
	uint64_t hits;               /* bit i: patterns[i] matched */
};

#endif
