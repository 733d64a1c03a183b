/*
 * The engine's filter, timed and counted in C: `rig bench --device core` calls this as a library (libcorebench.so, the core
 * and this file, -O2). libpcap stays outside: its interpreter comes as a function pointer.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <time.h>

#include "bench_scene.h"

enum { POOL = 4096 };
enum bench_kind { BENCH_MATCH, BENCH_NEAR_MISS, BENCH_OTHER };

struct pool {
	struct scene s;
	struct {
		uint16_t len, pattern;
		uint8_t *bytes;
	} frames[POOL];
};

/* bpf_filter() of libpcap, and a program for it. */
typedef unsigned (*bpf_filter_fn)(const void *program, const uint8_t *frame, unsigned length, unsigned captured);

struct pool *bench_open(void);
void bench_close(struct pool *b);
uint64_t bench_missed(struct pool *b, uint64_t frames);
uint64_t bench_false(struct pool *b, uint64_t frames);
uint64_t bench_judge(struct pool *b, uint64_t frames, bpf_filter_fn filter, const void *const *programs);
double bench_engine_s(struct pool *b, uint64_t frames);
double bench_bpf_s(struct pool *b, uint64_t frames, bpf_filter_fn filter, const void *const *programs);
uint32_t bench_leaks(struct pool *b, uint32_t cycles);
const uint8_t *bench_pattern(const struct pool *b, uint32_t i, const uint8_t **mask, uint16_t *len);
const uint8_t *bench_frame(struct pool *b, uint32_t kind, uint32_t i, uint16_t *len);

/* Frames to be timed, made once and each in memory of its own. */
struct pool *bench_open(void)
{
	struct pool *b = calloc(1, sizeof *b);

	if (!b)
		abort();
	scene_init(&b->s);
	if (!scene_add_all(&b->s))
		abort();
	for (int i = 0; i < POOL; i++) {
		scene_other(&b->s);
		b->frames[i].len = b->s.len;
		b->frames[i].bytes = malloc(b->s.len);
		if (!b->frames[i].bytes)
			abort();
		memcpy(b->frames[i].bytes, b->s.frame, b->s.len);
	}
	scene_sleep(&b->s);
	return b;
}

void bench_close(struct pool *b)
{
	for (int i = 0; i < POOL; i++)
		free(b->frames[i].bytes);
	free(b);
}

static void wake_and_sleep(struct scene *s)
{
	struct eng_slot_state out[ENG_SLOTS];
	uint8_t n;

	eng_host_awake(&s->e, s->e.epoch);
	eng_release(&s->e, out, &n);
	scene_sleep(s);
}

static bool woke_for(const struct scene *s, uint32_t i)
{
	return s->e.power == OFF_WOKEN && s->e.n_events == 1 && s->e.events[0].reason == OFF_WAKE_PACKET && s->e.events[0].pattern_id == i;
}

/* Frames that a pattern matches and that did not wake, or not with its id. */
uint64_t bench_missed(struct pool *b, uint64_t frames)
{
	struct scene *s = &b->s;
	uint64_t missed = 0;

	for (uint64_t k = 0; k < frames; k++) {
		scene_match(s, (uint32_t)(k % ENG_PATTERNS));
		eng_rx(&s->e, s->frame, s->len);
		missed += !woke_for(s, (uint32_t)(k % ENG_PATTERNS));
		wake_and_sleep(s);
	}
	return missed;
}

/*
 * Near misses that woke; one that the matcher never saw (a wrong checksum, say) counts as well: it would prove nothing.
 * Each matching frame is spoilt 64 times, each time anew.
 */
uint64_t bench_false(struct pool *b, uint64_t frames)
{
	struct scene *s = &b->s;
	uint64_t woken = 0, dropped = s->e.counter[C_rx_dropped_policy];
	uint8_t whole[ENG_FRAME_BYTES];

	for (uint64_t k = 0; k < frames; k++) {
		uint32_t i = (uint32_t)(k / 64 % ENG_PATTERNS);

		if (k % 64 == 0) {
			scene_match(s, i);
			memcpy(whole, s->frame, s->len);
		}
		memcpy(s->frame, whole, s->len);
		scene_spoil(s, i);
		eng_rx(&s->e, s->frame, s->len);
		if (s->e.power != OFF_D3) {
			woken++;
			wake_and_sleep(s);
		}
	}
	uint64_t looked_at = s->e.counter[C_rx_dropped_policy] - dropped;
	return woken + (frames - woken - looked_at);
}

static bool any_program(const struct scene *s, bpf_filter_fn filter, const void *const *programs)
{
	for (uint32_t i = 0; i < ENG_PATTERNS; i++) {
		if (filter(programs[i], s->frame, s->len, s->len))
			return true;
	}
	return false;
}

/* Frames, half of them matching, half near misses, about which the engine and libpcap disagree. */
uint64_t bench_judge(struct pool *b, uint64_t frames, bpf_filter_fn filter, const void *const *programs)
{
	struct scene *s = &b->s;
	uint64_t differ = 0;

	for (uint64_t k = 0; k < frames; k++) {
		uint32_t i = scene_random(s) % ENG_PATTERNS;

		scene_match(s, i);
		if (k & 1)
			scene_spoil(s, i);
		eng_rx(&s->e, s->frame, s->len);
		differ += (s->e.power == OFF_WOKEN) != any_program(s, filter, programs);
		if (s->e.power == OFF_WOKEN)
			wake_and_sleep(s);
	}
	return differ;
}

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t); /* of this thread: others on the same core do not count */
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

double bench_engine_s(struct pool *b, uint64_t frames)
{
	double start = now_s();

	for (uint64_t k = 0; k < frames; k++)
		eng_rx(&b->s.e, b->frames[k % POOL].bytes, b->frames[k % POOL].len);
	double took = now_s() - start;
	return b->s.e.power == OFF_D3 ? took : -1;
}

double bench_bpf_s(struct pool *b, uint64_t frames, bpf_filter_fn filter, const void *const *programs)
{
	unsigned matched = 0;
	double start = now_s();

	for (uint64_t k = 0; k < frames; k++) {
		for (uint32_t i = 0; i < ENG_PATTERNS; i++)
			matched |= filter(programs[i], b->frames[k % POOL].bytes, b->frames[k % POOL].len, b->frames[k % POOL].len);
	}
	double took = now_s() - start;
	return matched ? -1 : took;
}

/*
 * Everything is added until it is full and given back in one of four ways, the last of them a host that was killed and
 * attaches anew, in whatever state the device is. Returns the cycles that found less room than the first.
 */
uint32_t bench_leaks(struct pool *b, uint32_t cycles)
{
	struct eng_slot_state out[ENG_SLOTS];
	struct scene *s = &b->s;
	uint32_t leaks = 0;
	uint8_t n;

	eng_attach(&s->e, 1, ENG_LEASE_DEFAULT_MS, &n);
	for (uint32_t k = 0; k < cycles; k++) {
		leaks += !scene_add_all(s);
		uint32_t state = scene_random(s) % 4;
		if (state > 0)
			eng_prepare(&s->e, s->e.epoch, 3, ENG_ARM, scene_host_mac, 0, 0);
		if (state > 1)
			eng_commit(&s->e, s->e.epoch);
		if (state > 2) {
			scene_match(s, k % ENG_PATTERNS);
			eng_rx(&s->e, s->frame, s->len);
		}
		if (k % 4 == 0) {
			n = eng_slot_list(&s->e, out);
			for (uint8_t i = 0; i < n; i++)
				eng_slot_remove(&s->e, out[i].slot, out[i].gen, &out[i]);
			leaks += eng_slot_list(&s->e, out) != 0;
		}
		eng_attach(&s->e, (uint16_t)k, ENG_LEASE_DEFAULT_MS, &n);
		leaks += n != (k % 4 == 0 ? 0 : ENG_SLOTS);
	}
	leaks += !scene_add_all(s);
	scene_sleep(s);
	return leaks;
}

const uint8_t *bench_pattern(const struct pool *b, uint32_t i, const uint8_t **mask, uint16_t *len)
{
	*mask = b->s.patterns[i].mask;
	*len = b->s.patterns[i].data_len;
	return b->s.patterns[i].data;
}

/* For a device's own wire: a frame for pattern i, a near miss of it, or number i of those that are timed; good until the next. */
const uint8_t *bench_frame(struct pool *b, uint32_t kind, uint32_t i, uint16_t *len)
{
	if (kind == BENCH_OTHER) {
		*len = b->frames[i % POOL].len;
		return b->frames[i % POOL].bytes;
	}
	scene_match(&b->s, i % ENG_PATTERNS);
	if (kind == BENCH_NEAR_MISS)
		scene_spoil(&b->s, i % ENG_PATTERNS);
	*len = b->s.len;
	return b->s.frame;
}
