/* SMP group 100: the control channel of the offload engine. Messages: proto/offload.cddl. */
#ifndef OFFLOAD_GROUP_H
#define OFFLOAD_GROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "core/engine.h"
#include "smp_group.h"

extern const struct smp_group offload_group;

/* The strings and the digest are copied as pointers: they must outlive the group. */
void offload_group_init(struct engine *e, const uint8_t running_digest[32], const char *version, uint8_t reset_cause,
			uint32_t boot_id);

/* Answers the standing event wait when there is an event for it. Call after every frame and every eng_poll. */
void offload_group_poll(void);

/*
 * Is a repeat of this request, which was answered with rc, answered from the reply cache? When it has changed something: a
 * commit that says WAKE_PENDING has. Attach is not: a new host may use an old number.
 */
bool offload_group_cacheable(uint8_t op, uint8_t cmd, int rc);

/* Test builds: what fault_inject ordered for the next reply. True: drop it. Otherwise delay it and corrupt it as set. */
bool offload_fault_on_reply(bool is_event, uint16_t *delay_ms, bool *corrupt);
/* Test builds: the main loop is to stand still from now on. */
bool offload_fault_hang(void);

/* offload_counters.c: {"name": u64, ...} */
int offload_counters_encode(const struct engine *e, uint8_t *rsp, size_t rsp_cap, size_t *rsp_len);
/* What the device around the engine counts: the main loop knows. */
struct device_counters {
	uint32_t serial_crc_err, serial_retry;
	uint32_t serial_overrun;    /* times that bytes of the line were lost for want of room */
	uint32_t turn_max_us;       /* longest turn of the main loop: no interrupt handlers, so it bounds every reaction */
	uint32_t stack_low_water;   /* bytes of the stack never used; 0: not known */
	uint64_t uptime_ms;
};
struct device_counters_source {
	struct device_counters (*read)(void);
	void (*clear)(void);        /* what can be cleared: not the uptime and the stack */
};
/* NULL, as at the start: they read as 0. */
void offload_counters_init(const struct device_counters_source *source);
void offload_counters_clear(struct engine *e);

#endif
