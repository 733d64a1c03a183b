/*
 * The image: one loop that moves bytes and frames between the ports, the SMP server and the offload engine.
 * Every turn takes a bounded amount from each side, so that a flood on one never starves the other, and an event goes out
 * right behind the frame that caused it.
 */
#include <stddef.h>

#include "port/handoff.h"
#include "core/engine_state.h"
#include "port/port.h"
#include "smp/image_group.h"
#include "smp/log.h"
#include "smp/offload_group.h"
#include "smp/os_group.h"
#include "smp/server.h"

enum {
	SERIAL_BYTES_A_TURN = 128,  /* one line of SMP */
	FRAMES_A_TURN = 8,
	FRAMES_BEFORE_BYTES = 64,   /* more than a board's port holds; a flood of more keeps no request waiting */
	IDLE_MAX_US = PORT_WATCHDOG_US / 2,
	BUSY_IDLE_US = 1000,        /* while a reply or a reset is due at a known time */
	OFFLOAD_GROUP = 100,
};

static struct engine engine;
static uint64_t turn_max_us;
static uint32_t overruns_cleared;

static bool env_tx(void *ctx, const uint8_t *frame, uint16_t len)
{
	(void)ctx;
	return port_eth_write(frame, len);
}

static uint64_t env_now_us(void *ctx)
{
	(void)ctx;
	return port_now_us();
}

/* Nothing replaces the flash under a device that speaks for a sleeping host. With the host's lease all that is gone. */
static bool may_write_flash(void)
{
	struct eng_status st;

	eng_status(&engine, &st);
	bool may = st.power == OFF_D0 || st.power == OFF_EXPIRED;

	if (!may) {
		log_line("flash is locked: release or abort first");
	}
	return may;
}

static struct device_counters read_counters(void)
{
	struct smp_server_stats line = smp_server_stats();

	return (struct device_counters){
		.serial_crc_err = line.crc_errors,
		.serial_retry = line.retries,
		.serial_overrun = port_serial_overruns() - overruns_cleared,
		.turn_max_us = (uint32_t)turn_max_us,
		.stack_low_water = port_stack_low_water(),
		.uptime_ms = port_now_us() / 1000u,
	};
}

static void clear_counters(void)
{
	turn_max_us = 0;
	overruns_cleared = port_serial_overruns();
	smp_server_stats_clear();
}

static void note_turn(uint64_t us)
{
	if (us > turn_max_us) {
		turn_max_us = us;
	}
}

static void start(struct boot_handoff handoff)
{
	static const struct smp_group *const groups[] = { &os_group, &image_group, &offload_group, NULL };
	const struct eng_env env = { .tx = env_tx, .now_us = env_now_us, .link_events = port_eth_link() != PORT_LINK_UNKNOWN };
	static const struct smp_server_cfg cfg = {
		.groups = groups,
		.retry_group = OFFLOAD_GROUP,
		.cacheable = offload_group_cacheable,
		.fault = offload_fault_on_reply,
	};
	static const struct device_counters_source counters = { .read = read_counters, .clear = clear_counters };
	static struct image_name image;
	uint32_t boot_id = handoff.boot_id;

	image_group_running(handoff.slot, &image);
	eng_init(&engine, &env, boot_id);
	if (handoff.reset_cause == RESET_WATCHDOG || handoff.reset_cause == RESET_FAULT) {
		eng_stalled(&engine);
	}
	smp_server_init(&cfg);
	offload_counters_init(&counters);
	image_group_init(handoff.slot, may_write_flash);
	offload_group_init(&engine, image.digest, image.version, handoff.reset_cause, boot_id);
	log_line("offload %s on %s, slot %u, boot %u, after %s", image.version, port_board(), (unsigned)handoff.slot,
		 (unsigned)boot_id, reset_cause_name(handoff.reset_cause));
}

static bool take_frames(unsigned most)
{
	static uint8_t frame[ENG_FRAME_BYTES + 4];
	unsigned n;

	for (n = 0; n < most; n++) {
		uint16_t len = port_eth_read(frame, sizeof(frame));

		if (len == 0) {
			break;
		}
		eng_rx(&engine, frame, len);
		offload_group_poll();
	}
	return n > 0;
}

static void take_link(void)
{
	enum port_link link = port_eth_link();

	if (link != PORT_LINK_UNKNOWN) {
		eng_link(&engine, link == PORT_LINK_UP);
	}
}

/* Behind the frames that were there when the bytes were: who has drained the last frames releases (firmware/proto/README.md). */
static bool take_all(void)
{
	uint8_t bytes[SERIAL_BYTES_A_TURN];
	size_t n = port_serial_read(bytes, sizeof(bytes));
	bool busy = take_frames(n > 0 ? FRAMES_BEFORE_BYTES : FRAMES_A_TURN);

	take_link(); /* behind the frames that came before it went */
	/* Byte by byte, as a reset may be asked for in the middle of them. */
	for (size_t i = 0; i < n && !os_group_resetting(); i++) {
		smp_server_rx(&bytes[i], 1);
	}
	return busy || n > 0;
}

/* Once a boot. */
static void note_served(void)
{
	static bool noted;

	if (!noted && smp_server_stats().answered > 0) {
		noted = true;
		image_group_serves();
	}
}

/* Test builds: as a program that has lost its way, it does nothing any more. */
static void hang_if_ordered(void)
{
	while (offload_fault_hang()) {
	}
}

int main(int argc, char **argv)
{
	port_init(argc, argv);
	port_watchdog_feed();
	start(port_handoff());
	for (;;) {
		port_watchdog_feed();
		hang_if_ordered();
		uint64_t turn_began_us = port_now_us();
		bool busy = take_all();
		uint32_t due_us = eng_poll(&engine);

		offload_group_poll();
		bool waiting = smp_server_poll();

		waiting = os_group_poll() || waiting;
		note_served();
		note_turn(port_now_us() - turn_began_us);
		if (!busy) {
			uint32_t max_us = waiting ? BUSY_IDLE_US : IDLE_MAX_US;

			port_idle(due_us < max_us ? due_us : max_us);
		}
	}
}
