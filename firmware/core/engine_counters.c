/* The counters as the host reads them: engine.h. */
#include "engine_state.h"

#define ENG_NAME(name) #name,
static const char *const names[C_COUNT] = {"rx_total", ENG_REASONS(ENG_NAME) ENG_DETAILS(ENG_NAME)};

const char *eng_counter_name(uint16_t i)
{
	return i < C_COUNT ? names[i] : NULL;
}

uint64_t eng_counter(const struct engine *e, uint16_t i)
{
	return i < C_COUNT ? e->counter[i] : 0;
}

/* Frames captured while preparing are counted again when commit decides, so they stay in both sums. */
void eng_counters_clear(struct engine *e)
{
	uint16_t undecided = e->power == OFF_PREPARED ? e->frame_count : 0;

	for (int i = 0; i < C_COUNT; i++)
		e->counter[i] = 0;
	e->counter[C_rx_total] = e->counter[C_rx_buffered] = undecided;
}
