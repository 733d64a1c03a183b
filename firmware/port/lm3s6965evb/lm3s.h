/* Registers of the LM3S6965, as far as the port uses them. Source: Luminary Micro DS-LM3S6965 (chapters 5, 10 to 12, 16). */
#ifndef LM3S_H
#define LM3S_H

#include <stdbool.h>
#include <stdint.h>

#include "port/cortex_m/cortex_m.h"
#include "port/handoff.h"

#define CLOCK_HZ 50000000u
#define TICKS_PER_US (CLOCK_HZ / 1000000u)
#define REG(at) (*(volatile uint32_t *)(at))

#define SYSCTL_RIS REG(0x400FE050u)
#define SYSCTL_RCC REG(0x400FE060u)
#define SYSCTL_RCGC0 REG(0x400FE100u)
#define SYSCTL_RCGC1 REG(0x400FE104u)
#define SYSCTL_RCGC2 REG(0x400FE108u)
enum { RIS_PLL_LOCKED = 1 << 6 };
enum { RCC_XTAL = 0xF << 6, RCC_XTAL_8MHZ = 0xE << 6, RCC_SOURCE = 3 << 4, RCC_PLL_OFF = 1 << 13, RCC_BYPASS = 1 << 11,
       RCC_NO_MAIN = 1 << 0, RCC_DIVIDE = 1 << 22, RCC_BY = 0xF << 23, RCC_BY_4 = 3 << 23 };
enum { RCGC0_WATCHDOG = 1 << 3, RCGC1_TIMER0 = 1 << 16, RCGC1_UART0 = 1 << 0 };
enum { RCGC2_PHY = 1 << 30, RCGC2_MAC = 1 << 28, RCGC2_GPIO_A = 1 << 0 };

#define GPIO_A_FUNCTION REG(0x40004420u)
#define GPIO_A_DIGITAL REG(0x4000451Cu)
enum { GPIO_A_UART0 = 3 };

#define UART_DATA REG(0x4000C000u)
#define UART_FLAGS REG(0x4000C018u)
#define UART_IBRD REG(0x4000C024u)
#define UART_FBRD REG(0x4000C028u)
#define UART_LINE REG(0x4000C02Cu)
#define UART_CONTROL REG(0x4000C030u)
#define UART_IRQ_MASK REG(0x4000C038u)
#define UART_IRQ_CLEAR REG(0x4000C044u)
enum { UART_TX_FULL = 1 << 5, UART_RX_EMPTY = 1 << 4 };             /* flags */
enum { UART_OVERRUN = 1 << 11 };                                    /* in the data read */
enum { UART_8_BITS = 3 << 5, UART_FIFO = 1 << 4 };                  /* line */
enum { UART_ON = 1 << 9 | 1 << 8 | 1 << 0 };                        /* control: receiver, transmitter, all */
enum { UART_INT_RX = 1 << 4, UART_INT_TX = 1 << 5, UART_INT_RX_TIMEOUT = 1 << 6 };

#define TIMER_CONFIG REG(0x40030000u)
#define TIMER_MODE REG(0x40030004u)
#define TIMER_CONTROL REG(0x4003000Cu)
#define TIMER_IRQ_MASK REG(0x40030018u)
#define TIMER_IRQ_CLEAR REG(0x40030024u)
#define TIMER_LOAD REG(0x40030028u)
enum { TIMER_ONCE = 1, TIMER_RUN = 1, TIMER_INT = 1 };

#define WATCHDOG_LOAD REG(0x40000000u)
#define WATCHDOG_CONTROL REG(0x40000008u)
#define WATCHDOG_CLEAR REG(0x4000000Cu)
enum { WATCHDOG_RUN = 1, WATCHDOG_RESETS = 2 };

#define MAC_IRQ REG(0x40048000u)        /* read: what is raised; write: taken back */
#define MAC_IRQ_MASK REG(0x40048004u)
#define MAC_RX REG(0x40048008u)
#define MAC_TX REG(0x4004800Cu)
#define MAC_DATA REG(0x40048010u)
#define MAC_THRESHOLD REG(0x4004801Cu)
#define MAC_FRAMES REG(0x40048034u)
#define MAC_SEND REG(0x40048038u)
enum { MAC_INT_RX = 1 << 0 };
enum { MAC_RX_ON = 1 << 0, MAC_RX_ALL_GROUPS = 1 << 1, MAC_RX_PROMISCUOUS = 1 << 2, MAC_RX_NO_BAD = 1 << 3, MAC_RX_RESET = 1 << 4 };
enum { MAC_TX_ON = 1 << 0, MAC_TX_PAD = 1 << 1, MAC_TX_CRC = 1 << 2, MAC_TX_DUPLEX = 1 << 4 };
enum { MAC_WHOLE_FRAMES = 0x3F };       /* threshold: none is sent before it is complete */

#define SYSTICK_CONTROL REG(0xE000E010u)
#define SYSTICK_LOAD REG(0xE000E014u)
#define SYSTICK_NOW REG(0xE000E018u)
enum { SYSTICK_RUN = 1 << 0, SYSTICK_OF_CORE = 1 << 2 };
#define SYSTICK_MAX 0xFFFFFFu

#define NVIC_ENABLE_0 REG(0xE000E100u)  /* interrupts 0 to 31 */
#define NVIC_ENABLE_1 REG(0xE000E104u)
#define NVIC_DISABLE_0 REG(0xE000E180u)
#define NVIC_DISABLE_1 REG(0xE000E184u)
#define NVIC_SET_PENDING_0 REG(0xE000E200u)
#define NVIC_CLEAR_PENDING_0 REG(0xE000E280u)
#define NVIC_CLEAR_PENDING_1 REG(0xE000E284u)
enum { UART0_VECTOR = 16 + 5 };
enum { IRQ_UART0 = 1 << 5, IRQ_TIMER0 = 1 << 19, IRQ_1_ETHERNET = 1 << (42 - 32) };

/* Between the files of this port. */
void clock_init(void);
uint32_t clock_chance(void);        /* of a number that nobody knows beforehand */
void uart_init(void);
void uart_entry(void);
void ethernet_init(void);
bool ethernet_has_frame(void);

#endif
