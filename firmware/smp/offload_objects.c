/* What the host puts into the engine: TCP slots, wake patterns, protocol offloads. */
#include <string.h>

#include "core/wipe.h"
#include "offload_io.h"
#include "offload_lists.h"

static struct eng_ip ip_from(const struct zcbor_string *s)
{
	struct eng_ip ip = { .len = (uint8_t)s->len };

	memcpy(ip.b, s->value, s->len);      /* at most 16: the CDDL says so */
	return ip;
}

static struct eng_slot_cfg slot_from(const struct add_tcp_slot_req *q)
{
	struct eng_slot_cfg c = {
		.owner = (uint16_t)q->owner, .flags = q->flags, .local = ip_from(&q->local), .remote = ip_from(&q->remote),
		.local_port = (uint16_t)q->local_port, .remote_port = (uint16_t)q->remote_port, .ttl = (uint8_t)q->ttl,
		.tos = (uint8_t)q->tos, .df = q->df, .ip_id = (uint16_t)q->ip_id, .mss = (uint16_t)q->mss,
		.snd_una = q->snd_una, .snd_nxt = q->snd_nxt, .snd_wl1 = q->snd_wl1, .snd_wnd = q->snd_wnd,
		.max_snd_wnd = q->max_snd_wnd, .rcv_nxt = q->rcv_nxt, .rcv_wnd = q->rcv_wnd, .rcv_wup = q->rcv_wup,
		.snd_wscale = (uint8_t)q->snd_wscale, .rcv_wscale = (uint8_t)q->rcv_wscale, .ts_on = q->ts_on,
		.ts_hz = q->ts_hz, .tsval = q->tsval, .ts_recent = q->ts_recent, .ts_recent_age_ms = q->ts_recent_age_ms,
		.t0_us = q->t0_us, .ka_idle_ms = q->ka_idle_ms, .ka_intvl_ms = q->ka_intvl_ms,
		.idle_elapsed_ms = q->idle_elapsed_ms, .ka_cnt = (uint8_t)q->ka_cnt,
	};

	if (q->vlan_tci_present)
		c.vlan_tci = (uint16_t)q->vlan_tci.vlan_tci;
	if (q->flow_label_present)
		c.flow_label = q->flow_label.flow_label;
	if (q->next_hop_ip_present)
		c.next_hop.ip = ip_from(&q->next_hop_ip.next_hop_ip);
	memcpy(c.local_mac, q->local_mac.value, 6);
	memcpy(c.next_hop.mac, q->next_hop_mac.value, 6);
	return c;
}

static struct eng_span span_from(const struct span *s)
{
	return (struct eng_span){ .offset = s->offset, .len = s->len };
}

static int reply_from(struct eng_payload_cfg *p, const struct add_tcp_slot_req *q)
{
	size_t len = q->ka_reply_present ? q->ka_reply.ka_reply.len : 0;

	if (len)
		memcpy(p->reply, q->ka_reply.ka_reply.value, len);  /* at most 32: the CDDL says so */
	p->reply_len = (uint8_t)len;
	p->reply_counts = q->ka_reply_counter_present;
	p->reply_counter = q->ka_reply_counter_present ? q->ka_reply_counter.ka_reply_counter : 0;
	memset(p->reply_mask, 0xFF, sizeof p->reply_mask);
	if (!q->ka_reply_mask_present)
		return OFF_OK;
	if (q->ka_reply_mask.ka_reply_mask.len != (len + 7) / 8)
		return OFF_BAD_LEN;
	memcpy(p->reply_mask, q->ka_reply_mask.ka_reply_mask.value, q->ka_reply_mask.ka_reply_mask.len);
	return OFF_OK;
}

/* The fields of a payload keep-alive, which without "ka_data" may not be there. */
static int payload_from(struct eng_payload_cfg *p, const struct add_tcp_slot_req *q)
{
	bool others = q->ka_mask_present || q->ka_reply_present || q->ka_token_present || q->ka_tokens_present ||
		      q->ka_counter_present || q->ka_reply_mask_present || q->ka_reply_counter_present;

	memset(p, 0, sizeof *p);
	if (!q->ka_data_present)
		return others ? OFF_BAD_ARG : OFF_OK;
	p->data_len = (uint8_t)q->ka_data.ka_data.len;
	memcpy(p->data, q->ka_data.ka_data.value, p->data_len);  /* at most 32 */
	if (q->ka_counter_present) {
		p->counter = (struct eng_span){ .offset = q->ka_counter.ka_counter.offset, .len = q->ka_counter.ka_counter.len };
		p->counter_start = q->ka_counter.ka_counter.start;
	}
	if (q->ka_token_present)
		p->token = span_from(&q->ka_token.ka_token);
	if (q->ka_mask_present)
		p->mask = span_from(&q->ka_mask.ka_mask);
	if (q->ka_tokens_present) {
		p->tokens_len = (uint16_t)q->ka_tokens.ka_tokens.len;
		memcpy(p->tokens, q->ka_tokens.ka_tokens.value, p->tokens_len);  /* at most 256 */
	}
	return reply_from(p, q);
}

int offload_slot_add(const struct io *io)
{
	struct eng_payload_cfg payload;
	struct add_tcp_slot_req q;
	uint8_t slot = 0;
	uint16_t gen = 0;

	OFFLOAD_DECODE(add_tcp_slot_req, io, &q);
	struct eng_slot_cfg c = slot_from(&q);
	int rc = payload_from(&payload, &q);
	c.payload = payload.data_len ? &payload : NULL;
	if (rc == OFF_OK)
		rc = eng_slot_add(io->e, &c, &slot, &gen);
	wipe(&payload, sizeof payload);
	struct slot_ref r = { .gen = gen, .slot = slot };
	return rc != OFF_OK ? rc : OFFLOAD_REPLY(slot_ref, io, &r);
}

int offload_slot_remove(const struct io *io)
{
	struct eng_slot_state st;
	struct slot_ref q;

	OFFLOAD_DECODE(slot_ref, io, &q);
	int rc = eng_slot_remove(io->e, (uint8_t)q.slot, (uint16_t)q.gen, &st);
	return rc != OFF_OK ? rc : offload_slot_state(&st, io->rsp, io->cap, io->len);
}

int offload_slot_get(const struct io *io)
{
	struct eng_slot_state st;
	struct slot_ref q;

	OFFLOAD_DECODE(slot_ref, io, &q);
	int rc = eng_slot_get(io->e, (uint8_t)q.slot, (uint16_t)q.gen, &st);
	return rc != OFF_OK ? rc : offload_slot_state(&st, io->rsp, io->cap, io->len);
}

int offload_slots(const struct io *io)
{
	return offload_slot_list(io->e, io->rsp, io->cap, io->len);
}

static int with_slot(const struct io *io, int (*command)(struct engine *, uint8_t, uint16_t))
{
	struct slot_ref q;

	OFFLOAD_DECODE(slot_ref, io, &q);
	int rc = command(io->e, (uint8_t)q.slot, (uint16_t)q.gen);
	return rc != OFF_OK ? rc : offload_reply_empty(io);
}

int offload_slot_pause(const struct io *io)
{
	return with_slot(io, eng_slot_pause);
}

int offload_slot_resume(const struct io *io)
{
	return with_slot(io, eng_slot_resume);
}

int offload_slot_update(const struct io *io)
{
	struct slot_update_req q;

	OFFLOAD_DECODE(slot_update_req, io, &q);
	struct eng_slot_update u = {
		.idle_set = q.ka_idle_ms_present, .ka_idle_ms = q.ka_idle_ms_present ? q.ka_idle_ms.ka_idle_ms : 0,
		.intvl_set = q.ka_intvl_ms_present, .ka_intvl_ms = q.ka_intvl_ms_present ? q.ka_intvl_ms.ka_intvl_ms : 0,
		.mac_set = q.next_hop_mac_present,
	};

	if (q.next_hop_mac_present)
		memcpy(u.next_hop_mac, q.next_hop_mac.next_hop_mac.value, 6);
	if (q.next_hop_ip_present)
		u.next_hop_ip = ip_from(&q.next_hop_ip.next_hop_ip);
	int rc = eng_slot_update(io->e, (uint8_t)q.slot, (uint16_t)q.gen, &u);
	return rc != OFF_OK ? rc : offload_reply_empty(io);
}

/* False when longer than any pattern may be. */
static bool pattern_bytes(struct eng_pattern_cfg *c, const struct add_pattern_req *q)
{
	size_t data = q->data_present ? q->data.data.len : 0, mask = q->mask_present ? q->mask.mask.len : 0;

	if (data > sizeof c->data || mask > sizeof c->mask)
		return false;
	if (data)
		memcpy(c->data, q->data.data.value, data);
	if (mask)
		memcpy(c->mask, q->mask.mask.value, mask);
	c->data_len = (uint16_t)data;
	c->mask_len = (uint16_t)mask;
	return true;
}

int offload_pattern_add(const struct io *io)
{
	struct add_pattern_req q;

	OFFLOAD_DECODE(add_pattern_req, io, &q);
	struct eng_pattern_cfg c = {
		.id = q.id, .type = (uint8_t)q.type, .priority = q.priority_present ? (uint8_t)q.priority.priority : 0,
		.flags = q.flags_present ? (uint16_t)q.flags.flags : 0, .offset = q.offset_present ? (uint16_t)q.offset.offset : 0,
		.port_set = q.port_present, .port = q.port_present ? (uint16_t)q.port.port : 0,
		.sport_set = q.sport_present, .sport = q.sport_present ? (uint16_t)q.sport.sport : 0,
		.slot = q.slot_present ? (uint8_t)q.slot.slot : 0, .gen = q.gen_present ? (uint16_t)q.gen.gen : 0,
		.prog = q.prog_present ? q.prog.prog.value : NULL,
		.prog_len = q.prog_present && q.prog.prog.len <= UINT16_MAX ? (uint16_t)q.prog.prog.len : 0,
	};

	if (q.ip_present)
		c.dst = ip_from(&q.ip.ip);
	if (q.src_present)
		c.src = ip_from(&q.src.src);
	int rc = pattern_bytes(&c, &q) ? eng_pattern_add(io->e, &c) : OFF_BAD_LEN;
	wipe(&c, sizeof c);
	return rc != OFF_OK ? rc : offload_reply_empty(io);
}

int offload_pattern_remove(const struct io *io)
{
	struct pattern_ref q;

	OFFLOAD_DECODE(pattern_ref, io, &q);
	int rc = eng_pattern_remove(io->e, q.id);
	return rc != OFF_OK ? rc : offload_reply_empty(io);
}

int offload_patterns(const struct io *io)
{
	return offload_pattern_list(io->e, io->rsp, io->cap, io->len);
}

enum { NATT_PORT = 4500, NATT_INTERVAL_MS = 20000 };

static int udp_from(struct eng_udp_cfg *u, const struct add_offload_req *q)
{
	size_t len = q->data_present ? q->data.data.len : 0;
	uint16_t port = q->type == OFF_OFFLOAD_NATT ? NATT_PORT : 0;

	*u = (struct eng_udp_cfg){
		.local_port = q->local_port_present ? (uint16_t)q->local_port.local_port : port,
		.remote_port = q->remote_port_present ? (uint16_t)q->remote_port.remote_port : port,
		.interval_ms = q->interval_ms_present ? q->interval_ms.interval_ms : NATT_INTERVAL_MS,
		.elapsed_ms = q->elapsed_ms_present ? q->elapsed_ms.elapsed_ms : 0, .len = (uint8_t)len,
	};
	if (len > sizeof u->payload)
		return OFF_BAD_LEN;
	if (len)
		memcpy(u->payload, q->data.data.value, len);
	return OFF_OK;
}

static int dhcp_from(struct eng_dhcp_cfg *d, const struct add_offload_req *q)
{
	size_t len = q->data_present ? q->data.data.len : 0;

	*d = (struct eng_dhcp_cfg){
		.xid = q->xid_present ? q->xid.xid : 0, .t1_s = q->t1_s_present ? q->t1_s.t1_s : 0,
		.lease_s = q->lease_s_present ? q->lease_s.lease_s : 0,
		.elapsed_ms = q->elapsed_ms_present ? q->elapsed_ms.elapsed_ms : 0, .len = (uint8_t)len,
	};
	if (len > sizeof d->client_id)
		return OFF_BAD_LEN;
	if (len)
		memcpy(d->client_id, q->data.data.value, len);
	return OFF_OK;
}

enum { MDNS_TTL_S = 120 };           /* RFC 6762 10: for records with a host's name in them */

static int mdns_from(struct eng_mdns_cfg *m, const struct add_offload_req *q)
{
	if (!q->name_present || !q->data_present || !q->rrtype_present)
		return OFF_BAD_ARG;
	*m = (struct eng_mdns_cfg){
		.rrtype = (uint16_t)q->rrtype.rrtype, .ttl_s = q->ttl_s_present ? q->ttl_s.ttl_s : MDNS_TTL_S,
		.name_len = (uint8_t)q->name.name.len, .rdata_len = (uint8_t)q->data.data.len,
	};
	memcpy(m->name, q->name.name.value, m->name_len);  /* at most 64, both: the CDDL says so */
	memcpy(m->rdata, q->data.data.value, m->rdata_len);
	return OFF_OK;
}

/* The fields that only this type has. */
static int more_from(struct eng_offload_more *m, const struct add_offload_req *q)
{
	bool udp = q->type == OFF_OFFLOAD_NATT || q->type == OFF_OFFLOAD_UDP;

	if (q->type == OFF_OFFLOAD_MDNS)
		return mdns_from(&m->mdns, q);
	if (!udp && q->type != OFF_OFFLOAD_DHCP)
		return OFF_OK;
	if (!q->next_hop_mac_present)
		return OFF_BAD_ARG;
	memcpy(m->next_hop.mac, q->next_hop_mac.next_hop_mac.value, 6);
	if (q->next_hop_ip_present)
		m->next_hop.ip = ip_from(&q->next_hop_ip.next_hop_ip);
	return udp ? udp_from(&m->udp, q) : dhcp_from(&m->dhcp, q);
}

int offload_proto_add(const struct io *io)
{
	struct eng_offload_more more = {0};
	struct add_offload_req q;

	OFFLOAD_DECODE(add_offload_req, io, &q);
	struct eng_offload_cfg c = {
		.id = q.id, .type = (uint8_t)q.type, .flags = q.flags_present ? (uint16_t)q.flags.flags : 0, .ip = ip_from(&q.ip),
	};

	if (q.ip2_present)
		c.ip2 = ip_from(&q.ip2.ip2);
	if (q.vlan_tci_present)
		c.vlan_tci = (uint16_t)q.vlan_tci.vlan_tci;
	if (q.remote_present)
		c.remote = ip_from(&q.remote.remote);
	memcpy(c.mac, q.mac.value, 6);
	int rc = more_from(&more, &q);
	if (rc == OFF_OK)
		rc = eng_offload_add_more(io->e, &c, &more);
	wipe(&more, sizeof more);
	return rc != OFF_OK ? rc : offload_reply_empty(io);
}

int offload_proto_remove(const struct io *io)
{
	struct offload_ref q;

	OFFLOAD_DECODE(offload_ref, io, &q);
	int rc = eng_offload_remove(io->e, q.id);
	return rc != OFF_OK ? rc : offload_reply_empty(io);
}

int offload_protos(const struct io *io)
{
	return offload_offload_list(io->e, io->rsp, io->cap, io->len);
}
