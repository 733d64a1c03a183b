/* A management group: a table row of the SMP server. */
#ifndef SMP_GROUP_H
#define SMP_GROUP_H

#include <stddef.h>
#include <stdint.h>

enum { SMP_READ = 0, SMP_WRITE = 2 };

/* Whole SMP messages (header and CBOR) up to this size, both ways; told to clients as buf_size. */
#define SMP_MESSAGE_BYTES 4096u

/* Answer later with smp_reply_deferred: the event wait. */
#define SMP_DEFER (-1)
/* Errors of the protocol, not of the group: the server answers {"rc": n} with mcumgr's n. */
#define SMP_NOT_SUPPORTED (-2)  /* the group does not know the command */
#define SMP_INVALID (-3)        /* the body does not decode */
#define SMP_BUSY (-4)           /* not in this state */
#define SMP_TOO_LARGE (-5)      /* the answer does not fit */

/*
 * Handles one request: body and its length in, CBOR map out (rsp_len set). Returns 0, a positive result code of the
 * group (the server turns it into {"err": {"group", "rc"}}), SMP_DEFER or a protocol error. The request may be read until
 * the handler returns; req and rsp never overlap.
 */
typedef int (*smp_handler)(uint8_t op, uint8_t cmd, const uint8_t *req, size_t req_len, uint8_t *rsp, size_t rsp_cap,
			   size_t *rsp_len);

struct smp_group {
	uint16_t id;
	smp_handler handle;
};

/* A request whose handler returned SMP_DEFER. One is kept; a newer one takes its place. */
void smp_reply_deferred(const uint8_t *body, size_t len);

#endif
