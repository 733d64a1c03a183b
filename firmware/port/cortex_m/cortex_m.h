/*
 * What ports to a Cortex-M share: start-up, the rings of the serial line, sleeping, the watchdog, and where the linker puts what.
 * A port that names this folder as SHARED_ in its port.mk has the first functions below, the vector table, and a chip.h with
 * those that are a register or two, inline:
 *
 *   uart_has_byte, uart_take      a byte has come; it, once there is one
 *   uart_can_take, uart_give      the transmitter takes a byte; here it is
 *   uart_call                     has the handler of the transmitter run
 *   uart_rx_hold, uart_rx_go_on   what comes stays in the chip, its interrupt off; no more, and the handler runs
 *   uart_looks, uart_look         no interrupt moves what comes, the loop looks; now it does
 *   ethernet_watch, ethernet_calls  takes back what the MAC has raised; there is something for the loop to do with it, never
 *                                 in a boot loader: it takes no frames
 *   ethernet_rescue               while the loop waits for the line: saves frames from a MAC that has little room
 *   watchdog_start, watchdog_restart  with PORT_WATCHDOG_US, resetting; its time begins anew
 */
#ifndef CORTEX_M_H
#define CORTEX_M_H

#include <stdbool.h>
#include <stdint.h>

#define SCB_VTOR (*(volatile uint32_t *)0xE000ED08u)
#define SCB_AIRCR (*(volatile uint32_t *)0xE000ED0Cu)
#define AIRCR_RESET 0x05FA0004u

/* The port's. */
extern const void *const vectors[];
void wake_in(uint32_t us);          /* at least 1; an interrupt ends a WFI then, or earlier */
void wait_for_interrupt(void);      /* one WFI, with the processor deaf: what is let in ends it, and no handler runs yet */
void reset_note(uint8_t cause);     /* why the next start comes, over a reset too: enum reset_cause */

/* startup.c */
void reset_entry(void);
void fault_entry(void);
void system_reset(void) __attribute__((noreturn));

/* serial_line.c. The first three are for the UART's handlers. */
void serial_receive(void);          /* moves what has come from the chip to the ring, as far as that has room */
bool serial_transmit(void);         /* the other way, up to a burst; true: it has ended there */
void serial_overrun(void);          /* the chip has lost bytes */
bool serial_calls(void);            /* there is something for the loop to do with the line */
void serial_flush(void);            /* before a reset: waits until all is sent, or nobody takes it */

/* idle.c */
void activity_note(void);           /* something came in: stay awake for a while */
void doze(uint32_t max_us);         /* until an interrupt, or that time */

#endif
