/* How much the engine has room for. A port with less memory names its own in port.mk: -DSIZE_SLOTS=4. */
#ifndef SIZES_H
#define SIZES_H

#ifndef SIZE_SLOTS
#define SIZE_SLOTS 16           /* TCP connections */
#endif
#ifndef SIZE_PATTERNS
#define SIZE_PATTERNS 32        /* bitmap and others; magic is one more */
#endif
#ifndef SIZE_FRAMES
#define SIZE_FRAMES 33          /* the waking frame and those behind it */
#endif

#endif
