/*
 * One received frame, taken apart. Everything here comes from the wire: each length is checked against the bytes that
 * are really there before it is used, and nothing past `end` is ever read.
 */
#ifndef PARSE_H
#define PARSE_H

#include <stdbool.h>
#include <stdint.h>

enum {
	ETH_HEADER_BYTES = 14,
	VLAN_TAG_BYTES = 4,
	VLAN_VID_MASK = 0x0FFF,
	ETH_MIN_BYTES = 60,          /* without FCS: what we send is padded to this */
	ETHERTYPE_IPV4 = 0x0800,
	ETHERTYPE_ARP = 0x0806,
	ETHERTYPE_VLAN = 0x8100,
	ETHERTYPE_IPV6 = 0x86DD,
	ETHERTYPE_EAPOL = 0x888E,
	ETHERTYPE_SERVICE_VLAN = 0x88A8,
	ARP_BYTES = 28,
	IPV4_HEADER_BYTES = 20,
	IPV6_HEADER_BYTES = 40,
	IPV6_EXT_MAX = 8,            /* headers walked before a chain counts as not parseable */
	TCP_HEADER_BYTES = 20,
	UDP_HEADER_BYTES = 8,
	IGMP_BYTES = 8,
	PROTO_ICMP = 1,
	PROTO_IGMP = 2,
	PROTO_TCP = 6,
	PROTO_UDP = 17,
	PROTO_ICMPV6 = 58,
};

enum tcp_flag { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_PSH = 8, TCP_ACK = 16, TCP_URG = 32 };

enum parse_result {
	PARSE_OK,
	PARSE_BAD_LEN,               /* a length field and the frame disagree, or a header does not fit */
	PARSE_BAD_IP_CSUM,
	PARSE_BAD_L4_CSUM,
	PARSE_VLAN,                  /* more than one tag, or a service provider's (802.1ad) */
};

enum pkt_kind {
	PKT_OTHER,                   /* not IP, not ARP; or an IP protocol we do not look into */
	PKT_ARP,
	PKT_TCP,
	PKT_UDP,
	PKT_ICMP,
	PKT_IGMP,
	PKT_FRAGMENT,                /* a real one; an atomic IPv6 fragment is none */
	PKT_TOO_DEEP,                /* IPv6 header chain longer than IPV6_EXT_MAX */
	PKT_KINDS,
};

struct pkt {
	const uint8_t *frame;
	uint16_t len;                /* as received, padding included */
	uint16_t end;                /* where the packet ends: IP and ARP say so, padding lies behind */
	uint16_t ethertype;
	uint16_t vid;                /* of its VLAN; 0: untagged, or a tag that only carries a priority */
	uint16_t l3, l4, payload, payload_len;
	uint8_t kind, ip_len, proto; /* ip_len: 4, 16, or 0 when it is no IP */
	bool group, tagged, martian; /* group: broadcast or multicast MAC; martian: addresses no honest host sends */
	bool frag_header;            /* IPv6 with a fragment header, be it of a packet in one piece */
	bool ports;                  /* sport and dport are known */
	const uint8_t *src, *dst;    /* ip_len bytes each */
	uint16_t sport, dport;
	uint32_t seq, ack;
	uint16_t window;
	uint8_t flags;
	bool ts;
	uint32_t tsval, tsecr;
};

enum parse_result pkt_parse(struct pkt *p, const uint8_t *frame, uint16_t len);

#endif
