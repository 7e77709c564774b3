/* A protocol is a step function: one input in, an ordered list of effects out, nothing hidden.
 *
 * The same state, input and random numbers give the same effects, to the bit. A protocol does no
 * I/O, reads no clock, and has no heap but the one it is lent. Inputs are borrowed for the call;
 * effects live until the next step; what a protocol wants to keep it copies.
 *
 * A life begins with zeroed state: init, the snapshot and records of each log (oldest first, logs
 * in the order of their declaration), then START. Before START nothing may be emitted but what only
 * tells: traces, moves and violations. */
#ifndef ORRERY_CORE_CORE_H
#define ORRERY_CORE_CORE_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"

#include <protobuf-c/protobuf-c.h>

typedef uint32_t node_id;   /* Nodes count from 1. */
typedef uint64_t lsn;       /* Ordinal of a record in its log, from 1. */
typedef uint64_t client_id; /* A connection of the client port. */

enum {
    NODE_NONE = 0,
    LSN_NONE = 0,
    LOGS_MAX = 4,
    EFFECTS_MAX = 1024,  /* Of one step. */
    DATAGRAM_MAX = 1400, /* Bytes of a message that goes as a datagram, its envelope not counted. */
};
#define NSEC_NEVER  UINT64_MAX
#define NSEC_PER_MS UINT64_C(1000000)
#define NSEC_PER_S  UINT64_C(1000000000)

enum transport { TRANSPORT_DATAGRAM, TRANSPORT_STREAM };
enum link_reason {
    LINK_OK,
    LINK_REFUSED,
    LINK_RESET,
    LINK_SILENT,
    LINK_CLOSED,
    LINK_REMOVED, /* The user took the peer out of the cluster: it is a member no more. */
};

/* A body is a list of slices, so that large data leaves from where it lies. Memory slices point
 * into the step's arena, its input, or state that stays as it is until the next step. */
enum slice_kind { SLICE_MEMORY, SLICE_LOG };

struct slice {
    enum slice_kind kind;
    struct bytes memory; /* SLICE_MEMORY */
    uint32_t log;        /* SLICE_LOG: len bytes of record `at`'s body, from offset on. */
    lsn at;
    uint64_t offset;
    uint64_t len;
};

struct body {
    const struct slice *slices;
    uint32_t n;
};

enum input_kind {
    INPUT_SNAPSHOT = 1, /* Recovery: stands for all records up to .record.at. */
    INPUT_RECORD,       /* Recovery: one record read back. */
    INPUT_START,        /* Recovery is over. */
    INPUT_MESSAGE,      /* A peer's message arrived. */
    INPUT_LINK,         /* A stream to or from a peer came up, or went down for a reason. */
    INPUT_WAKE,         /* now >= deadline(core). */
    INPUT_WRITTEN, /* Handed to the kernel up to here, not yet synced; only if core_ops.written. */
    INPUT_DURABLE, /* Every record up to here is on disk. */
    INPUT_DATA,    /* What out_read() asked for. */
    INPUT_REQUEST, /* A client asks for something. */
    INPUT_CREDIT,  /* A client that was slow takes replies again. */
    INPUT_DISCONNECT, /* A client is gone; its requests in progress go on. */
    INPUT_SETTINGS,   /* .settings replace those of core_config. */
    INPUT_ORDER,      /* A lab's command. */
};

struct input {
    enum input_kind kind;
    nsec now;
    int64_t wall_ns; /* The node's wall clock: skewed, drifting, jumping. For labels, not timers. */
    union {
        struct {
            uint32_t log;
            lsn at;
            uint8_t type;
            struct bytes body;
        } record; /* SNAPSHOT, RECORD */
        struct {
            node_id from;
            uint32_t boot; /* The sender's life: a new one forgot all that the older one said. */
            enum transport transport;
            struct bytes body;
        } message;
        struct {
            node_id peer;
            bool up;
            enum link_reason reason;
        } link;
        struct {
            uint32_t log;
            lsn at;
        } durable; /* WRITTEN, DURABLE */
        struct {
            uint32_t log;
            uint64_t tag;
            struct bytes body; /* Records as stored: see store/record.h. */
        } data;
        struct {
            client_id client;
            uint64_t id; /* 1, 2, 3 ... on this connection. */
            struct bytes body;
        } request;
        struct {
            client_id client;
        } client; /* CREDIT, DISCONNECT */
        const ProtobufCMessage *settings;
        struct {
            struct bytes verb;
            const struct bytes *words;
            uint32_t n;
        } order;
    };
};

enum effect_kind {
    EFFECT_SEND = 1,
    EFFECT_APPEND,
    EFFECT_TRUNCATE,
    EFFECT_SNAPSHOT,
    EFFECT_READ,
    EFFECT_REPLY,
    EFFECT_TRACE,
    EFFECT_MOVE,
    EFFECT_VIEW,
    EFFECT_VIOLATION,
};

struct effect {
    enum effect_kind kind;
    bool held; /* SEND, REPLY, APPEND, TRACE: leaves once `after_log` is durable up to `after`. */
    uint32_t after_log;
    lsn after;
    struct body body;
    union {
        struct {
            const node_id *to;
            uint32_t n;
            enum transport transport;
        } send;
        struct {
            uint32_t log;
            lsn at;
            uint8_t type;
        } append;
        struct {
            uint32_t log;
            lsn at;
            bool suffix;
        } truncate;
        struct {
            uint32_t log;
            lsn at;
        } snapshot;
        struct {
            uint32_t log;
            lsn at;
            uint32_t count;
            uint64_t tag;
        } read;
        struct {
            client_id client;
            uint64_t request;
            bool more;
        } reply;
        struct {
            uint32_t type; /* Index in core_ops.traces; behind them, where it has clients, */
            bool detail;   /* history.Invoke and history.Complete. */
        } trace;
        struct {
            uint32_t machine;
            uint32_t of;
            uint8_t from;
            uint8_t to;
        } move;
        struct {
            node_id from; /* NODE_NONE: a client. */
            const char *why;
        } violation;
    };
};

struct core_ops;

/* What one step emitted. Filled only through the functions below. */
struct out {
    struct effect effects[EFFECTS_MAX];
    uint32_t n;
    lsn last[LOGS_MAX]; /* Newest record emitted so far in each log, over all steps. */
    bool recovering;    /* Only what tells may be emitted. */
    bool viewing;       /* Only a view may. */
    struct random *random;
    uint64_t *lamport;
    const struct core_ops *ops;
    struct arena *arena;
};

/* Effects leave in the order of these calls, those that wait for the disk later, and still in order
 * among themselves. Bodies and lists of receivers are copied or packed here; what slices of memory
 * point to must live in the arena or the input.
 *
 * Sends and replies leave only once every record emitted so far in the log that core_ops.waits_for
 * names is durable (at once where the protocol has no log). The _now forms promise nothing about
 * the disk and leave at once. A message to oneself comes back as a MESSAGE once the step has
 * returned; it is never lost. */
void out_send(struct out *o, node_id to, enum transport t, const ProtobufCMessage *m);
void out_send_now(struct out *o, node_id to, enum transport t, const ProtobufCMessage *m);
void out_send_many(struct out *o, const node_id *to, uint32_t n, enum transport t,
                   const ProtobufCMessage *m);
void out_send_many_now(struct out *o, const node_id *to, uint32_t n, enum transport t,
                       const ProtobufCMessage *m);
void out_reply(struct out *o, client_id client, uint64_t request, struct body body);
void out_reply_now(struct out *o, client_id client, uint64_t request, struct body body);
void out_reply_part(struct out *o, client_id client, uint64_t request, struct body body);

/* Appends a record; its lsn is returned. The _after form goes to disk only once log `first` is
 * durable up to the newest record emitted in it: the write-ahead rule between two logs. */
lsn out_append(struct out *o, uint32_t log, uint8_t type, struct body body);
lsn out_append_after(struct out *o, uint32_t log, uint32_t first, uint8_t type, struct body body);
void out_truncate_before(struct out *o, uint32_t log, lsn at); /* Records below `at` may go. */
void out_truncate_from(struct out *o, uint32_t log, lsn at);   /* `at` and above go. */
void out_snapshot(struct out *o, uint32_t log, lsn at, struct body body);
void out_read(struct out *o, uint32_t log, lsn at, uint32_t count, uint64_t tag);

void out_trace(struct out *o, const ProtobufCMessage *m); /* A type of core_ops.traces. */
/* Told with a reply emitted here: once what it depends on is durable; never if that fails. */
void out_trace_held(struct out *o, const ProtobufCMessage *m);
/* The same of a message that is packed already, as long as the step. */
void out_trace_packed(struct out *o, const ProtobufCMessageDescriptor *type, struct bytes packed,
                      bool held);
void out_detail(struct out *o, const ProtobufCMessage *m); /* As out_trace(), at LEVEL_FULL only. */
void out_view(struct out *o, const ProtobufCMessage *m);   /* Only from core_ops.view. */
/* Bad bytes of a peer, or (NODE_NONE) of a client, were dropped; `why` as long as the step. */
void out_violation(struct out *o, node_id from, const char *why, struct bytes bad);
/* By fsm_move(). */
void out_move(struct out *o, uint32_t machine, uint32_t of, uint8_t from, uint8_t to);

uint64_t out_lamport(struct out *o);              /* Ticks; returns logical time. */
uint64_t out_random(struct out *o, uint64_t max); /* Uniform in [0, max). */

/* Memory that lives until the next step. Past the arena's bound: NULL, or an empty body. */
void *out_alloc(struct out *o, size_t n);
struct body out_bytes(struct out *o, struct bytes copied);
struct body out_pack(struct out *o, const ProtobufCMessage *m);
/* NULL when malformed. Lives until the next step; never freed. */
ProtobufCMessage *out_unpack(struct out *o, const ProtobufCMessageDescriptor *d, struct bytes b);

struct core_config {
    node_id self;
    /* Every node of the cluster, self too, ascending; lives with the core. Nodes that are added
     * later are not among them: their first message makes them known, and they may be sent to from
     * then. Of nodes that are removed an INPUT_LINK tells. */
    const node_id *members;
    uint32_t n_members;
    const ProtobufCMessage *settings; /* Of core_ops.settings; lives with the core. */
    struct memory *memory;
};

struct log_options {
    bool no_checksum; /* A flaw: recovery believes what it reads. */
    enum { SYNC_GROUP, SYNC_EACH, SYNC_NEVER } sync;
    uint64_t segment_bytes; /* 0: the store's default. */
};

struct fsm_table;

struct core_ops {
    const char *name;
    const char *summary;  /* One line for `orrery sandbox --help`. */
    uint32_t usual_nodes; /* That show what it is about, if nobody says more. */
    size_t size;          /* Of the state. */
    const ProtobufCMessageDescriptor *message; /* Between peers; one message with a oneof. */
    const ProtobufCMessageDescriptor *settings;
    const ProtobufCMessageDescriptor *view_type;
    const ProtobufCMessageDescriptor *const *traces; /* Up to NULL. */
    const char *const *logs;                 /* Up to NULL; may be NULL. Log 0 comes first. */
    uint32_t waits_for;                      /* The log that sends and replies wait for. */
    const struct fsm_table *const *machines; /* Up to NULL; may be NULL. */
    const char *const *orders;    /* Verbs of INPUT_ORDER that it knows, up to NULL; may be NULL. */
    struct bytes (*schema)(void); /* FileDescriptorSet of all the types above. */
    bool clients;                 /* Opens the client port, which speaks RESP. */
    bool store;                   /* Clients ask it as a store: simulated ones know how to. */
    bool written;                 /* Wants INPUT_WRITTEN. */
    void (*defaults)(ProtobufCMessage *settings);
    /* Writes a sentence and returns false when the settings make no sense. */
    bool (*accept)(const ProtobufCMessage *settings, char *why, size_t size);
    void (*log_options)(const ProtobufCMessage *settings, uint32_t log,
                        struct log_options *options);
    void (*init)(void *core, const struct core_config *config);
    void (*step)(void *core, const struct input *in, struct out *out);
    nsec (*deadline)(const void *core);              /* A pure function of the state; NSEC_NEVER. */
    void (*view)(const void *core, struct out *out); /* Emits the visible state: out_view(). */
    void (*check)(const void *core);                 /* Asserts the local invariants. */
};

#endif
