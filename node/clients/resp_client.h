/* One connection of a client port that speaks RESP, free of I/O: bytes in become whole requests,
 * and replies in any order become bytes out in the order of the requests.
 *
 * The caller owns the socket: it feeds what it reads, takes requests until there is none, hands
 * replies back, and sends what output() shows. After feed() and after sent() more requests may have
 * become available: call next() until it says no.
 *
 * Inline commands are given on as arrays, QUIT ends the connection behind its reply, an HTTP
 * request ends it at once, a protocol error after its error reply. Everything is bounded: a request
 * by RESP_REQUEST_MAX, requests in flight and unsent output by the limits below. */
#ifndef ORRERY_CLIENTS_RESP_CLIENT_H
#define ORRERY_CLIENTS_RESP_CLIENT_H

#include "codec/resp.h"

enum {
    RESP_CLIENT_FLIGHT_MAX = 1024,    /* Requests without a whole reply; then no more is read. */
    RESP_CLIENT_OUTPUT_MAX = 1 << 20, /* Unsent bytes; then no more is read. */
    RESP_CLIENT_OUTPUT_LOW = 1 << 18, /* Below this a client that was slow gets credit again. */
};

struct resp_slot; /* A reply that waits for its turn. */

struct resp_client {
    struct buf in;
    size_t in_at; /* Consumed so far. */
    struct resp_scan scan;
    struct buf inlined;      /* An inline command as an array. */
    struct resp_slot *slots; /* A ring, from `head` on. */
    uint32_t slots_cap;      /* A power of two. */
    uint64_t head;           /* Oldest request without a whole reply in `out`. */
    uint64_t next;           /* Number of the next request; the first is 1. */
    struct buf out;
    size_t out_at; /* Sent so far. */
    size_t held;   /* Bytes of replies that wait for their turn. */
    bool slow;     /* Above OUTPUT_MAX, and not yet below OUTPUT_LOW. */
    bool credit;   /* Went from slow to not slow, and nobody asked yet. */
    bool ending;   /* No request is taken any more; the connection ends behind the last. */
};

void resp_client_init(struct resp_client *c);
void resp_client_free(struct resp_client *c);

void resp_client_feed(struct resp_client *c, struct bytes read);
/* The next whole request: an array of bulk strings. The frame is valid until the next call that is
 * given this client. */
bool resp_client_next(struct resp_client *c, uint64_t *request, struct bytes *frame);

/* A reply, or with `more` a part of it. Replies to requests that are not open are a bug. */
void resp_client_reply(struct resp_client *c, uint64_t request, struct bytes part, bool more);
struct bytes resp_client_output(const struct resp_client *c); /* Valid until the next call. */
void resp_client_sent(struct resp_client *c, size_t n);

bool resp_client_reading(const struct resp_client *c);  /* False: leave the socket unread. */
bool resp_client_credit(struct resp_client *c);         /* True once after each slow time. */
bool resp_client_finished(const struct resp_client *c); /* All is said and sent: close. */

#endif
