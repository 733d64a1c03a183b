/* Link up and down as reasons to wake: patterns without bytes. */
#include "link.h"

#include "pattern_match.h"
#include "wake.h"

/* The change that a pattern of this type waits for, as a bit. */
static uint16_t change_bit(uint8_t pattern_type)
{
	return (uint16_t)(1u << pattern_type);
}

/* `changes`: while preparing the link may have gone and come back. That is one wake, by the better pattern. */
static bool link_report(struct engine *e, uint16_t changes)
{
	const struct eng_pattern_cfg *best = NULL;

	if (!(e->arm & OFF_ARM_PATTERNS))
		return false;
	for (uint8_t i = 0; i < e->n_patterns; i++) {
		if (changes & change_bit(e->patterns[i].cfg.type)) {
			e->patterns[i].hits++;
			best = pattern_better(&e->patterns[i].cfg, best);
		}
	}
	if (best)
		wake(e, best->type == OFF_PATTERN_LINK_UP ? OFF_WAKE_MEDIA_CONNECT : OFF_WAKE_MEDIA_DISCONNECT, NO_SLOT, best->id, NULL, false);
	return best != NULL;
}

bool link_wakes(struct engine *e)
{
	return link_report(e, e->link_changes);
}

/* A first call that says "up" tells nothing new. The host sees the link for itself when it is awake, or on its way. */
void eng_link(struct engine *e, bool up)
{
	uint8_t before = e->link;

	e->link = up ? LINK_UP : LINK_DOWN;
	if (e->link == before || (before == LINK_UNKNOWN && up))
		return;
	uint16_t change = change_bit(up ? OFF_PATTERN_LINK_UP : OFF_PATTERN_LINK_DOWN);

	if (e->power == OFF_PREPARED)
		e->link_changes |= change;
	if (e->power == OFF_D3)
		link_report(e, change);
}
