/* What the files of kv share. Nobody else includes this.
 *
 *   kv.c          the step: which input goes where; settings, view, checks
 *   recover.c     images and records read back
 *   checkpoint.c  images written, logs shortened
 *   session.c     a client's transaction, watched keys and name
 *   request.c     one request: from its bytes to its record, its reply and its history
 *   commands.c    the commands on keys
 *   admin.c       the commands that say something about the store or the connection
 *   reply.c       replies, as slices
 *   pack.c        records, as slices
 *   table.c       keys and values */
#ifndef ORRERY_PROTOCOLS_KV_IMPL_H
#define ORRERY_PROTOCOLS_KV_IMPL_H

#include "codec/resp.h"
#include "core/core.h"
#include "core/fsm.h"
#include "core/history.h"
#include "kv.pb-c.h"
#include "table.h"

enum { LOG_PAGES, LOG_WAL };
enum { RECORD_CHANGE = 1, RECORD_CHECKPOINT_END = 2 }; /* Of the wal. */
enum { RECORD_PAGE = 1 };                              /* Of the pages. */

enum checkpoint_state { CHECKPOINT_IDLE, CHECKPOINT_WRITING, CHECKPOINT_WAITING };

enum {
    CHANGE_MAX = 48 << 20,            /* Bytes of one record. */
    WRITES_MAX = 1 << 19,             /* Changes in one record. */
    REPLY_MAX = 40 << 20,             /* Bytes of one reply, of which */
    REPLY_SLICES_MAX = 1 << 14,       /* so many may lie where they are. */
    STEP_MEMORY_MAX = 112 << 20,      /* What one request takes of the arena. */
    UNSYNCED_REPLIES_MAX = 256 << 20, /* Bytes that wait for the disk. */
    SESSIONS_MEMORY_MAX = 64 << 20,   /* Of all clients' transactions and watches. */
    HISTORY_OPS_MAX = 64,
};

struct queued {
    struct queued *next;
    uint32_t len;
    uint8_t frame[];
};

struct watch {
    struct watch *next;
    lsn at; /* The entry's then; LSN_NONE: it was not there. */
    uint32_t len;
    uint8_t key[];
};

struct session {
    struct session *next; /* In its bucket. */
    client_id client;
    bool multi;
    bool dirty; /* A command could not be queued: EXEC is refused. */
    struct queued *queue;
    struct queued *queue_end;
    uint32_t queued;
    struct watch *watches;
    uint32_t name_len;
    uint8_t name[64];
};

struct sessions {
    struct session **buckets;
    uint32_t n_buckets;
    uint32_t n;
    size_t memory; /* Lent to queues and watches. */
};

struct checkpoint {
    uint8_t state;
    lsn begin;       /* Newest record of the wal then. */
    uint32_t next;   /* Page to look at. */
    lsn renew_below; /* Images older than this are written again, so that their log can shrink. */
    lsn replay_from; /* Of the last one that ended. */
    uint64_t bytes;  /* Of wal since the last one began. */
};

struct kv {
    const Kv__Settings *settings;
    struct memory *memory;
    bool flaw_ack;
    bool flaw_pages;
    bool started;
    struct table table; /* Without pages until their number is known. */
    struct sessions sessions;
    struct checkpoint checkpoint;
    lsn last[2];            /* By log: emitted, or recovered; */
    lsn written[2];         /* with the kernel; */
    lsn durable[2];         /* on disk. */
    struct queued *retired; /* Of the EXEC of the last step, whose effects point into it. */
    uint64_t waiting[2];    /* Bytes of held replies: those up to waiting_until, and later ones. */
    lsn waiting_until;
    struct {
        uint64_t replayed;
        uint64_t skipped;
        uint64_t malformed;
    } recovery;
};

/* A reply in progress: small pieces in chunks of the arena, large ones where they lie. */
struct reply {
    struct resp_writer chunk;
    size_t begin; /* Of the chunk's part that is not yet a slice. */
    struct slice *slices;
    uint32_t n;
    uint32_t cap;
    size_t size;
    bool overflow;
};

/* A change that the request makes. */
struct change {
    struct change *next;
    struct bytes key;
    struct bytes value;
    bool deleted;
    bool everything;
};

struct request {
    struct kv *kv;
    struct out *out;
    struct session *session;
    client_id client;
    uint64_t id;
    const struct bytes *args;
    uint32_t n;
    bool exec;    /* One of several: nothing may point into the table. */
    bool waits;   /* Its reply tells of keys. */
    bool failed;  /* It was refused; for its history. */
    size_t spent; /* Of the arena. */
    struct reply reply;
    lsn at; /* Of the record that it will append. */
    struct change *changes;
    struct change *changes_end;
    uint32_t n_changes;
    size_t change_size;                         /* At most, as a record. */
    struct history_op ops[HISTORY_OPS_MAX + 1]; /* The last takes what is not told. */
    uint32_t n_ops;
    bool partial;
};

struct command {
    const char *name;
    int arity; /* With the name; negative: at least. */
    uint32_t flags;
    void (*run)(struct request *r);
    int first_key;
    int last_key;
    int step;
};

enum {
    COMMAND_WRITE = 1,
    COMMAND_READ = 2,
    COMMAND_GROWS = 4,   /* May take memory. */
    COMMAND_AT_ONCE = 8, /* Also within MULTI. */
};

extern const struct fsm_table kv_checkpoint_table;
extern const struct command kv_key_commands[]; /* Up to one without a name. */
extern const struct command kv_admin_commands[];

/* request.c */
void kv_request(struct kv *kv, const struct input *in, struct out *out);
const struct command *kv_find_command(struct bytes name);
void *request_alloc(struct request *r, size_t n); /* NULL past the bound. */
/* Changes a key now, and in the record that the request will append. 0 or why not: ERROR_NO_MEMORY,
 * ERROR_TOO_LARGE. Key and value must live until the next step. */
int request_put(struct request *r, struct bytes key, struct bytes value);
void request_remove(struct request *r, struct bytes key); /* It is there. */
void request_remove_all(struct request *r);
struct history_op *request_op(struct request *r, const char *f, struct bytes key);
void request_error(struct request *r, const char *text);
bool request_room(struct request *r, size_t bytes,
                  size_t keys);                                /* For several puts, all or none. */
void request_refuse(struct request *r, int error);             /* What request_put() said. */
struct bytes request_brief(struct request *r, struct bytes b); /* For a history: copied, or cut. */
void request_run(struct request *r, const struct command *c);
bool request_arity_ok(const struct command *c, uint32_t n);

/* reply.c */
struct resp_writer *reply_room(struct request *r, size_t n); /* A chunk with room for n bytes. */
void reply_simple(struct request *r, const char *text);
void reply_integer(struct request *r, int64_t n);
void reply_bulk(struct request *r, struct bytes b);  /* Copied. */
void reply_value(struct request *r, struct bytes b); /* Of the table: may stay where it lies. */
void reply_null(struct request *r);
void reply_array(struct request *r, size_t n);
struct body reply_body(struct request *r);

/* session.c */
struct session *session_find(struct kv *kv, client_id client);
struct session *session_open(struct kv *kv, client_id client); /* NULL: no memory. */
void session_close(struct kv *kv, client_id client);
bool session_queue(struct kv *kv, struct session *s, struct bytes frame); /* False: no memory. */
bool session_watch(struct kv *kv, struct session *s, struct bytes key);
bool session_watch_broken(const struct kv *kv, const struct session *s);
void session_unwatch(struct kv *kv, struct session *s);
/* Ends the transaction. What was queued lives until the next step. */
void session_end_multi(struct kv *kv, struct session *s);
void session_free_retired(struct kv *kv);

/* checkpoint.c */
void checkpoint_step(struct kv *kv, struct out *out); /* After every input. */
void checkpoint_begin(struct kv *kv, struct out *out);
void checkpoint_logged(struct kv *kv, size_t bytes); /* So much went into the wal. */

/* recover.c */
void recover_record(struct kv *kv, const struct input *in, struct out *out);
void recover_done(struct kv *kv, struct out *out);
void kv_need_table(struct kv *kv, uint32_t pages); /* Nothing if it is there already. */

/* pack.c */
size_t pack_change_size(size_t key, size_t value); /* At most, of one change in a record. */
/* An empty body when the arena does not suffice. Large values stay where they lie. */
struct body pack_changes(struct out *out, const struct change *first);
struct body pack_page(struct out *out, const struct page *p, uint32_t number, uint32_t pages);

#endif
