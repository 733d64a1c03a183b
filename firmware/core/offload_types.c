/*
 * The table of protocol offload types. To add one: its file with the functions of its row, and the row.
 *
 * The order is that of judging. Of the types that hear a kind of packet the first that has a word about one has the last:
 * neighbour discovery before the ping that shares ICMPv6 with it, the flow that a host named before DHCP and mDNS, which
 * know their ports only.
 */
#include "offload_type.h"

#include "arp.h"
#include "dhcp.h"
#include "echo.h"
#include "mdns.h"
#include "membership.h"
#include "nd.h"
#include "udp_ka.h"

const struct offload_type offload_types[OFFLOAD_TYPES] = {
	{
		.number = OFF_OFFLOAD_ARP, .hears = KIND(PKT_ARP),
		.judge = arp_judge, .apply = arp_apply, .check = arp_check,
	},
	{
		.number = OFF_OFFLOAD_NS, .hears = KIND(PKT_ICMP), .flags = ENG_NS_FLAGS,
		.judge = nd_judge, .apply = nd_apply, .check = nd_check,
	},
	{
		.number = OFF_OFFLOAD_ECHO, .hears = KIND(PKT_ICMP),
		.judge = echo_judge, .apply = echo_apply, .check = echo_check,
	},
	{
		.number = OFF_OFFLOAD_GROUP, .hears = KIND(PKT_IGMP) | KIND(PKT_ICMP),
		.judge = group_judge, .apply = group_apply, .check = group_check, .due = group_due,
	},
	{
		/* Judges for both kinds of UDP flow: of all of them the one that was added first counts. */
		.number = OFF_OFFLOAD_NATT, .hears = KIND(PKT_UDP) | KIND(PKT_FRAGMENT), .has_more = true,
		.only_for = NUMBER(OFF_OFFLOAD_NATT) | NUMBER(OFF_OFFLOAD_UDP),
		.judge = udp_ka_judge, .check = udp_ka_check, .arm = udp_ka_arm, .due = udp_ka_due,
	},
	{
		.number = OFF_OFFLOAD_UDP, .flags = OFF_UDP_WAKE_ON_DATA, .has_more = true,
		.check = udp_ka_check, .arm = udp_ka_arm, .due = udp_ka_due,
	},
	{
		.number = OFF_OFFLOAD_DHCP, .hears = KIND(PKT_UDP), .only_for = NUMBER(OFF_OFFLOAD_DHCP), .has_more = true,
		.judge = dhcp_judge, .apply = dhcp_apply, .check = dhcp_check, .arm = dhcp_arm, .due = dhcp_due,
	},
	{
		.number = OFF_OFFLOAD_MDNS, .hears = KIND(PKT_UDP), .only_for = NUMBER(OFF_OFFLOAD_MDNS), .flags = OFF_MDNS_UNIQUE,
		.has_more = true,
		.judge = mdns_judge, .apply = mdns_apply, .check = mdns_check, .due = mdns_due,
	},
};

const struct offload_type *offload_type_of(uint8_t number)
{
	for (uint8_t i = 0; i < OFFLOAD_TYPES; i++) {
		if (offload_types[i].number == number)
			return &offload_types[i];
	}
	return NULL;
}
