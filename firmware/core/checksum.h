/* Internet checksum (RFC 1071). */
#ifndef CHECKSUM_H
#define CHECKSUM_H

#include <stdbool.h>
#include <stdint.h>

/* Adds len bytes as big-endian words to a running sum; an odd last byte counts as the high half. */
uint32_t csum_add(uint32_t sum, const uint8_t *p, uint32_t len);
/* A header of len bytes, a multiple of 4, in which a checksum of itself stands. */
bool csum_header_right(const uint8_t *p, uint32_t len);
/* Pseudo header of IPv4 (ip_len 4) and IPv6 (ip_len 16). */
uint32_t csum_pseudo(const uint8_t *src, const uint8_t *dst, uint8_t ip_len, uint8_t proto, uint32_t l4_len);
/* The value for the checksum field; 0 when the sum ran over a right checksum. */
uint16_t csum_finish(uint32_t sum);

#endif
