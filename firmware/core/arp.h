/* ARP for the sleeping host. */
#ifndef ARP_H
#define ARP_H

#include "engine_state.h"
#include "parse.h"
#include "verdict.h"

void arp_judge(const struct engine *e, const struct pkt *p, struct verdict *v);
/* Whom an ARP frame says to be where: false when it breaks the rules, or when it is not for everybody or for us. */
bool arp_sender(const struct pkt *p, const uint8_t **ip, const uint8_t **mac);
void arp_apply(struct engine *e, const struct pkt *p, const struct verdict *v);
int arp_check(const struct eng_offload_cfg *c, const struct eng_offload_more *more);

#endif
