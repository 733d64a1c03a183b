/*
 * 64-bit division as the compiler calls it (Run-time ABI for the Arm Architecture, 4.3.1: r1:r0 by r3:r2, quotient in r1:r0,
 * remainder in r3:r2), in a seventh of libgcc's flash. By a divisor of 16 bits, which microseconds, ticks and minutes are, it
 * takes three of the processor's own divisions: digits of 2^16, the highest first, each remainder put before the next digit.
 * By a wider one it goes bit by bit, some 600 instructions: for what a host asks about itself, never for a frame.
 */
__asm__(".syntax unified\n"
	".thumb\n"
	".section .text.__aeabi_uldivmod, \"ax\", %progbits\n"
	".global __aeabi_uldivmod\n"
	".type __aeabi_uldivmod, %function\n"
	".thumb_func\n"
	"__aeabi_uldivmod:\n"
	"	cbnz r3, 1f\n"
	"	cmp r2, #0x10000\n"
	"	bhs 1f\n"
	"	udiv r3, r1, r2\n"               /* the quotient's upper half: two digits at once */
	"	mls r1, r3, r2, r1\n"            /* less than the divisor, so less than 2^16 */
	"	lsrs r12, r0, #16\n"
	"	orr r1, r12, r1, lsl #16\n"
	"	udiv r12, r1, r2\n"              /* less than 2^16 for the same reason, as is the next */
	"	mls r1, r12, r2, r1\n"
	"	uxth r0, r0\n"
	"	orr r0, r0, r1, lsl #16\n"
	"	udiv r1, r0, r2\n"
	"	mls r2, r1, r2, r0\n"
	"	orr r0, r1, r12, lsl #16\n"
	"	mov r1, r3\n"
	"	movs r3, #0\n"
	"	bx lr\n"
	"1:	push {r4, r5, r6, lr}\n"
	"	movs r4, #0\n"                   /* r5:r4: what is left of the bits shifted out of the dividend */
	"	movs r5, #0\n"
	"	movs r6, #64\n"
	"2:	adds r0, r0, r0\n"               /* the quotient's bits come in where the dividend's go out */
	"	adcs r1, r1, r1\n"
	"	adcs r4, r4, r4\n"
	"	adcs r5, r5, r5\n"               /* after so many turns it has so many bits: the 64th is the last, none is lost */
	"	subs r12, r4, r2\n"
	"	sbcs r12, r5, r3\n"
	"	blo 3f\n"
	"	subs r4, r4, r2\n"
	"	sbc r5, r5, r3\n"
	"	adds r0, r0, #1\n"
	"3:	subs r6, r6, #1\n"
	"	bne 2b\n"
	"	mov r2, r4\n"
	"	mov r3, r5\n"
	"	pop {r4, r5, r6, pc}\n"
	".size __aeabi_uldivmod, . - __aeabi_uldivmod\n");
