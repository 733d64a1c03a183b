/* Text lines for people, on the same serial line as SMP; the last ones are kept for who comes later. */
#ifndef SMP_LOG_H
#define SMP_LOG_H

#include <stddef.h>
#include <stdint.h>

enum { LOG_BYTES = 1024 };  /* what is kept: some ten lines */

/* Writes one line. Knows %s, %u (unsigned), %x (unsigned, 8 digits) and %%. Longer than 120 characters is cut. */
void log_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * Copies what was logged since `cursor`, 0 at first, and gives the next cursor. Of what is not kept any more `lost` counts
 * the bytes; the text then begins with a whole line. Returns the bytes copied.
 */
size_t log_read(uint32_t cursor, uint8_t out[LOG_BYTES], uint32_t *next, uint32_t *lost);

#endif
