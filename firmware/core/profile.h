/*
 * How much the engine can do, and of how much: one of profile_*.h, chosen by -DPROFILE=minimal (a build's PROFILE_ in port.mk).
 * What a profile has none of is 0 there, and its code is in no image: one function more or less is the compiler's to decide by
 * these constants, of what is more than that the Makefile takes core/without/ in place of its files.
 */
#ifndef PROFILE_H
#define PROFILE_H

#include "offload_rc.h"

#define PATTERN_BIT(type) (1u << OFF_PATTERN_##type)

#ifndef PROFILE
#define PROFILE full
#endif
#define PROFILE_TEXT(file) #file
#define PROFILE_FILE(name) PROFILE_TEXT(profile_##name.h)
#define PROFILE_OF(name) PROFILE_FILE(name)
#include PROFILE_OF(PROFILE)

/* Patterns of this type are taken, where the port can tell what they are about. */
#define TAKES_PATTERN(type) ((ENG_PATTERN_TYPES & PATTERN_BIT(type)) != 0)
/* Of an array for n: C11 has none of length 0. */
#define ROOM(n) ((n) != 0 ? (n) : 1)

#endif
