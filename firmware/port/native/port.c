/*
 * The port for a process on Linux: everything it has comes in as open file descriptors.
 *   offload-boot --serial-fd N --eth-fd N --flash-fd N [--link-fd N]
 * link-fd: an rtnetlink socket of the Ethernet's network namespace, which need not be ours, in the group RTMGRP_LINK.
 * A reset executes the boot loader again in the same process, the image is executed from a memfd: pid and descriptors stay.
 */
#define _GNU_SOURCE
#include "port/port.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "boot/flash_map.h"

enum { SERIAL_STALL_US = 1000000, ETH_QUEUE_BYTES = 4 << 20 };

static struct {
	int serial, eth, flash, boot;   /* boot: the boot loader's executable, for a reset */
	int link;
	bool link_news;
	enum port_link link_state;
	struct boot_handoff handoff;
	uint64_t start_us;
	bool line_dead;                 /* nobody took the last bytes for SERIAL_STALL_US */
	const uint8_t *payload;         /* of the image that is to be started */
	uint32_t payload_len;
} p = { .serial = -1, .eth = -1, .flash = -1, .boot = -1, .link = -1, .link_news = true, .handoff = { .slot = SLOT_NONE } };

extern char **environ;

static void __attribute__((noreturn)) die(const char *what)
{
	fprintf(stderr, "offload: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t monotonic_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000u + (uint64_t)ts.tv_nsec / 1000u;
}

static void __attribute__((noreturn)) usage(const char *bad)
{
	fprintf(stderr, "offload: unexpected argument %s\nusage: offload-boot --serial-fd N --eth-fd N|-1 --flash-fd N [--link-fd N]\n",
		bad);
	exit(2);
}

static void take_option(const char *name, const char *value)
{
	char *end;
	long n = strtol(value, &end, 10);
	const struct { const char *name; int *fd; } fds[] = {
		{ "--serial-fd", &p.serial }, { "--eth-fd", &p.eth }, { "--flash-fd", &p.flash }, { "--boot-fd", &p.boot },
		{ "--link-fd", &p.link },
	};

	if (*value == '\0' || *end != '\0') {
		usage(value);
	}
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (strcmp(name, fds[i].name) == 0) {
			*fds[i].fd = (int)n;
			return;
		}
	}
	if (strcmp(name, "--reset-cause") == 0) {
		p.handoff.reset_cause = (uint8_t)n;
	} else if (strcmp(name, "--slot") == 0) {
		p.handoff.slot = (uint8_t)n;
	} else if (strcmp(name, "--recovery") == 0) {
		p.handoff.recovery = n != 0;
	} else if (strcmp(name, "--boot-id") == 0) {
		p.handoff.boot_id = (uint32_t)n;
	} else {
		usage(name);
	}
}

/*
 * The host's passwords and tokens are in here (edge case 108). The limit alone would not do: a core_pattern that is a pipe
 * does not heed it. Each execve makes the process dumpable again, so boot loader and image both come by.
 */
static void leave_no_core(void)
{
	struct rlimit core;

	if (getrlimit(RLIMIT_CORE, &core) == 0) {
		core.rlim_cur = 0;
		setrlimit(RLIMIT_CORE, &core);
	}
	prctl(PR_SET_DUMPABLE, 0);
}

enum { HANDED_OVER = 9 };

/* The arguments of the program that is executed next: texts, because that is all that passes. */
struct command {
	char numbers[HANDED_OVER][12];
	char *argv[2 * HANDED_OVER + 2];
};

static void compose(struct command *c, const char *name, const struct boot_handoff *h)
{
	const int values[HANDED_OVER] = { p.serial, p.eth, p.flash, p.boot, p.link, h->reset_cause, h->slot, h->recovery,
					  (int)h->boot_id };
	static const char *const names[HANDED_OVER] = { "--serial-fd", "--eth-fd", "--flash-fd", "--boot-fd", "--link-fd",
							"--reset-cause", "--slot", "--recovery", "--boot-id" };
	int n = 0;

	c->argv[n++] = (char *)(uintptr_t)name;
	for (int i = 0; i < HANDED_OVER; i++) {
		snprintf(c->numbers[i], sizeof(c->numbers[i]), "%d", values[i]);
		c->argv[n++] = (char *)(uintptr_t)names[i];
		c->argv[n++] = c->numbers[i];
	}
	c->argv[n] = NULL;
}

/* --- watchdog ------------------------------------------------------------------------------------------------------ */

enum { WATCHDOG_LOOKS = 4, MISSED_MAX = 6 };    /* looks in PORT_WATCHDOG_US; so many in a row without food are too many */

static volatile sig_atomic_t fed, missed;
static struct command bark;                     /* composed before: a signal handler may not */

static void set_looks(suseconds_t us)
{
	const struct timeval every = { .tv_sec = us / 1000000, .tv_usec = us % 1000000 };

	setitimer(ITIMER_REAL, &(struct itimerval){ .it_interval = every, .it_value = every }, NULL);
}

/*
 * A timer of the kernel interrupts whatever the program hangs in. It counts looks, not time: a process that another one keeps
 * from the processor gets one signal for all that it has missed, and goes on.
 */
static void look(int number)
{
	(void)number;
	missed = fed ? 0 : missed + 1;
	fed = 0;
	if (missed >= MISSED_MAX) {
		set_looks(0);
		fexecve(p.boot, bark.argv, environ);
		_exit(1);
	}
}

static void block_looks(int how)
{
	sigset_t alarm;

	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	sigprocmask(how, &alarm, NULL);
}

/* Blocked since the program before this one: without a handler a look would end the process. */
static void watchdog_init(void)
{
	compose(&bark, "offload-boot", &(struct boot_handoff){ .reset_cause = RESET_WATCHDOG, .slot = SLOT_NONE });
	sigaction(SIGALRM, &(struct sigaction){ .sa_handler = look, .sa_flags = SA_RESTART }, NULL);
	block_looks(SIG_UNBLOCK);
}

void port_watchdog_feed(void)
{
	static bool started;

	if (!started) {
		started = true;
		set_looks(PORT_WATCHDOG_US / WATCHDOG_LOOKS);
	}
	fed = 1;
}

void port_init(int argc, char **argv)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* no device outlives its bench */
	leave_no_core();
	for (int i = 1; i < argc; i += 2) {
		if (i + 1 == argc) {
			usage(argv[i]);
		}
		take_option(argv[i], argv[i + 1]);
	}
	if (p.boot < 0) {
		p.boot = open("/proc/self/exe", O_RDONLY);
	}
	if (p.serial < 0 || p.flash < 0 || p.boot < 0) {
		usage("(--serial-fd and --flash-fd are needed)");
	}
	if (lseek(p.flash, 0, SEEK_END) < (off_t)PORT_FLASH_BYTES) {
		usage("(the flash file is smaller than 1 MiB)");
	}
	/* A burst of thousands of frames must fit: the default holds a few hundred. Refused without root: then the default. */
	setsockopt(p.eth, SOL_SOCKET, SO_RCVBUFFORCE, &(int){ ETH_QUEUE_BYTES }, sizeof(int));
	setsockopt(p.eth, SOL_PACKET, PACKET_AUXDATA, &(int){ 1 }, sizeof(int));
	fcntl(p.serial, F_SETFL, fcntl(p.serial, F_GETFL) | O_NONBLOCK);
	p.start_us = monotonic_us();
	watchdog_init();
}

/* The kernel grows the stack as needed: there is no end to be near to. */
uint32_t port_stack_low_water(void)
{
	return 0;
}

const char *port_board(void)
{
	return "native";
}

uint32_t port_load_addr(void)
{
	return 0;
}

struct boot_handoff port_handoff(void)
{
	return p.handoff;
}

uint64_t port_now_us(void)
{
	return monotonic_us() - p.start_us;
}

size_t port_serial_read(uint8_t *buf, size_t cap)
{
	ssize_t n = read(p.serial, buf, cap);

	return n > 0 ? (size_t)n : 0;
}

/* The kernel lets the other end wait. */
uint32_t port_serial_overruns(void)
{
	return 0;
}

/* False when nobody has taken a byte until then. */
static bool wait_writable(uint64_t until_us)
{
	for (uint64_t now_us = port_now_us(); now_us < until_us; now_us = port_now_us()) {
		struct pollfd fd = { .fd = p.serial, .events = POLLOUT };
		int ready = poll(&fd, 1, (int)((until_us - now_us) / 1000u) + 1);

		if (ready > 0 || (ready < 0 && errno != EINTR)) {   /* the watchdog's looks interrupt */
			return ready > 0 && (fd.revents & POLLOUT);
		}
	}
	return false;
}

/* Waits for a slow reader, but not for ever: a real UART never waits at all. Later bytes are tried at once, unwaited. */
void port_serial_write(const uint8_t *buf, size_t len)
{
	while (len > 0) {
		ssize_t n = write(p.serial, buf, len);

		if (n > 0) {
			buf += n;
			len -= (size_t)n;
			p.line_dead = false;
			port_watchdog_feed(); /* a slow reader is no hang: the message is of bounded length, and further on */
			continue;
		}
		if ((n < 0 && errno != EAGAIN && errno != EINTR) || p.line_dead || !wait_writable(port_now_us() + SERIAL_STALL_US)) {
			p.line_dead = true;
			return;
		}
	}
}

/* The kernel takes the outer VLAN tag out of a frame before a packet socket sees it, and tells it beside: back it goes. */
static size_t restore_tag(uint8_t *buf, size_t n, size_t cap, const struct tpacket_auxdata *aux)
{
	const size_t at = 12, tag = 4;
	uint16_t tpid = aux->tp_status & TP_STATUS_VLAN_TPID_VALID ? aux->tp_vlan_tpid : ETH_P_8021Q;

	if (!(aux->tp_status & TP_STATUS_VLAN_VALID) || n < at || n + tag > cap) {
		return n;
	}
	memmove(buf + at + tag, buf + at, n - at);
	buf[at] = (uint8_t)(tpid >> 8);
	buf[at + 1] = (uint8_t)tpid;
	buf[at + 2] = (uint8_t)(aux->tp_vlan_tci >> 8);
	buf[at + 3] = (uint8_t)aux->tp_vlan_tci;
	return n + tag;
}

uint16_t port_eth_read(uint8_t *buf, uint16_t cap)
{
	union {
		struct cmsghdr align;
		uint8_t bytes[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
	} control;
	struct iovec data = { buf, cap };
	struct msghdr m = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
	/* Without MSG_TRUNC a frame longer than cap comes cut; its tail would only be ignored. */
	ssize_t n = p.eth < 0 ? -1 : recvmsg(p.eth, &m, MSG_DONTWAIT);

	if (n <= 0) {
		return 0;
	}
	const struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	struct tpacket_auxdata aux = { .tp_status = 0 };
	if (c && c->cmsg_level == SOL_PACKET && c->cmsg_type == PACKET_AUXDATA) {
		memcpy(&aux, CMSG_DATA(c), sizeof(aux));
	}
	return (uint16_t)restore_tag(buf, (size_t)n, cap, &aux);
}

bool port_eth_write(const uint8_t *frame, uint16_t len)
{
	return p.eth >= 0 && send(p.eth, frame, len, MSG_DONTWAIT) == len;
}

/* What the interface that the packet socket is bound to says of itself; needs no privilege. */
static enum port_link read_link(void)
{
	struct sockaddr_ll at = { .sll_ifindex = 0 };
	struct ifreq q = { .ifr_flags = 0 };
	socklen_t len = sizeof(at);

	if (getsockname(p.eth, (struct sockaddr *)&at, &len) < 0 || at.sll_family != AF_PACKET) {
		return PORT_LINK_UNKNOWN;
	}
	q.ifr_ifindex = at.sll_ifindex;
	if (ioctl(p.eth, SIOCGIFNAME, &q) < 0 || ioctl(p.eth, SIOCGIFFLAGS, &q) < 0) {
		return PORT_LINK_DOWN; /* the interface has gone */
	}
	return (q.ifr_flags & IFF_UP) && (q.ifr_flags & IFF_RUNNING) ? PORT_LINK_UP : PORT_LINK_DOWN;
}

/* The news say only when to look: they may be of other interfaces, or lost in a full queue. */
enum port_link port_eth_link(void)
{
	char news[1];

	if (p.link < 0 || !p.link_news) {
		return p.link_state;
	}
	while (recv(p.link, news, sizeof(news), MSG_DONTWAIT) >= 0 || errno == ENOBUFS || errno == EINTR) {
	}
	p.link_news = false;
	return p.link_state = read_link();
}

static bool in_flash(uint32_t off, uint32_t len)
{
	return off <= PORT_FLASH_BYTES && len <= PORT_FLASH_BYTES - off;
}

bool port_flash_read(uint32_t off, void *buf, uint32_t len)
{
	return in_flash(off, len) && pread(p.flash, buf, len, off) == (ssize_t)len;
}

/* As the flash that it stands for: whole units, and each only once after an erase. */
static bool unit_blank(uint32_t off)
{
	uint8_t unit[PORT_FLASH_UNIT];

	if (!port_flash_read(off, unit, sizeof(unit))) {
		return false;
	}
	for (size_t i = 0; i < sizeof(unit); i++) {
		if (unit[i] != 0xFF) {
			return false;
		}
	}
	return true;
}

bool port_flash_write(uint32_t off, const void *buf, uint32_t len)
{
	if (!in_flash(off, len) || off % PORT_FLASH_UNIT != 0 || len % PORT_FLASH_UNIT != 0) {
		return false;
	}
	for (uint32_t at = off; at < off + len; at += PORT_FLASH_UNIT) {
		if (!unit_blank(at)) {
			return false;
		}
	}
	return pwrite(p.flash, buf, len, off) == (ssize_t)len;
}

bool port_flash_erase(uint32_t off, uint32_t len)
{
	uint8_t blank[PORT_FLASH_BLOCK];

	if (!in_flash(off, len) || off % PORT_FLASH_BLOCK != 0 || len % PORT_FLASH_BLOCK != 0) {
		return false;
	}
	memset(blank, 0xFF, sizeof(blank));
	for (uint32_t done = 0; done < len; done += PORT_FLASH_BLOCK) {
		if (pwrite(p.flash, blank, PORT_FLASH_BLOCK, off + done) != (ssize_t)PORT_FLASH_BLOCK) {
			return false;
		}
	}
	return true;
}

/* Only an image has a slot. */
static bool in_boot_loader(void)
{
	return p.handoff.slot == SLOT_NONE;
}

void port_idle(uint32_t max_us)
{
	struct pollfd fds[3] = { { .fd = p.serial, .events = POLLIN }, { .fd = p.eth, .events = POLLIN },
				 { .fd = p.link, .events = POLLIN } };
	struct timespec ts = { .tv_sec = max_us / 1000000u, .tv_nsec = (long)(max_us % 1000000u) * 1000 };

	if (in_boot_loader()) {
		fds[1].fd = fds[2].fd = -1;
	}

	int ready = ppoll(fds, 3, &ts, NULL);

	p.link_news |= ready > 0 && fds[2].revents != 0;
	if (ready > 0 && (fds[0].revents & (POLLHUP | POLLERR)) && !(fds[0].revents & POLLIN)) {
		/* No one has the other end of the PTY open: poll returns at once until someone does. */
		ts = (struct timespec){ .tv_nsec = max_us < 1000 ? (long)max_us * 1000 : 1000000 };
		ppoll(&fds[1], 2, &ts, NULL);
	}
}

/* Returns only when it cannot. */
static void execute(int program, const char *name, const struct boot_handoff *h)
{
	struct command next;

	compose(&next, name, h);
	block_looks(SIG_BLOCK);
	fexecve(program, next.argv, environ);
	block_looks(SIG_UNBLOCK);
}

void port_reset(bool to_recovery)
{
	const struct boot_handoff h = { .reset_cause = RESET_SOFTWARE, .slot = SLOT_NONE, .recovery = to_recovery };

	execute(p.boot, "offload-boot", &h);
	die("cannot execute the boot loader");
}

const uint8_t *port_image_load(uint32_t flash_off, uint32_t payload_off, uint32_t payload_len, uint32_t total_len)
{
	static uint8_t copy[PORT_FLASH_SLOT_BYTES];

	p.payload = copy + payload_off;
	p.payload_len = payload_len;
	return total_len <= sizeof(copy) && port_flash_read(flash_off, copy, total_len) ? copy : NULL;
}

void port_start_image(const struct boot_handoff *handoff)
{
	int fd = memfd_create("offload-image", MFD_CLOEXEC);

	if (fd >= 0 && write(fd, p.payload, p.payload_len) == (ssize_t)p.payload_len) {
		execute(fd, "offload-image", handoff);
	}
	close(fd);
}
