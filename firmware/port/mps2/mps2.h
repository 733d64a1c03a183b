/* Registers of Arm's MPS2 with the AN385 image (Cortex-M3), as far as the port uses them. Sources: Arm DAI 0385, SMSC LAN9118. */
#ifndef MPS2_H
#define MPS2_H

#include <stdbool.h>
#include <stdint.h>

#include "port/cortex_m/cortex_m.h"
#include "port/handoff.h"

#define CLOCK_HZ 25000000u
#define TICKS_PER_US (CLOCK_HZ / 1000000u)

struct cmsdk_timer {
	volatile uint32_t ctrl, value, reload, int_clear;   /* int_clear reads as the interrupt's state */
};
#define TIMER0 ((struct cmsdk_timer *)0x40000000u)
#define TIMER1 ((struct cmsdk_timer *)0x40001000u)
enum { TIMER_ENABLE = 1, TIMER_IRQ_ENABLE = 8 };                    /* ctrl */
enum { TIMER_RUNG = 1 };                                            /* int_clear */

struct cmsdk_uart {
	volatile uint32_t data, state, ctrl, int_clear, bauddiv;
};
#define UART0 ((struct cmsdk_uart *)0x40004000u)
enum { UART_TX_FULL = 1, UART_RX_FULL = 2, UART_RX_OVERRUN = 8 };   /* state */
enum { UART_TX_ENABLE = 1, UART_RX_ENABLE = 2, UART_TX_IRQ = 4, UART_RX_IRQ = 8 };  /* ctrl */
enum { UART_INT_TX = 1, UART_INT_RX = 2 };

struct cmsdk_watchdog {
	volatile uint32_t load, value, ctrl, int_clear;     /* int_clear: any write begins the period anew */
};
#define WATCHDOG ((struct cmsdk_watchdog *)0x40008000u)
enum { WATCHDOG_RUN = 1, WATCHDOG_RESETS = 2 };                     /* ctrl */

#define LAN9118(off) (*(volatile uint32_t *)(0x40200000u + (off)))
#define LAN_RX_DATA LAN9118(0x00)
#define LAN_TX_DATA LAN9118(0x20)
#define LAN_RX_STATUS LAN9118(0x40)
#define LAN_TX_STATUS LAN9118(0x48)
#define LAN_IRQ_CFG LAN9118(0x54)
#define LAN_INT_STS LAN9118(0x58)
#define LAN_INT_EN LAN9118(0x5C)
#define LAN_FIFO_INT LAN9118(0x68)
#define LAN_RX_CFG LAN9118(0x6C)
#define LAN_TX_CFG LAN9118(0x70)
#define LAN_HW_CFG LAN9118(0x74)
#define LAN_RX_FIFO_INF LAN9118(0x7C)
#define LAN_TX_FIFO_INF LAN9118(0x80)
#define LAN_MAC_CMD LAN9118(0xA4)
#define LAN_MAC_DATA LAN9118(0xA8)

#define NVIC_ENABLE (*(volatile uint32_t *)0xE000E100u)
#define NVIC_DISABLE (*(volatile uint32_t *)0xE000E180u)
#define NVIC_SET_PENDING (*(volatile uint32_t *)0xE000E200u)
#define NVIC_CLEAR_PENDING (*(volatile uint32_t *)0xE000E280u)
enum { IRQ_UART0_RX = 1 << 0, IRQ_UART0_TX = 1 << 1, IRQ_TIMER1 = 1 << 9, IRQ_ETHERNET = 1 << 13 };

#define FLASH_BASE 0x21000000u      /* PSRAM that stands for the flash */
#define IMAGE_ADDR 0x00040000u      /* images are linked to run here, in the code SRAM */
enum { THUMB = 1 };                 /* in every address of code of a Cortex-M3 */

/* Between the files of this port. */
void timer_init(void);
void uart_init(bool by_looking);    /* by_looking: what comes stays in the chip until port_serial_read */
bool uart_looks(void);              /* it was told so */
void uart_rx_entry(void);
void uart_tx_entry(void);
void ethernet_init(bool receives);  /* false: the MAC stays off, as the boot loader wants it */
bool ethernet_has_frame(void);
enum { LAN_INT_PHY = 1 << 18 };     /* LAN_INT_STS: stays until port_eth_link has looked */
void ethernet_drain(void);          /* moves frames from the chip to RAM, so that a full line loses none */
void handoff_put(const struct boot_handoff *h);  /* for the next program that starts, over a reset too */

#endif
