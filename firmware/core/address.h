/* IP addresses: what they are, and what they may stand for. */
#ifndef ADDRESS_H
#define ADDRESS_H

#include "engine.h"

bool ip_equal(const struct eng_ip *ip, const uint8_t *b, uint8_t len);
bool ip6_unspecified(const uint8_t *ip);
/* Neither zero, nor multicast, nor IPv4's class E. */
bool ip_unicast(const struct eng_ip *ip);

#endif
