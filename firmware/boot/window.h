/*
 * The way into serial recovery past an image that is sound and does not answer: for a moment after power-on the boot loader
 * listens for a word on the serial line. A host repeats it, and someone cuts the power meanwhile; no wire or button is needed.
 */
#ifndef BOOT_WINDOW_H
#define BOOT_WINDOW_H

#include <stdbool.h>

/* Listens for BOOT_WINDOW_US; what else comes is lost, as it is while a board without power starts. */
bool boot_recovery_asked(void);

#endif
