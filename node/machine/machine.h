/* The key-value machine: what redis-server 7.0 does with strings, as a function of a log. The same
 * commands in the same order with the same times give the same table, replies and digest, to the
 * bit, on every replica and after every recovery.
 *
 * A client's request becomes a command (connection.h): one call, or all the calls of an EXEC with
 * the versions of the keys that it watched. A command that may change something is put into a log,
 * either as its bytes (machine_pack) or, by a single node, as the changes it made; then it is
 * applied. One that only reads asks the table as it stands.
 *
 * Time enters with the commands only: `now_ms` is Unix time in milliseconds, stamped by whoever
 * orders the log. It never runs backwards here: an older time counts as the newest seen. A key
 * whose time has come is absent from then on; applying takes it out, which is a change like any
 * other. */
#ifndef ORRERY_MACHINE_MACHINE_H
#define ORRERY_MACHINE_MACHINE_H

#include "base/errors.h"
#include "core/history.h"
#include "machine/session.h"
#include "machine/table.h"

enum {
    MACHINE_CHANGES_MAX = 48 << 20, /* Bytes of what one command changes. */
    MACHINE_WRITES_MAX = 1 << 19,   /* Changes of one command. */
    MACHINE_CALLS_MAX = 1 << 16,    /* Calls of one EXEC. */
    MACHINE_WATCHES_MAX = 4096,     /* Keys watched for it. */
    MACHINE_REPLY_MAX = 40 << 20,   /* Bytes of one reply, of which */
    MACHINE_SLICES_MAX = 1 << 14,   /* so many may lie where they are. */
    MACHINE_STEP_MAX = 112 << 20,   /* What one command takes of the arena, */
    MACHINE_UNPACK_MAX = 24 << 20,  /* and before that to unpack it. */
    MACHINE_SWEEP = 32,             /* Keys that a command takes out because their time has come. */
    MACHINE_OPS_MAX = 64,
};
#define MACHINE_NEVER INT64_MAX

struct call_kind;
struct saving;

struct machine {
    struct memory *memory;
    uint64_t memory_bytes; /* Of keys and values; 0: unlimited. May change at any time. */
    /* One of several that must stay equal: what would depend on this process ends it, namely lent
     * memory or an arena that do not suffice; so memory_bytes must be well below what is lent, and
     * MACHINE_STEP_MAX be free in the arena. Replies are copied, so many may be made in a step. */
    bool replicated;
    struct table table;
    struct sessions sessions;
    int64_t now_ms;        /* The newest time that a command came with. */
    struct saving *saving; /* The snapshot under way; see snapshot.h. */
};

/* One call of a client: its words as it sent them, an array of RESP. */
struct machine_call {
    struct bytes frame;
    struct bytes reply;       /* Instead: what is answered without the table, ready to be sent. */
    const struct bytes *args; /* The words of the frame, or NULL; */
    uint32_t n;
    const struct call_kind *kind; /* with them, what they are. */
};

struct machine_watch {
    struct bytes key;
    lsn at; /* The command that wrote it; LSN_NONE: it was not there. */
};

/* Without calls it only makes time pass. */
struct machine_command {
    struct session_ticket ticket; /* session.h; zeroed: it does not matter if it happens twice. */
    bool exec;                    /* Replies to all calls as an array. */
    bool resp3;                   /* Replies in version 3 of the protocol. */
    const struct machine_call *calls;
    uint32_t n_calls;
    const struct machine_watch *watches;
    uint32_t n_watches;
};

/* A change that a command made. */
struct change {
    struct change *next;
    struct bytes key;
    struct bytes value;
    int64_t expires_ms; /* 0: never. */
    bool deleted;
    bool everything; /* No key: every key went. */
};

enum machine_outcome {
    MACHINE_DONE,
    MACHINE_REPEATED, /* It happened before: the reply is that of then. */
    MACHINE_UNKNOWN,  /* Its session is not known (any more): whether it happened is not either. */
};

/* Pointers live in the arena, in the command, or (reply, unless replicated) in the table. */
struct machine_result {
    enum machine_outcome outcome;
    struct body reply;
    size_t reply_size;
    const struct change *changes; /* In their order. */
    uint32_t n_changes;
    size_t change_size;                         /* Of all, at most, as a record. */
    struct history_op ops[MACHINE_OPS_MAX + 1]; /* The last takes what is not told. */
    uint32_t n_ops;
    bool partial; /* There were more ops. */
};

/* `m` is zeroed; the memory is the machine's until the life ends. Replicas have as many pages. */
void machine_init(struct machine *m, struct memory *memory, uint32_t pages);

/* A command as bytes: a machine.Command of machine.proto, in the arena. base NULL: it does not fit
 * there, or is larger than MACHINE_CHANGES_MAX. */
struct bytes machine_pack(const struct machine_command *c, struct arena *a);
/* What was packed; points into `b`. 0, ERROR_MALFORMED, or ERROR_NO_MEMORY: less than
 * MACHINE_UNPACK_MAX was free. */
int machine_unpack(struct bytes b, struct arena *a, struct machine_command *c);

/* The operations of a command as far as they are known before it is done, for history_invoke(). */
void machine_invoke(const struct machine_command *c, struct arena *a, struct machine_result *r);

/* Applies the command that the log holds at `at`, which grows. What is larger than the bounds above
 * is answered with an error and changes nothing, or, in an EXEC, only from there on. */
void machine_apply(struct machine *m, const struct machine_command *c, lsn at, int64_t now_ms,
                   struct arena *a, struct machine_result *r);
/* The same for one that only reads (connection.h says which): nothing changes. For replicas it is
 * the log's time that decides: give machine.now_ms, and have an empty command pass time. */
void machine_query(struct machine *m, const struct machine_command *c, int64_t now_ms,
                   struct arena *a, struct machine_result *r);

/* When the next key's time comes; MACHINE_NEVER. Until then time changes nothing. */
int64_t machine_due_ms(const struct machine *m);

/* One change of a key made again, as recovery finds it in a log of changes. */
void machine_redo(struct machine *m, const struct change *c, lsn at);

/* Alike exactly for machines with the same table (versions too), sessions and time. */
uint64_t machine_digest(const struct machine *m);
void machine_check(const struct machine *m);

#endif
