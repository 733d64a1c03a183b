/* What the fuzzers that take frames share. */
#ifndef FUZZ_FRAME_H
#define FUZZ_FRAME_H

#include <stddef.h>
#include <stdint.h>

/*
 * Puts right in a frame what random bytes never hit: the host's MAC, lengths that say more than there is, the checksums of
 * IPv4, TCP, UDP, ICMP, IGMP and ICMPv6, behind a priority tag and IPv6's extension headers too. What breaks the rules in any
 * other way stays.
 */
void fuzz_frame_mend(uint8_t *f, uint16_t len, const uint8_t mac[6]);

/* Where in a step that is a command its CBOR begins: for mutate_steps.c, defined by each fuzzer that is linked with it. */
extern const size_t fuzz_cbor_at;

#endif
