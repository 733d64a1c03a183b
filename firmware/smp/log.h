/* Text lines for people, on the same serial line as SMP. */
#ifndef SMP_LOG_H
#define SMP_LOG_H

/* Writes one line. Knows %s, %u (unsigned), %x (unsigned, 8 digits) and %%. Longer than 120 characters is cut. */
void log_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
