/* What the files of the machine share. Nobody else includes this.
 *
 *   machine.c     a command: from its calls to its changes, its reply and its history
 *   command.c     commands as bytes; what a call is, and what its history tells
 *   strings.c     the commands on keys and values
 *   expiry.c      the commands on when they expire
 *   scan.c        the commands on all keys
 *   local.c       the commands that a connection answers by itself
 *   connection.c  requests, transactions, watched keys
 *   reply.c       replies, as slices
 *   session.c     what must happen once
 *   snapshot.c    the state saved and loaded
 *   table.c       keys and values */
#ifndef ORRERY_MACHINE_MACHINE_IMPL_H
#define ORRERY_MACHINE_MACHINE_IMPL_H

#include "codec/resp.h"
#include "machine/connection.h"
#include "machine/machine.h"
#include "machine/snapshot.h"

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

struct run {
    struct machine *m;
    struct arena *arena;
    struct machine_result *result; /* NULL where nothing touches keys. */
    const struct call_kind *kind;
    const struct bytes *args;
    uint32_t n;
    int64_t now_ms;
    lsn at;
    bool reads; /* Nothing may change. */
    bool stays; /* Values may be sent from where they lie. */
    bool resp3;
    bool failed;       /* The call was refused. */
    uint32_t first_op; /* Of the call. */
    size_t spent;      /* Of the arena. */
    struct reply reply;
    struct change *changes_end;
    struct connections *all; /* The last two where a connection answers by itself. */
    struct connection *connection;
};

enum {
    CALL_WRITE = 1,
    CALL_READ = 2,
    CALL_GROWS = 4,   /* May take memory. */
    CALL_AT_ONCE = 8, /* Also within MULTI. */
};

struct call_kind {
    const char *name;
    int arity; /* With the name; negative: at least. */
    uint32_t flags;
    void (*run)(struct run *r);
    void (*tell)(struct run *r); /* Its operations, as far as its words say. */
    const char *f;               /* Of them, where all are alike; see history.proto. */
    int first_key;
    int last_key;
    int step;
    const char *summary;
    const struct subcommand *subs; /* Up to one without a name; or NULL. */
};

/* How long a key lives, as a command words it. */
enum lifetime_unit { UNIT_NONE, UNIT_S, UNIT_MS };

struct lifetime {
    enum lifetime_unit unit;
    bool absolute; /* Unix time. */
    struct bytes given;
};

/* Each up to one without a name. */
extern const struct call_kind string_calls[];
extern const struct call_kind expiry_calls[];
extern const struct call_kind scan_calls[];
extern const struct call_kind local_calls[];

/* command.c */
const struct call_kind *call_find(struct bytes name);
bool call_arity_ok(const struct call_kind *k, uint32_t n);
/* Goes over all kinds; begin with NULL. */
const struct call_kind *call_next(const struct call_kind *k);
/* Room for the words of the largest call whose words are still in its frame; false: it does not
 * fit. */
bool call_room(struct run *r, const struct machine_command *c, struct bytes **room);
/* Makes the call that of the run, and tells its operations. */
void call_begin(struct run *r, const struct machine_call *call, struct bytes *room);
void tell_keys(struct run *r);
struct history_op *tell(struct run *r, const char *f, struct bytes key);
struct bytes run_brief(struct run *r, struct bytes b); /* For a history: copied, or cut. */

/* machine.c */
void *run_alloc(struct run *r, size_t n);                      /* NULL past the bound. */
const struct entry *run_find(struct run *r, struct bytes key); /* NULL also if it has expired. */
/* Changes a key, and remembers it. 0 or why not: ERROR_NO_MEMORY, ERROR_TOO_LARGE. Key and value
 * must live as long as the command. */
int run_put(struct run *r, struct bytes key, struct bytes value, int64_t expires_ms);
void run_remove(struct run *r, struct bytes key); /* It is there, and may_remove() was asked. */
void run_remove_all(struct run *r);
bool run_may_remove(const struct run *r, const struct bytes *keys, uint32_t n);
bool run_room(struct run *r, size_t bytes, size_t keys); /* For several puts, all or none. */
void run_refuse(struct run *r, int error);               /* What run_put() said. */
struct history_op *run_op(struct run *r, uint32_t i);    /* The call's. */
struct bytes run_copy(struct run *r, struct bytes b);    /* base NULL: it does not fit. */
uint64_t entry_digest(const struct entry *e);
bool has_expired(const struct entry *e, int64_t now_ms);

/* expiry.c */
/* EX, PX, EXAT or PXAT; of one that comes again the last counts. False: another word, or one more
 * of them than one. */
bool lifetime_option(struct bytes word, struct bytes given, struct lifetime *l);
/* In Unix time; false: it makes no sense, and that is replied. */
bool lifetime_end(struct run *r, const struct lifetime *l, int64_t *ms);

/* reply.c */
struct resp_writer *reply_room(struct run *r, size_t n); /* A chunk with room for n bytes. */
void reply_simple(struct run *r, const char *text);
void reply_error(struct run *r, const char *text);
void reply_error_of(struct run *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
void reply_integer(struct run *r, int64_t n);
void reply_bulk(struct run *r, struct bytes b); /* Copied. */
void reply_text(struct run *r, const char *text);
void reply_verbatim(struct run *r, struct bytes b); /* Text for people. */
void reply_value(struct run *r, struct bytes b);    /* Of the table: may stay where it lies. */
void reply_null(struct run *r);
void reply_null_array(struct run *r);
void reply_array(struct run *r, size_t n);
void reply_map(struct run *r, size_t n); /* n pairs follow. */
void reply_set(struct run *r, size_t n);
void reply_raw(struct run *r, struct bytes b); /* A whole reply. */
struct body reply_body(struct run *r);
/* What a client may see of its own words: printable, and not too much of it. */
size_t reply_quote(char *into, size_t size, struct bytes b);

/* local.c */
bool local_sub_ok(struct run *r); /* False: its second word is wrong, and that is replied. */

/* connection.c */
void connection_run_multi(struct run *r);
void connection_run_discard(struct run *r);
void connection_run_watch(struct run *r);
void connection_run_unwatch(struct run *r);
void connection_run_exec(struct run *r);
void connection_run_reset(struct run *r);

/* session.c */
/* What became of the command before; the reply, if it is kept. */
enum machine_outcome session_look(struct sessions *all, const struct session_ticket *t, lsn at,
                                  struct memory *memory, struct bytes *kept);
void session_open(struct sessions *all, lsn at, struct memory *memory);
void session_keep(struct sessions *all, const struct session_ticket *t, const struct body *reply,
                  size_t size, struct memory *memory);
struct session *session_add(struct sessions *all, lsn name, struct memory *memory);
void session_add_reply(struct session *s, uint64_t sequence, const struct body *reply, size_t size,
                       struct memory *memory);
void sessions_clear(struct sessions *all, struct memory *memory);
uint64_t sessions_digest(const struct sessions *all);
void sessions_check(const struct sessions *all);

/* snapshot.c */
void saving_before(struct machine *m, const struct page *p); /* Before the page changes. */

static inline uint64_t mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * UINT64_C(0xbf58476d1ce4e5b9);
    h = (h ^ (h >> 29)) * UINT64_C(0x94d049bb133111eb);
    return h ^ (h >> 32);
}

#endif
