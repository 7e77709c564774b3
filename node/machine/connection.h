/* Clients' connections, as far as they outlive a request: a transaction that is being put together,
 * watched keys, a name, the version of the protocol. Nothing of this is part of the machine's
 * state: it is lost with the node, as the connections are. */
#ifndef ORRERY_MACHINE_CONNECTION_H
#define ORRERY_MACHINE_CONNECTION_H

#include "machine/machine.h"

enum { CONNECTIONS_MEMORY_MAX = 64 << 20 }; /* Of all transactions and watches. */

struct queued {
    struct queued *next;
    const struct call_kind *kind;
    uint32_t len;
    uint8_t frame[];
};

struct watch {
    struct watch *next;
    lsn at; /* The entry's then; LSN_NONE: it was not there. */
    uint32_t len;
    uint8_t key[];
};

struct connection {
    struct connection *next; /* In its bucket. */
    client_id client;
    bool multi;
    bool dirty; /* A command could not be queued: EXEC is refused. */
    bool resp3;
    struct queued *queue;
    struct queued *queue_end;
    uint32_t queued;
    struct watch *watches;
    uint32_t watched;
    uint32_t name_len;
    uint8_t name[64];
};

/* What a node says of itself in INFO and CONFIG GET. */
struct about {
    const char *mode;  /* "standalone" */
    const char *role;  /* "master" */
    struct bytes info; /* More sections: "# Title", lines of name:value, each with CR LF. */
    const char *const (*config)[2]; /* Name and value, up to NULL. */
};

struct connections {
    struct memory *memory;
    uint32_t limit;
    void (*about)(const void *ctx, struct arena *a, struct about *about); /* May be asked. */
    const void *ctx;
    struct connection **buckets;
    uint32_t n_buckets;
    uint32_t n;
    size_t lent;            /* To queues and watches. */
    struct queued *retired; /* Of EXECs, whose commands point into them. */
};

enum asked_kind {
    ASKED_NOTHING, /* It is answered: .reply. It needs neither log nor table. */
    ASKED_READ,    /* .command is for machine_query(). */
    ASKED_WRITE,   /* .command is for the log and machine_apply(). */
};

struct asked {
    enum asked_kind kind;
    bool malformed; /* The request was no array of strings: worth a violation. */
    struct body reply;
    size_t reply_size;
    struct machine_command command; /* Its ticket is the caller's to fill. */
    struct machine_call call;       /* The only one, where it is only one. */
    struct bytes near[16];          /* Its words, where they fit. */
};

/* `all` is zeroed but for memory, limit, about and ctx, which are the caller's; limit may change.
 */

/* Takes one request of a client, in the order in which they came. The command points into the
 * frame, the arena, `asked` and the connection: it is good until connections_free_retired().
 *
 * Keys are watched as the machine is here and now. On a replica that lags the transaction may then
 * be refused without need, never let through wrongly: the versions are compared when it is applied.
 */
void connections_ask(struct connections *all, struct machine *m, client_id client,
                     struct bytes frame, int64_t now_ms, struct arena *a, struct asked *asked);
void connections_close(struct connections *all, client_id client);
void connections_free_retired(struct connections *all);

#endif
