/* Addresses: what they are, and what they may stand for. */
#ifndef ADDRESS_H
#define ADDRESS_H

#include "engine.h"

bool all_zero(const uint8_t *b, uint8_t n);
bool ip_equal(const struct eng_ip *ip, const uint8_t *b, uint8_t len);
bool ip6_unspecified(const uint8_t *ip);
/* fe80::/10 */
bool ip6_link_local(const uint8_t *ip);
/*
 * One that a station on the wire can have, the host or another. Not: of no family, this network (0/8, RFC 1122 3.2.1.3),
 * loopback (127/8, ::1), multicast, class E, the unspecified address, IPv4 written as IPv6: frames with those are martians.
 */
bool ip_usable(const struct eng_ip *ip);

#endif
