/* Ethernet, IP and UDP headers of the frames that protocol offloads send. */
#ifndef IP_TX_H
#define IP_TX_H

#include <stdbool.h>
#include <stdint.h>

#include "parse.h"

enum {
	IP_TX_HEAD_MAX = ETH_HEADER_BYTES + IPV6_HEADER_BYTES + 8,  /* IPv6 with a hop-by-hop header; IPv4 needs less */
	ROUTER_ALERT_IPV4_BYTES = 4,
	ROUTER_ALERT_IPV6_BYTES = 8,
};

struct ip_tx {
	const uint8_t *dst_mac, *src_mac, *src, *dst;
	uint8_t ip_len, proto, ttl;
	bool router_alert;
};

/* Writes Ethernet and IP headers for `l4_len` bytes behind them; returns where those begin, at most IP_TX_HEAD_MAX. */
uint16_t ip_put(uint8_t *f, const struct ip_tx *t, uint16_t l4_len);
/* Multicast MAC of a group: RFC 1112 6.4, RFC 2464 7. */
void ip_group_mac(uint8_t mac[6], const uint8_t *group, uint8_t ip_len);
/* Fills in the UDP header before a payload that is in its place. no_csum: IPv4 only. */
void udp_put(uint8_t *u, const struct ip_tx *t, uint16_t sport, uint16_t dport, uint16_t payload_len, bool no_csum);
/* What goes on the wire for a frame of `len` bytes: short ones are padded, so the buffer must hold ETH_MIN_BYTES. */
uint16_t eth_padded(uint8_t *f, uint16_t len);

#endif
