#include "machine/machine.h"

#include "base/check.h"
#include "machine/machine_impl.h"

#include <string.h>

enum { ENTRY_COST = 160 }; /* Beside key and value, at most: an entry, its place, its allocation. */

void machine_init(struct machine *m, struct memory *memory, uint32_t pages)
{
    m->memory = memory;
    table_init(&m->table, memory, pages);
}

bool has_expired(const struct entry *e, int64_t now_ms)
{
    return e->expires_ms != 0 && e->expires_ms <= now_ms;
}

int64_t machine_due_ms(const struct machine *m)
{
    const struct entry *e = table_due(&m->table);
    return e ? e->expires_ms : MACHINE_NEVER;
}

void *run_alloc(struct run *r, size_t n)
{
    if (n > MACHINE_STEP_MAX - r->spent)
        return NULL;
    void *p = arena_alloc(r->arena, n);
    CHECK(p || !r->m->replicated || r->all); /* What is only asked is asked of this one alone. */
    r->spent += p ? n : 0;
    return p;
}

struct bytes run_copy(struct run *r, struct bytes b)
{
    uint8_t *at = run_alloc(r, b.len + 1);
    if (at && b.len > 0)
        memcpy(at, b.base, b.len);
    return bytes_of(at, b.len);
}

/* Whether one more change of this size finds room. */
static bool may_remember(const struct run *r, size_t size)
{
    const struct machine_result *to = r->result;
    return to->n_changes < MACHINE_WRITES_MAX && size <= MACHINE_CHANGES_MAX - to->change_size &&
           sizeof(struct change) <= MACHINE_STEP_MAX - r->spent;
}

static size_t size_of_change(size_t key, size_t value)
{
    return key + value + TABLE_ENTRY_EXTRA;
}

static void remember(struct run *r, const struct change *what)
{
    struct machine_result *to = r->result;
    struct change *c = run_alloc(r, sizeof *c);
    CHECK(c);
    *c = *what;
    if (r->changes_end)
        r->changes_end->next = c;
    else
        to->changes = c;
    r->changes_end = c;
    to->n_changes++;
    to->change_size += size_of_change(c->key.len, c->value.len);
}

static void will_change(struct machine *m, struct page *p, lsn at)
{
    if (m->saving)
        saving_before(m, p);
    table_touch(p, at);
}

/* Whether memory_bytes allows so many more. */
static bool allowed(const struct machine *m, uint64_t more)
{
    uint64_t limit = m->memory_bytes;
    return limit == 0 || more <= limit - (m->table.bytes < limit ? m->table.bytes : limit);
}

int run_put(struct run *r, struct bytes key, struct bytes value, int64_t expires_ms)
{
    struct machine *m = r->m;
    struct table *t = &m->table;
    CHECK(!r->reads);
    uint64_t hash = table_hash(key);
    struct page *p = table_page(t, hash);
    if (!table_fits(p, key.len, value.len))
        return ERROR_TOO_LARGE;
    const struct entry *old = table_find_in(p, hash, key);
    uint64_t now = old ? (uint64_t)old->key_len + old->value_len : 0;
    uint64_t then = (uint64_t)key.len + value.len;
    if (then > now && !allowed(m, then - now))
        return ERROR_NO_MEMORY;
    if (!may_remember(r, size_of_change(key.len, value.len)))
        return ERROR_TOO_LARGE;
    if (m->saving)
        saving_before(m, p);
    if (!table_put(t, hash, key, value, expires_ms, r->at)) {
        CHECK(!m->replicated);
        return ERROR_NO_MEMORY;
    }
    table_touch(p, r->at);
    remember(r, &(struct change){.key = key, .value = value, .expires_ms = expires_ms});
    return 0;
}

bool run_room(struct run *r, size_t bytes, size_t keys)
{
    const struct memory *memory = r->m->memory;
    const struct machine_result *to = r->result;
    size_t more = bytes + keys * ENTRY_COST;
    return allowed(r->m, bytes) && bytes <= TABLE_VALUE_MAX &&
           keys < MACHINE_WRITES_MAX - to->n_changes &&
           keys * (sizeof(struct change) + 160) < MACHINE_STEP_MAX - r->spent &&
           size_of_change(bytes, keys * TABLE_ENTRY_EXTRA) <
               MACHINE_CHANGES_MAX - to->change_size &&
           (r->m->replicated || more < memory->limit - memory->used);
}

bool run_may_remove(const struct run *r, const struct bytes *keys, uint32_t n)
{
    const struct machine_result *to = r->result;
    size_t size = 0;
    for (uint32_t i = 0; i < n; i++)
        size += size_of_change(keys[i].len, 0);
    return size <= MACHINE_CHANGES_MAX - to->change_size &&
           n <= MACHINE_WRITES_MAX - to->n_changes &&
           n * sizeof(struct change) <= MACHINE_STEP_MAX - r->spent;
}

void run_remove(struct run *r, struct bytes key)
{
    struct table *t = &r->m->table;
    CHECK(!r->reads);
    will_change(r->m, table_page(t, table_hash(key)), r->at);
    bool there = table_remove(t, key);
    CHECK(there);
    remember(r, &(struct change){.key = key, .deleted = true});
}

void run_remove_all(struct run *r)
{
    struct table *t = &r->m->table;
    CHECK(!r->reads);
    for (uint32_t i = 0; i < t->n; i++) {
        if (t->pages[i].keys == 0)
            continue;
        will_change(r->m, &t->pages[i], r->at);
        table_empty_page(t, &t->pages[i]);
    }
    remember(r, &(struct change){.everything = true});
}

/* A key whose time has come goes when it is met. The change outlives the entry, so it has a copy of
 * the key; where that finds no room the entry stays, as absent as before. */
static bool remove_expired(struct run *r, const struct entry *e)
{
    if (r->reads || !may_remember(r, size_of_change(e->key_len, 0)))
        return false;
    struct bytes key = run_copy(r, entry_key(e));
    if (!key.base || !may_remember(r, size_of_change(key.len, 0)))
        return false;
    run_remove(r, key);
    return true;
}

const struct entry *run_find(struct run *r, struct bytes key)
{
    const struct entry *e = table_find(&r->m->table, key);
    if (!e || !has_expired(e, r->now_ms))
        return e;
    (void)remove_expired(r, e);
    return NULL;
}

static void sweep(struct run *r)
{
    for (int i = 0; i < MACHINE_SWEEP && machine_due_ms(r->m) <= r->now_ms; i++)
        if (!remove_expired(r, table_due(&r->m->table)))
            return;
}

void run_refuse(struct run *r, int error)
{
    reply_error(r, error == ERROR_NO_MEMORY
                       ? "OOM command not allowed when used memory > 'maxmemory'."
                       : "ERR string exceeds maximum allowed size");
}

struct history_op *run_op(struct run *r, uint32_t i)
{
    uint32_t at = r->first_op + i;
    return &r->result->ops[at < MACHINE_OPS_MAX ? at : MACHINE_OPS_MAX];
}

static void fail_ops(struct run *r)
{
    for (uint32_t i = r->first_op; i < r->result->n_ops; i++)
        r->result->ops[i].failed = true;
}

/* An operation that a call refused changed nothing, and its history says so. */
static void run_call(struct run *r, const struct machine_call *call, struct bytes *room)
{
    if (!call->frame.base) {
        reply_raw(r, call->reply);
        return;
    }
    call_begin(r, call, room);
    r->failed = false;
    r->kind->run(r);
    if (r->failed)
        fail_ops(r);
}

static bool watch_broken(const struct run *r, const struct machine_command *c)
{
    for (uint32_t i = 0; i < c->n_watches; i++) {
        const struct entry *e = table_find(&r->m->table, c->watches[i].key);
        lsn at = e && !has_expired(e, r->now_ms) ? e->at : LSN_NONE;
        if (at != c->watches[i].at)
            return true;
    }
    return false;
}

/* None of it happens, and the history says so. */
static void refuse_all(struct run *r, const struct machine_command *c, struct bytes *room)
{
    for (uint32_t i = 0; i < c->n_calls; i++)
        if (c->calls[i].frame.base)
            call_begin(r, &c->calls[i], room);
    r->first_op = 0;
    fail_ops(r);
}

static void run_calls(struct run *r, const struct machine_command *c)
{
    struct bytes *room;
    if (!call_room(r, c, &room)) {
        run_refuse(r, ERROR_TOO_LARGE);
        return;
    }
    if (watch_broken(r, c)) {
        refuse_all(r, c, room);
        reply_null_array(r);
        return;
    }
    if (c->exec)
        reply_array(r, c->n_calls);
    for (uint32_t i = 0; i < c->n_calls; i++)
        run_call(r, &c->calls[i], room);
}

static void begin(struct run *r, struct machine *m, const struct machine_command *c, int64_t now_ms,
                  struct arena *a, struct machine_result *result)
{
    /* Without the operations, which are set as they come. */
    memset(result, 0, offsetof(struct machine_result, ops));
    result->n_ops = 0;
    result->partial = false;
    *r = (struct run){.m = m, .arena = a, .result = result, .resp3 = c->resp3};
    r->now_ms = now_ms > m->now_ms ? now_ms : m->now_ms;
    /* In an EXEC a later call may write where the value lies. */
    r->stays = !c->exec && !m->replicated;
    /* Alone in its step, what asking took counts too; replicas count alike whatever came before. */
    if (!m->replicated)
        r->spent = a->used < MACHINE_STEP_MAX ? a->used : MACHINE_STEP_MAX;
}

static void end(struct run *r)
{
    r->result->reply = reply_body(r);
    r->result->reply_size = r->reply.size;
}

/* False: it happened before, or nobody knows; that is the reply. */
static bool begin_once(struct run *r, const struct session_ticket *t)
{
    struct machine *m = r->m;
    struct bytes kept = {NULL, 0};
    enum machine_outcome now = session_look(&m->sessions, t, r->at, m->memory, &kept);
    r->result->outcome = now;
    if (now == MACHINE_REPEATED)
        reply_raw(r, kept);
    else if (now == MACHINE_UNKNOWN)
        reply_error(r, "ERR the session has ended, or its reply is forgotten: nobody knows whether "
                       "this happened");
    return now == MACHINE_DONE;
}

void machine_apply(struct machine *m, const struct machine_command *c, lsn at, int64_t now_ms,
                   struct arena *a, struct machine_result *result)
{
    struct run r;
    const struct session_ticket *t = &c->ticket;
    begin(&r, m, c, now_ms, a, result);
    m->now_ms = r.now_ms;
    r.at = at;
    sweep(&r);
    if (t->open) {
        session_open(&m->sessions, at, m->memory);
        reply_integer(&r, (int64_t)at);
    } else if (t->session == LSN_NONE) {
        run_calls(&r, c);
    } else if (begin_once(&r, t)) {
        run_calls(&r, c);
        struct body reply = reply_body(&r);
        session_keep(&m->sessions, t, &reply, r.reply.size, m->memory);
    }
    end(&r);
}

void machine_query(struct machine *m, const struct machine_command *c, int64_t now_ms,
                   struct arena *a, struct machine_result *result)
{
    struct run r;
    begin(&r, m, c, now_ms, a, result);
    r.reads = true;
    run_calls(&r, c);
    end(&r);
    CHECK(result->n_changes == 0);
}

void machine_redo(struct machine *m, const struct change *c, lsn at)
{
    struct table *t = &m->table;
    CHECK(!c->everything);
    uint64_t hash = table_hash(c->key);
    will_change(m, table_page(t, hash), at);
    if (c->deleted) {
        (void)table_remove(t, c->key);
        return;
    }
    /* What was in memory once fits again, unless the node was given less. */
    bool fits = table_put(t, hash, c->key, c->value, c->expires_ms, at);
    CHECK(fits);
}

uint64_t entry_digest(const struct entry *e)
{
    uint64_t h = mix(e->hash, table_hash(entry_value(e)));
    return mix(mix(h, e->at), (uint64_t)e->expires_ms);
}

/* A sum, since the order within a page is that of a history, not of a state. */
uint64_t machine_digest(const struct machine *m)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < m->table.n; i++)
        for (const struct entry *e = table_next(&m->table.pages[i], NULL); e;
             e = table_next(&m->table.pages[i], e))
            sum += entry_digest(e);
    uint64_t h = mix(sum, m->table.keys);
    return mix(mix(h, (uint64_t)m->now_ms), sessions_digest(&m->sessions));
}

void machine_check(const struct machine *m)
{
    if (m->table.pages)
        table_check(&m->table);
    sessions_check(&m->sessions);
}
