/* Link up and down as reasons to wake: patterns without bytes. */
#include "link.h"

#include "pattern_match.h"
#include "wake.h"

static bool report(struct engine *e)
{
	uint8_t type = e->link == LINK_UP ? OFF_PATTERN_LINK_UP : OFF_PATTERN_LINK_DOWN;
	const struct eng_pattern_cfg *best = NULL;

	if (!(e->arm & ARM_PATTERNS))
		return false;
	for (uint8_t i = 0; i < e->n_patterns; i++) {
		if (e->patterns[i].cfg.type == type) {
			e->patterns[i].hits++;
			best = pattern_better(&e->patterns[i].cfg, best);
		}
	}
	if (best)
		wake(e, e->link == LINK_UP ? OFF_WAKE_MEDIA_CONNECT : OFF_WAKE_MEDIA_DISCONNECT, NO_SLOT, best->id, NULL, false);
	return best != NULL;
}

bool link_wakes(struct engine *e)
{
	return e->link_changed && report(e);
}

/* A first call that says "up" tells nothing new. The host sees the link for itself when it is awake, or on its way. */
void eng_link(struct engine *e, bool up)
{
	uint8_t before = e->link;

	e->link = up ? LINK_UP : LINK_DOWN;
	if (e->link == before || (before == LINK_UNKNOWN && up))
		return;
	e->link_changed = e->power == OFF_PREPARED;
	if (e->power == OFF_D3)
		report(e);
}
