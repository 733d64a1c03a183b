/* What the host puts into the engine: TCP slots, wake patterns, protocol offloads. */
#include <string.h>

#include "core/wipe.h"
#include "offload_io.h"
#include "offload_lists.h"

/* What is absent in a request is 0 in its struct, and an empty string. Lengths are within what the CDDL allows. */
static void copy(void *to, const struct zcbor_string *from)
{
	if (from->len)
		memcpy(to, from->value, from->len);
}

static struct eng_ip ip_from(const struct zcbor_string *s)
{
	struct eng_ip ip = { .len = (uint8_t)s->len };

	copy(ip.b, s);                       /* at most 16 */
	return ip;
}

static struct eng_slot_cfg slot_from(const struct add_tcp_slot_req *q)
{
	struct eng_slot_cfg c = {
		.owner = q->owner, .flags = q->flags, .local = ip_from(&q->local), .remote = ip_from(&q->remote),
		.local_port = q->local_port, .remote_port = q->remote_port, .ttl = q->ttl, .tos = q->tos, .df = q->df,
		.ip_id = q->ip_id, .mss = q->mss, .vlan_tci = q->vlan_tci, .flow_label = q->flow_label,
		.snd_una = q->snd_una, .snd_nxt = q->snd_nxt, .snd_wl1 = q->snd_wl1, .snd_wnd = q->snd_wnd,
		.max_snd_wnd = q->max_snd_wnd, .rcv_nxt = q->rcv_nxt, .rcv_wnd = q->rcv_wnd, .rcv_wup = q->rcv_wup,
		.snd_wscale = q->snd_wscale, .rcv_wscale = q->rcv_wscale, .ts_on = q->ts_on, .ts_hz = q->ts_hz,
		.tsval = q->tsval, .ts_recent = q->ts_recent, .ts_recent_age_ms = q->ts_recent_age_ms, .t0_us = q->t0_us,
		.ka_idle_ms = q->ka_idle_ms, .ka_intvl_ms = q->ka_intvl_ms, .idle_elapsed_ms = q->idle_elapsed_ms,
		.ka_cnt = q->ka_cnt, .next_hop.ip = ip_from(&q->next_hop_ip),
	};

	copy(c.local_mac, &q->local_mac);
	copy(c.next_hop.mac, &q->next_hop_mac);
	return c;
}

static int reply_from(struct eng_payload_cfg *p, const struct add_tcp_slot_req *q)
{
	copy(p->reply, &q->ka_reply);        /* at most 32 */
	p->reply_len = (uint8_t)q->ka_reply.len;
	p->reply_counts = q->has_ka_reply_counter;
	p->reply_counter = q->ka_reply_counter;
	memset(p->reply_mask, 0xFF, sizeof p->reply_mask);
	if (q->has_ka_reply_mask && q->ka_reply_mask.len != (q->ka_reply.len + 7) / 8)
		return OFF_BAD_LEN;
	copy(p->reply_mask, &q->ka_reply_mask);
	return OFF_OK;
}

/* The fields of a payload keep-alive, which without "ka_data" may not be there. */
static int payload_from(struct eng_payload_cfg *p, const struct add_tcp_slot_req *q)
{
	bool others = q->has_ka_mask || q->has_ka_reply || q->has_ka_token || q->has_ka_tokens || q->has_ka_counter ||
		      q->has_ka_reply_mask || q->has_ka_reply_counter;

	*p = (struct eng_payload_cfg){
		.data_len = (uint8_t)q->ka_data.len, .counter = { q->ka_counter_offset, q->ka_counter_len },
		.counter_start = q->ka_counter_start, .token = { q->ka_token_offset, q->ka_token_len },
		.mask = { q->ka_mask_offset, q->ka_mask_len }, .tokens_len = (uint16_t)q->ka_tokens.len,
	};
	if (!q->has_ka_data)
		return others ? OFF_BAD_ARG : OFF_OK;
	if (ENG_TOKENS_BYTES == 0)
		return OFF_UNSUPPORTED;
	if (q->ka_tokens.len > sizeof p->tokens)
		return OFF_BAD_LEN;
	copy(p->data, &q->ka_data);          /* at most 32: the decoder has looked (offload.cddl) */
	copy(p->tokens, &q->ka_tokens);
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
	int rc = eng_slot_remove(io->e, q.slot, q.gen, &st);
	return rc != OFF_OK ? rc : offload_slot_state(&st, io->rsp, io->cap, io->len);
}

int offload_slot_get(const struct io *io)
{
	struct eng_slot_state st;
	struct slot_ref q;

	OFFLOAD_DECODE(slot_ref, io, &q);
	int rc = eng_slot_get(io->e, q.slot, q.gen, &st);
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
	int rc = command(io->e, q.slot, q.gen);
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
		.idle_set = q.has_ka_idle_ms, .ka_idle_ms = q.ka_idle_ms, .intvl_set = q.has_ka_intvl_ms,
		.ka_intvl_ms = q.ka_intvl_ms, .mac_set = q.has_next_hop_mac, .next_hop_ip = ip_from(&q.next_hop_ip),
	};

	copy(u.next_hop_mac, &q.next_hop_mac);
	int rc = eng_slot_update(io->e, q.slot, q.gen, &u);
	return rc != OFF_OK ? rc : offload_reply_empty(io);
}

/* False when longer than any pattern may be: that is the engine's bound, not the message's. */
static bool pattern_bytes(struct eng_pattern_cfg *c, const struct add_pattern_req *q)
{
	if (q->data.len > sizeof c->data || q->mask.len > sizeof c->mask)
		return false;
	copy(c->data, &q->data);
	copy(c->mask, &q->mask);
	c->data_len = (uint16_t)q->data.len;
	c->mask_len = (uint16_t)q->mask.len;
	return true;
}

int offload_pattern_add(const struct io *io)
{
	struct add_pattern_req q;

	OFFLOAD_DECODE(add_pattern_req, io, &q);
	struct eng_pattern_cfg c = {
		.id = q.id, .type = q.type, .priority = q.priority, .flags = q.flags, .offset = q.offset,
		.port_set = q.has_port, .port = q.port, .sport_set = q.has_sport, .sport = q.sport, .slot = q.slot, .gen = q.gen,
		.dst = ip_from(&q.ip), .src = ip_from(&q.src), .prog = q.prog.value,
		.prog_len = q.prog.len <= UINT16_MAX ? (uint16_t)q.prog.len : (uint16_t)0,
	};

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
	uint16_t port = q->type == OFF_OFFLOAD_NATT ? NATT_PORT : 0;

	*u = (struct eng_udp_cfg){
		.local_port = q->has_local_port ? q->local_port : port, .remote_port = q->has_remote_port ? q->remote_port : port,
		.interval_ms = q->has_interval_ms ? q->interval_ms : NATT_INTERVAL_MS, .elapsed_ms = q->elapsed_ms,
		.len = (uint8_t)q->data.len,
	};
	if (q->data.len > sizeof u->payload)
		return OFF_BAD_LEN;
	copy(u->payload, &q->data);
	return OFF_OK;
}

static int dhcp_from(struct eng_dhcp_cfg *d, const struct add_offload_req *q)
{
	*d = (struct eng_dhcp_cfg){
		.xid = q->xid, .t1_s = q->t1_s, .lease_s = q->lease_s, .elapsed_ms = q->elapsed_ms, .len = (uint8_t)q->data.len,
	};
	if (q->data.len > sizeof d->client_id || q->options.len > sizeof d->options)
		return OFF_BAD_LEN;
	copy(d->client_id, &q->data);
	copy(d->options, &q->options);
	d->options_len = (uint8_t)q->options.len;
	return OFF_OK;
}

enum { MDNS_TTL_S = 120 };           /* RFC 6762 10: for records with a host's name in them */

static int mdns_from(struct eng_mdns_cfg *m, const struct add_offload_req *q)
{
	if (!q->has_name || !q->has_data || !q->has_rrtype)
		return OFF_BAD_ARG;
	*m = (struct eng_mdns_cfg){
		.rrtype = q->rrtype, .ttl_s = q->has_ttl_s ? q->ttl_s : MDNS_TTL_S, .name_len = (uint8_t)q->name.len,
		.rdata_len = (uint8_t)q->data.len,
	};
	copy(m->name, &q->name);             /* at most 64, both */
	copy(m->rdata, &q->data);
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
	if (!q->has_next_hop_mac)
		return OFF_BAD_ARG;
	copy(m->next_hop.mac, &q->next_hop_mac);
	m->next_hop.ip = ip_from(&q->next_hop_ip);
	return udp ? udp_from(&m->udp, q) : dhcp_from(&m->dhcp, q);
}

int offload_proto_add(const struct io *io)
{
	struct eng_offload_more more = {0};
	struct add_offload_req q;

	OFFLOAD_DECODE(add_offload_req, io, &q);
	struct eng_offload_cfg c = {
		.id = q.id, .type = q.type, .flags = q.flags, .vlan_tci = q.vlan_tci, .ip = ip_from(&q.ip), .ip2 = ip_from(&q.ip2),
		.remote = ip_from(&q.remote),
	};

	copy(c.mac, &q.mac);
	int rc = more_from(&more, &q);
	if (rc == OFF_OK)
		rc = eng_offload_add(io->e, &c, &more);
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
