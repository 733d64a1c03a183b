/* The counters as the host reads them: engine.h. */
#include "engine_state.h"

/* One behind the other, and where each begins: 16 bits a name, where a pointer takes 32. */
#define ENG_ROOM(name) char name[sizeof #name];
#define ENG_NAME(name) #name,
#define ENG_AT(name) offsetof(struct names, name),

static const struct names {
	char rx_total[sizeof "rx_total"];
	ENG_REASONS(ENG_ROOM) ENG_DETAILS(ENG_ROOM)
} names = {"rx_total", ENG_REASONS(ENG_NAME) ENG_DETAILS(ENG_NAME)};
static const uint16_t name_at[C_COUNT] = {0, ENG_REASONS(ENG_AT) ENG_DETAILS(ENG_AT)};

const char *eng_counter_name(uint16_t i)
{
	return i < C_COUNT ? (const char *)&names + name_at[i] : NULL;
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

void count(struct engine *e, enum eng_counter_id id)
{
	count_frame(e, id);
}
