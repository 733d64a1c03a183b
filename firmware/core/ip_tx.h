/* Headers of the frames that the device sends: Ethernet with or without a VLAN tag, IPv4 and IPv6, UDP. */
#ifndef IP_TX_H
#define IP_TX_H

#include <stdbool.h>
#include <stdint.h>

#include "parse.h"

enum {
	ETH_TX_HEAD_MAX = ETH_HEADER_BYTES + VLAN_TAG_BYTES,
	IP_TX_HEAD_MAX = ETH_TX_HEAD_MAX + IPV6_HEADER_BYTES + 8,   /* IPv6 with a hop-by-hop header; IPv4 needs less */
	ROUTER_ALERT_IPV4_BYTES = 4,
	ROUTER_ALERT_IPV6_BYTES = 8,
};

struct ip_tx {
	const uint8_t *dst_mac, *src_mac, *src, *dst;
	uint32_t flow_label;         /* IPv6 */
	uint16_t tci;                /* of the VLAN tag; 0: none */
	uint16_t ip_id;              /* IPv4 */
	uint8_t ip_len, proto, ttl, tos;
	bool router_alert, may_fragment; /* may_fragment: IPv4 without DF */
};

/* Writes the Ethernet header; returns where the next one begins, at most ETH_TX_HEAD_MAX. */
uint16_t eth_put(uint8_t *f, const uint8_t *dst, const uint8_t *src, uint16_t tci, uint16_t ethertype);
/* Writes Ethernet and IP headers for `l4_len` bytes behind them; returns where those begin, at most IP_TX_HEAD_MAX. */
uint16_t ip_put(uint8_t *f, const struct ip_tx *t, uint16_t l4_len);
/* Multicast MAC of a group: RFC 1112 6.4, RFC 2464 7. */
void ip_group_mac(uint8_t mac[6], const uint8_t *group, uint8_t ip_len);
/* The checksum of `n` bytes at `m` with the pseudo header, whose own field is 0. */
uint16_t l4_csum(const struct ip_tx *t, const uint8_t *m, uint16_t n);
/* Fills in the UDP header before a payload that is in its place. no_csum: IPv4 only. */
void udp_put(uint8_t *u, const struct ip_tx *t, uint16_t sport, uint16_t dport, uint16_t payload_len, bool no_csum);

#endif
