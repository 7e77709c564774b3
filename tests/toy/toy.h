/* A world for one host, for tests: it keeps everything that leaves, and its disk is as slow as the
 * test says. Toy protocols borrow heartbeat's messages, so that they need no schema of their own.
 */
#ifndef ORRERY_TESTS_TOY_H
#define ORRERY_TESTS_TOY_H

#include "core/fsm.h"
#include "core/host.h"
#include "heartbeat.pb-c.h"

enum { TOY_NODES = 3, TOY_MAX = 20000 };

struct toy_frame {
    node_id to;
    enum transport transport;
    struct bytes frame;
    uint64_t event;
};

struct toy_append {
    uint32_t instance;
    uint32_t log;
    lsn at;
    struct bytes body;
};

struct toy_reply {
    client_id client;
    uint64_t request;
    struct bytes body;
    bool more;
};

struct toy {
    struct host *host;
    struct toy_frame frames[TOY_MAX];
    size_t n_frames;
    struct toy_append appends[TOY_MAX];
    size_t n_appends;
    struct toy_reply replies[TOY_MAX];
    size_t n_replies;
    struct bytes events[TOY_MAX];
    Orrery__Event *unpacked[TOY_MAX];
    size_t n_events;
    uint32_t n_halts;
    uint32_t n_truncated;
    uint32_t n_snapshots;
    uint32_t n_reads;
    bool survives_halt;
    bool report_sends; /* Reports a drop for each frame, from within send(). */
    size_t frames_at_halt;
    uint64_t offset;
    struct moment now;
    char why[256];
};

extern const uint8_t toy_secret[SECRET_SIZE];

/* Defaults for a protocol: message, settings, view and traces (Gap, Opinion) are heartbeat's. */
struct core_ops toy_ops(const char *name, size_t size,
                        void (*step)(void *core, const struct input *in, struct out *out));

/* A host for node `self` of 1..TOY_NODES with these protocols, numbered from 1; NULL host and a
 * sentence in why when refused. `change` (or NULL) may alter the config before. */
struct toy *toy_new(node_id self, uint32_t boot, const struct core_ops *const *ops, uint32_t n,
                    void (*change)(struct host_config *config));
void toy_free(struct toy *t);
void toy_start(struct toy *t);         /* host_begin() and host_start() without records. */
struct moment toy_tick(struct toy *t); /* A millisecond later. */

const Orrery__Event *toy_event(struct toy *t, size_t i);
/* Index of the nth (from 0) event of this kind; fails the test when there is none. */
size_t toy_find(struct toy *t, Orrery__Event__BodyCase kind, size_t nth);
size_t toy_count(struct toy *t, Orrery__Event__BodyCase kind);

/* A message that carries a number. */
Heartbeat__Message *toy_message(Heartbeat__Message *m, Heartbeat__Beat *b, uint64_t number);
void toy_send(struct out *o, node_id to, uint64_t number, bool now);
uint64_t toy_number(struct out *o, struct bytes body); /* 0: malformed. */
uint64_t toy_frame_number(const struct toy_frame *f);

/* A protocol that does what it is told. An order's words are its effects, in order:
 *
 *   append:LOG  after:LOG:FIRST  from:LOG:LSN  before:LOG:LSN  snapshot:LOG:LSN  read:LOG
 *   send:TO:N   now:TO:N         all:N         reply:CLIENT    reply-now:CLIENT
 *   move:STATE  trace:N  trace-held:N  random  wake:MS
 *
 * A request appends to log 0 and replies what was asked; a message from anyone with N > 100 is
 * passed to itself as N - 100; DURABLE traces. Its two logs are "a" and "b", replies wait for "a".
 */
struct puppet {
    uint64_t inputs[INPUT_ORDER + 1]; /* How many came, by kind. */
    uint64_t last_message;
    lsn last_durable;
    uint64_t records;
    uint8_t state;
    nsec next;
};

struct core_ops toy_puppet(void);
void toy_order(struct toy *t, uint32_t instance, const char *words); /* Separated by blanks. */

#endif
