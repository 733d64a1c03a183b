/*
 * The counters, one list. Invariant: rx_total = sum of ENG_REASONS, because every received frame ends in exactly one
 * of them. A frame captured while preparing counts as buffered until commit decides about it.
 */
#ifndef COUNTERS_H
#define COUNTERS_H

#include <stdint.h>

#define ENG_REASONS(X)         \
	X(rx_bad_len)          \
	X(rx_bad_ip_csum)      \
	X(rx_bad_l4_csum)      \
	X(rx_not_us)           \
	X(rx_vlan_drop)        \
	X(rx_frag)             \
	X(rx_offload_answered) \
	X(rx_slot_consumed)    \
	X(rx_wake)             \
	X(rx_buffered)         \
	X(rx_dropped_policy)   \
	X(rx_overflow)

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
