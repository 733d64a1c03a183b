/*
 * What a driver of the engine library needs beside engine.h, and no board: what became of one frame, and where the fields of
 * the structures lie, so that a mirror of them in another language is held against them before it is used.
 */
#include "engine_driver.h"

#include "counters.h"

static uint64_t reasons(const struct engine *e, uint64_t out[C_COUNT])
{
	for (uint16_t i = 0; i < C_COUNT; i++)
		out[i] = eng_counter(e, i);
	return out[C_tx_frames];
}

#define REASON(name) C_##name,
static const uint8_t all_reasons[] = {ENG_REASONS(REASON)};

/* eng_rx takes 16 bits of length: a longer frame would be another one. None is that long on any Ethernet. */
bool drv_rx(struct engine *e, const uint8_t *frame, size_t len, struct drv_verdict *out)
{
	uint64_t before[C_COUNT], after[C_COUNT];
	struct eng_status was, is;

	if (len > UINT16_MAX)
		return false;
	eng_status(e, &was);
	uint64_t sent = reasons(e, before);
	eng_rx(e, frame, (uint16_t)len);
	*out = (struct drv_verdict){.answers = (uint32_t)(reasons(e, after) - sent)};
	eng_status(e, &is);
	if (is.wakes != was.wakes)
		out->wake = is.last_wake_reason;
	for (size_t i = 0; i < sizeof all_reasons; i++) {
		if (after[all_reasons[i]] != before[all_reasons[i]])
			out->reason = eng_counter_name(all_reasons[i]);
	}
	return true;
}

#define W(s) {#s, "", 0, sizeof(struct s)}
#define F(s, f) {#s, #f, offsetof(struct s, f), sizeof(((struct s *)0)->f)}

static const struct drv_field fields[] = {
	W(eng_env), F(eng_env, ctx), F(eng_env, tx), F(eng_env, now_us), F(eng_env, link_events),
	W(eng_ip), F(eng_ip, len), F(eng_ip, b),
	W(eng_span), F(eng_span, offset), F(eng_span, len),
	W(eng_payload_cfg), F(eng_payload_cfg, data_len), F(eng_payload_cfg, reply_len), F(eng_payload_cfg, data),
	F(eng_payload_cfg, reply), F(eng_payload_cfg, reply_mask), F(eng_payload_cfg, reply_counts),
	F(eng_payload_cfg, counter_start), F(eng_payload_cfg, reply_counter), F(eng_payload_cfg, counter),
	F(eng_payload_cfg, token), F(eng_payload_cfg, mask), F(eng_payload_cfg, tokens_len), F(eng_payload_cfg, tokens),
	W(eng_slot_cfg), F(eng_slot_cfg, owner), F(eng_slot_cfg, flags), F(eng_slot_cfg, local_mac),
	F(eng_slot_cfg, next_hop.mac), F(eng_slot_cfg, next_hop.ip), F(eng_slot_cfg, local), F(eng_slot_cfg, remote),
	F(eng_slot_cfg, local_port), F(eng_slot_cfg, remote_port), F(eng_slot_cfg, ttl), F(eng_slot_cfg, tos),
	F(eng_slot_cfg, df), F(eng_slot_cfg, ip_id), F(eng_slot_cfg, mss), F(eng_slot_cfg, vlan_tci),
	F(eng_slot_cfg, flow_label), F(eng_slot_cfg, snd_una), F(eng_slot_cfg, snd_nxt), F(eng_slot_cfg, snd_wl1),
	F(eng_slot_cfg, snd_wnd), F(eng_slot_cfg, max_snd_wnd), F(eng_slot_cfg, rcv_nxt), F(eng_slot_cfg, rcv_wnd),
	F(eng_slot_cfg, rcv_wup), F(eng_slot_cfg, snd_wscale), F(eng_slot_cfg, rcv_wscale), F(eng_slot_cfg, ts_on),
	F(eng_slot_cfg, ts_hz), F(eng_slot_cfg, tsval), F(eng_slot_cfg, ts_recent), F(eng_slot_cfg, ts_recent_age_ms),
	F(eng_slot_cfg, t0_us), F(eng_slot_cfg, ka_idle_ms), F(eng_slot_cfg, ka_intvl_ms), F(eng_slot_cfg, idle_elapsed_ms),
	F(eng_slot_cfg, ka_cnt), F(eng_slot_cfg, payload),
	W(eng_slot_state), F(eng_slot_state, slot), F(eng_slot_state, gen), F(eng_slot_state, state),
	F(eng_slot_state, close_reason), F(eng_slot_state, snd_una), F(eng_slot_state, snd_nxt), F(eng_slot_state, rcv_nxt),
	F(eng_slot_state, snd_wnd), F(eng_slot_state, tsval_last), F(eng_slot_state, ts_recent),
	F(eng_slot_state, last_rx_age_ms), F(eng_slot_state, next_ka_due_ms), F(eng_slot_state, ka_sent),
	F(eng_slot_state, ka_acked), F(eng_slot_state, ka_lost), F(eng_slot_state, peer_ka_answered),
	F(eng_slot_state, challenge_acks), F(eng_slot_state, dup_data), F(eng_slot_state, paws_drops),
	F(eng_slot_state, payloads_sent), F(eng_slot_state, payloads_answered), F(eng_slot_state, payload_counter),
	F(eng_slot_state, tokens_used), F(eng_slot_state, payload_age_ms), F(eng_slot_state, owner),
	F(eng_slot_state, next_hop_moves), F(eng_slot_state, next_hop_mac), F(eng_slot_state, vlan_tci),
	W(eng_slot_update), F(eng_slot_update, idle_set), F(eng_slot_update, intvl_set), F(eng_slot_update, mac_set),
	F(eng_slot_update, ka_idle_ms), F(eng_slot_update, ka_intvl_ms), F(eng_slot_update, next_hop_mac),
	F(eng_slot_update, next_hop_ip),
	W(eng_pattern_cfg), F(eng_pattern_cfg, id), F(eng_pattern_cfg, type), F(eng_pattern_cfg, priority),
	F(eng_pattern_cfg, flags), F(eng_pattern_cfg, offset), F(eng_pattern_cfg, data_len), F(eng_pattern_cfg, mask_len),
	F(eng_pattern_cfg, data), F(eng_pattern_cfg, mask), F(eng_pattern_cfg, dst), F(eng_pattern_cfg, src),
	F(eng_pattern_cfg, port_set), F(eng_pattern_cfg, sport_set), F(eng_pattern_cfg, port), F(eng_pattern_cfg, sport),
	F(eng_pattern_cfg, slot), F(eng_pattern_cfg, gen), F(eng_pattern_cfg, prog), F(eng_pattern_cfg, prog_len),
	W(eng_offload_cfg), F(eng_offload_cfg, id), F(eng_offload_cfg, type), F(eng_offload_cfg, flags),
	F(eng_offload_cfg, ip), F(eng_offload_cfg, ip2), F(eng_offload_cfg, remote), F(eng_offload_cfg, mac),
	F(eng_offload_cfg, vlan_tci),
	W(eng_udp_cfg), F(eng_udp_cfg, local_port), F(eng_udp_cfg, remote_port), F(eng_udp_cfg, interval_ms),
	F(eng_udp_cfg, elapsed_ms), F(eng_udp_cfg, len), F(eng_udp_cfg, payload),
	W(eng_dhcp_cfg), F(eng_dhcp_cfg, xid), F(eng_dhcp_cfg, lease_s), F(eng_dhcp_cfg, t1_s), F(eng_dhcp_cfg, elapsed_ms),
	F(eng_dhcp_cfg, len), F(eng_dhcp_cfg, client_id), F(eng_dhcp_cfg, options_len), F(eng_dhcp_cfg, options),
	W(eng_mdns_cfg), F(eng_mdns_cfg, rrtype), F(eng_mdns_cfg, ttl_s), F(eng_mdns_cfg, name_len),
	F(eng_mdns_cfg, rdata_len), F(eng_mdns_cfg, name), F(eng_mdns_cfg, rdata),
	W(eng_offload_more), F(eng_offload_more, next_hop.mac), F(eng_offload_more, next_hop.ip), F(eng_offload_more, udp),
	F(eng_offload_more, dhcp), F(eng_offload_more, mdns),
	W(eng_event), F(eng_event, n), F(eng_event, kind), F(eng_event, slot), F(eng_event, gen), F(eng_event, reason),
	F(eng_event, subreason), F(eng_event, l2_flags), F(eng_event, epoch), F(eng_event, wake_seq),
	F(eng_event, pattern_id), F(eng_event, t_rx_us), F(eng_event, t_wake_us), F(eng_event, orig_size),
	F(eng_event, saved_size),
	W(eng_frame), F(eng_frame, index), F(eng_frame, t_rx_us), F(eng_frame, orig_len), F(eng_frame, saved_len),
	F(eng_frame, flags), F(eng_frame, pattern_id), F(eng_frame, bytes),
	W(eng_status), F(eng_status, arm), F(eng_status, lost), F(eng_status, epoch), F(eng_status, wakes),
	F(eng_status, owner), F(eng_status, power), F(eng_status, events_pending), F(eng_status, buffered),
	F(eng_status, last_wake_reason), F(eng_status, owner_id), F(eng_status, next_hops_moved),
	F(eng_status, lease_left_ms),
};

const struct drv_field *drv_layout(uint16_t i)
{
	return i < sizeof fields / sizeof fields[0] ? &fields[i] : NULL;
}
