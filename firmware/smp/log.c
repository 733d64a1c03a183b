#include "log.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "port/port.h"

enum { LINE_MAX_CHARS = 120 };

static uint8_t ring[LOG_BYTES];
static uint32_t written;             /* bytes ever; the ring holds the last LOG_BYTES of them */


struct line {
	uint8_t text[LINE_MAX_CHARS + 2]; /* and CR LF */
	size_t len;
};

static void put(struct line *l, char c)
{
	if (l->len < LINE_MAX_CHARS) {
		l->text[l->len++] = (uint8_t)c;
	}
}

static void put_number(struct line *l, unsigned v, unsigned base, unsigned min_digits)
{
	char digits[10];
	unsigned n = 0;

	do {
		digits[n++] = "0123456789abcdef"[v % base];
		v /= base;
	} while ((v != 0 || n < min_digits) && n < sizeof(digits));
	while (n > 0) {
		put(l, digits[--n]);
	}
}

static void put_string(struct line *l, const char *s)
{
	for (; *s; s++) {
		put(l, *s);
	}
}

static void format(struct line *l, const char *fmt, va_list args)
{
	for (; *fmt; fmt++) {
		if (*fmt != '%') {
			put(l, *fmt);
			continue;
		}
		switch (*++fmt) {
		case 's':
			put_string(l, va_arg(args, const char *));
			break;
		case 'u':
			put_number(l, va_arg(args, unsigned), 10, 1);
			break;
		case 'x':
			put_number(l, va_arg(args, unsigned), 16, 8);
			break;
		case '%':
			put(l, '%');
			break;
		default:
			return; /* a format we do not know: our bug, the rest of the line is dropped */
		}
	}
}

static void remember(const struct line *l)
{
	for (size_t i = 0; i < l->len; i++) {
		ring[written++ % LOG_BYTES] = l->text[i];
	}
}

static uint32_t after_newline(uint32_t at)
{
	while (at != written && ring[at++ % LOG_BYTES] != '\n') {
	}
	return at;
}

size_t log_read(uint32_t cursor, uint8_t out[LOG_BYTES], uint32_t *next, uint32_t *lost)
{
	uint32_t kept = written < LOG_BYTES ? written : LOG_BYTES, at = cursor;
	size_t n = 0;

	/* Also a cursor from before a restart, which lies ahead of what this boot wrote: then all there is. */
	if (written - at > kept) {
		at = written > LOG_BYTES ? after_newline(written - kept) : 0;
	}
	*lost = cursor <= at ? at - cursor : 0;
	while (at != written) {
		out[n++] = ring[at++ % LOG_BYTES];
	}
	*next = written;
	return n;
}

void log_line(const char *fmt, ...)
{
	struct line l = { .len = 0 };
	va_list args;

	va_start(args, fmt);
	format(&l, fmt, args);
	va_end(args);
	l.text[l.len++] = '\r';
	l.text[l.len++] = '\n';
	remember(&l);
	port_serial_write(l.text, l.len);
}
