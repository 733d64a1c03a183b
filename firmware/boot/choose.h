/* Which slot to start, and starting it. */
#ifndef BOOT_CHOOSE_H
#define BOOT_CHOOSE_H

#include "port/handoff.h"

enum { BOOT_CRASHES_MAX = 3 };  /* as many crashes in a row, and the boot loader stays */

/* Starts an image, or returns because there is none to trust: then serial recovery is what is left. */
void boot_choose_and_start(struct boot_handoff handoff);

#endif
