/* Every frame that the engine sends passes here. */
#include "tx.h"

#include <string.h>

#include "parse.h"

/* The one way out to the wire: closed unless the device speaks as the host; a MAC takes frames for a dead link too. */
bool eng_tx(struct engine *e, uint8_t *frame, uint16_t len)
{
	if (len < ETH_MIN_BYTES) {
		memset(frame + len, 0, (size_t)(ETH_MIN_BYTES - len));
		len = ETH_MIN_BYTES;
	}
	if (!speaks(e) || e->link == LINK_DOWN || !e->env.tx(e->env.ctx, frame, len)) {
		count(e, C_tx_drop);
		return false;
	}
	count(e, C_tx_frames);
	return true;
}
