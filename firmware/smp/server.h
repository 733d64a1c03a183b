/*
 * The SMP server: takes bytes of the serial line, finds the group, writes the reply. One message at a time, no queue:
 * the client learns from the mcumgr parameters that there is one buffer.
 */
#ifndef SMP_SERVER_H
#define SMP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "smp_group.h"

struct smp_server_cfg {
	const struct smp_group *const *groups;  /* ends with NULL */
	uint16_t retry_group;                   /* group whose writes are kept for retries and whose replies can be faulted */
	/* Has this request, answered with rc, changed something, so that a repeat must get the same answer? NULL: none does. */
	bool (*cacheable)(uint8_t op, uint8_t cmd, int rc);
	/* Test builds: what happens to this reply. True: dropped. NULL: nothing ever. */
	bool (*fault)(bool is_event, uint16_t *delay_ms, bool *corrupt);
};

void smp_server_init(const struct smp_server_cfg *cfg);
void smp_server_rx(const uint8_t *bytes, size_t len);

/* Sends a reply that a fault holds back, when its time has come. True while one is still held. */
bool smp_server_poll(void);

/* What the line did to us since the start or the last clear. */
struct smp_server_stats {
	uint32_t crc_errors;        /* messages that came damaged */
	uint32_t retries;           /* requests that came again and were answered from the cache */
	uint32_t answered;          /* requests of any group that were answered */
};
struct smp_server_stats smp_server_stats(void);
void smp_server_stats_clear(void);

#endif
