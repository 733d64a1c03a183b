/*
 * The counters, one list. Invariant: rx_total = sum of ENG_REASONS, because every received frame ends in exactly one
 * of them. A frame captured while preparing counts as buffered until commit decides about it.
 */
#ifndef COUNTERS_H
#define COUNTERS_H

#include <stdint.h>

#define ENG_REASONS(X)         \
	X(rx_bad_len)          /* lengths or options that cannot be */ \
	X(rx_bad_ip_csum)      /* IPv4 header */ \
	X(rx_bad_l4_csum)      /* TCP, UDP, ICMP, IGMP */ \
	X(rx_not_us)           /* for others, or from the host's own MAC or a group's */ \
	X(rx_vlan_drop)        /* of a VLAN that no slot or offload is in, or for none of them */ \
	X(rx_frag)             /* a fragment that is nobody's */ \
	X(rx_offload_answered) /* a protocol offload has dealt with it */ \
	X(rx_slot_consumed)    /* a slot has dealt with it */ \
	X(rx_wake)             /* it woke */ \
	X(rx_buffered)         /* kept for the host, behind the waking one or before commit */ \
	X(rx_dropped_policy)   /* nobody's; in D0 and EXPIRED every frame */ \
	X(rx_overflow)         /* to be kept, and no room: `lost` of status and drain */

/* Probes by how late they left: up to and with so much, the last: later. In the order of timer_late_limit_us. */
#define TIMER_LATE_HISTOGRAM(X)  \
	X(timer_late_250us)      \
	X(timer_late_500us)      \
	X(timer_late_1ms)        \
	X(timer_late_2ms)        \
	X(timer_late_5ms)        \
	X(timer_late_10ms)       \
	X(timer_late_50ms)       \
	X(timer_late_more)

/*
 * wake_*: wakes by reason, some under one name; beside them wake_while_prepare, those told at commit; wake_suppressed, what would have
 * woken behind the wake; wake_dup_collapsed, repetitions of a kept segment. ka_tx: probes, ka_rx_ack: those that were answered.
 * arp_, ns_, nd_, ra_, echo_, group_, mdns_, dhcp_, udp_ and natt_: what protocol offloads did; *_invalid: refused as broken.
 * rst_, syn_, ack_, tcp_, paws_ and dup_: what a slot judged. tx_frames: all that left; tx_busy_retry: not taken, tried later;
 * tx_drop: not taken, given up. buf_high_water: most frames that were ever kept.
 */
#define ENG_DETAILS(X)           \
	X(wake_packet)           \
	X(wake_tcp_data)         \
	X(wake_tcp_fin)          \
	X(wake_tcp_rst)          \
	X(wake_ka_timeout)       \
	X(wake_addr_conflict)    \
	X(wake_host_timer)       \
	X(wake_router_changed)   \
	X(wake_link)             \
	X(wake_unparseable)      \
	X(wake_ipsec)            \
	X(wake_udp_data)         \
	X(wake_dhcp)             \
	X(wake_no_more_tokens)   \
	X(wake_buffer_full)      \
	X(wake_while_prepare)    \
	X(wake_suppressed)       \
	X(wake_dup_collapsed)    \
	X(events_lost)           \
	X(arp_answered)          \
	X(arp_conflict)          \
	X(arp_defended)          \
	X(arp_invalid)           \
	X(ns_answered)           \
	X(ns_dad_answered)       \
	X(ns_invalid)            \
	X(nd_invalid)            \
	X(nd_conflict)           \
	X(ra_same)               \
	X(echo_answered)         \
	X(group_reports)         \
	X(group_query_invalid)   \
	X(udp_ka_tx)             \
	X(natt_ka_ignored)       \
	X(mdns_answered)         \
	X(mdns_suppressed)       \
	X(dhcp_requests)         \
	X(dhcp_renewed)          \
	X(ka_tx)                 \
	X(ka_rx_ack)             \
	X(ka_timeout)            \
	X(ka_payload_tx)         \
	X(ka_reply_rx)           \
	X(next_hop_moved)        \
	X(lease_expired)         \
	X(peer_ka_answered)      \
	X(zero_window_answered)  \
	X(rst_in_window)         \
	X(rst_out_of_window)     \
	X(rst_challenged)        \
	X(syn_challenged)        \
	X(ack_invalid)           \
	X(tcp_out_of_window)     \
	X(tcp_bad_flags)         \
	X(tcp_no_ts)             \
	X(tcp_data_unmatched)    \
	X(paws_drop)             \
	X(dup_data_acked)        \
	X(ack_rate_limited)      \
	X(tx_frames)             \
	X(tx_busy_retry)         \
	X(tx_drop)               \
	X(timer_late_max_us)     \
	TIMER_LATE_HISTOGRAM(X)  \
	X(buf_high_water)

#define ENG_ENUM(name) C_##name,
enum eng_counter_id { C_rx_total, ENG_REASONS(ENG_ENUM) ENG_DETAILS(ENG_ENUM) C_COUNT };
#undef ENG_ENUM

#endif
