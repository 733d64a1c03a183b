/*
 * The owner's lease. A host that gave its identity away and was not heard of for so long is taken for dead: the device stops
 * speaking for it and frees what it left, as a sleep proxy does (mDNSResponder: 7200 s, at most 24 h; edge case 98).
 *
 * Every command that changes something renews it; looking does not, or a monitor would keep a dead host's connections alive.
 * It ends nothing in D0, where the device speaks for nobody. A host that is to sleep longer than its lease sets the wake
 * timer of prepare and renews it. One that comes back too late finds the event, and its commands refused until it attaches.
 */
#include "lease.h"

#include "clock.h"

void eng_lease_renew(struct engine *e)
{
	e->lease_from_us = now_us(e);
}

static uint64_t end_us(const struct engine *e)
{
	return e->lease_from_us + scale_us(e, e->lease_ms);
}

uint64_t lease_next_us(const struct engine *e)
{
	bool runs = e->lease_ms && e->power != OFF_D0 && e->power != OFF_EXPIRED;

	return runs ? end_us(e) : NEVER_US;
}

uint32_t lease_left_ms(const struct engine *e)
{
	uint64_t now = now_us(e);

	if (!e->lease_ms || e->power == OFF_EXPIRED || end_us(e) <= now)
		return 0;
	return (uint32_t)((end_us(e) - now) * 60000u / e->minute_us);  /* at most 24 h of µs times 60,000: 53 bits */
}

bool lease_over(const struct engine *e, uint64_t now)
{
	return now >= lease_next_us(e);
}
