/* mcumgr OS group (id 0): echo, reset, parameters, bootloader info. */
#ifndef SMP_OS_GROUP_H
#define SMP_OS_GROUP_H

#include <stdbool.h>

#include "smp_group.h"

extern const struct smp_group os_group;

/* Carries out a reset that was asked for, once its reply had time to leave. Call it from the main loop.
 * True while a reset is due. */
bool os_group_poll(void);
/* What comes now is for the program after the reset: this one would carry it out and be gone with what it did. */
bool os_group_resetting(void);

#endif
