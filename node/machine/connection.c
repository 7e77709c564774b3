#include "machine/connection.h"

#include "base/check.h"
#include "machine/machine_impl.h"

#include <stdio.h>
#include <string.h>

enum { BUCKETS_FIRST = 16, WORDS_MAX = 128 };

static struct connection **bucket(const struct connections *all, client_id client)
{
    /* Connections are numbered in order, so the low bits spread well. */
    return &all->buckets[client & (all->n_buckets - 1)];
}

static struct connection **place(const struct connections *all, client_id client)
{
    if (all->n_buckets == 0)
        return NULL;
    struct connection **at = bucket(all, client);
    while (*at && (*at)->client != client)
        at = &(*at)->next;
    return at;
}

static bool grow(struct connections *all)
{
    struct connections larger = *all;
    larger.n_buckets = all->n_buckets ? all->n_buckets * 2 : BUCKETS_FIRST;
    larger.buckets = memory_alloc(all->memory, larger.n_buckets * sizeof *larger.buckets);
    if (!larger.buckets)
        return all->n_buckets > 0;
    for (uint32_t i = 0; i < all->n_buckets; i++)
        for (struct connection *c = all->buckets[i]; c;) {
            struct connection *next = c->next;
            struct connection **at = bucket(&larger, c->client);
            c->next = *at;
            *at = c;
            c = next;
        }
    memory_free(all->memory, all->buckets);
    *all = larger;
    return true;
}

static struct connection *open_connection(struct connections *all, client_id client)
{
    if (all->n >= all->n_buckets && !grow(all))
        return NULL;
    struct connection *c = memory_alloc(all->memory, sizeof *c);
    if (!c)
        return NULL;
    struct connection **at = bucket(all, client);
    c->client = client;
    c->next = *at;
    *at = c;
    all->n++;
    return c;
}

static void *lend(struct connections *all, size_t n)
{
    if (n > CONNECTIONS_MEMORY_MAX - all->lent)
        return NULL;
    void *p = memory_alloc(all->memory, n);
    if (p)
        all->lent += n;
    return p;
}

static void take_back(struct connections *all, void *p, size_t n)
{
    CHECK(all->lent >= n);
    all->lent -= n;
    memory_free(all->memory, p);
}

static bool add_queued(struct run *r, struct bytes frame)
{
    struct connection *c = r->connection;
    struct queued *q = lend(r->all, sizeof *q + frame.len);
    if (!q)
        return false;
    q->next = NULL;
    q->kind = r->kind;
    q->len = (uint32_t)frame.len;
    memcpy(q->frame, frame.base, frame.len);
    if (c->queue_end)
        c->queue_end->next = q;
    else
        c->queue = q;
    c->queue_end = q;
    c->queued++;
    return true;
}

static bool add_watch(struct run *r, struct bytes key)
{
    struct connection *c = r->connection;
    for (const struct watch *w = c->watches; w; w = w->next)
        if (bytes_equal(bytes_of(w->key, w->len), key))
            return true;
    struct watch *w = c->watched < MACHINE_WATCHES_MAX ? lend(r->all, sizeof *w + key.len) : NULL;
    if (!w)
        return false;
    const struct entry *e = run_find(r, key);
    w->at = e ? e->at : LSN_NONE;
    w->len = (uint32_t)key.len;
    if (key.len > 0)
        memcpy(w->key, key.base, key.len);
    w->next = c->watches;
    c->watches = w;
    c->watched++;
    return true;
}

static void unwatch(struct connections *all, struct connection *c)
{
    while (c->watches) {
        struct watch *w = c->watches;
        c->watches = w->next;
        take_back(all, w, sizeof *w + w->len);
    }
    c->watched = 0;
}

/* What was queued lives until the next step. */
static void end_multi(struct connections *all, struct connection *c)
{
    if (c->queue_end) {
        c->queue_end->next = all->retired;
        all->retired = c->queue;
    }
    c->queue = c->queue_end = NULL;
    c->queued = 0;
    c->multi = c->dirty = false;
}

void connections_free_retired(struct connections *all)
{
    while (all->retired) {
        struct queued *q = all->retired;
        all->retired = q->next;
        take_back(all, q, sizeof *q + q->len);
    }
}

void connections_close(struct connections *all, client_id client)
{
    struct connection **at = place(all, client);
    if (!at || !*at)
        return;
    struct connection *c = *at;
    end_multi(all, c);
    unwatch(all, c);
    *at = c->next;
    all->n--;
    memory_free(all->memory, c);
}

void connection_run_multi(struct run *r)
{
    if (r->connection->multi) {
        reply_error(r, "ERR MULTI calls can not be nested");
        return;
    }
    r->connection->multi = true;
    reply_simple(r, "OK");
}

void connection_run_discard(struct run *r)
{
    if (!r->connection->multi) {
        reply_error(r, "ERR DISCARD without MULTI");
        return;
    }
    end_multi(r->all, r->connection);
    unwatch(r->all, r->connection);
    reply_simple(r, "OK");
}

void connection_run_watch(struct run *r)
{
    if (r->connection->multi) {
        reply_error(r, "ERR WATCH inside MULTI is not allowed");
        return;
    }
    for (uint32_t i = 1; i < r->n; i++)
        if (!add_watch(r, r->args[i])) {
            run_refuse(r, ERROR_NO_MEMORY);
            return;
        }
    reply_simple(r, "OK");
}

void connection_run_unwatch(struct run *r)
{
    unwatch(r->all, r->connection);
    reply_simple(r, "OK");
}

void connection_run_reset(struct run *r)
{
    struct connection *c = r->connection;
    end_multi(r->all, c);
    unwatch(r->all, c);
    c->name_len = 0;
    c->resp3 = false;
    reply_simple(r, "RESET");
}

/* EXEC itself is taken apart before: this says what else there is to say. */
void connection_run_exec(struct run *r)
{
    struct connection *c = r->connection;
    if (!c->multi) {
        reply_error(r, "ERR EXEC without MULTI");
        return;
    }
    end_multi(r->all, c);
    unwatch(r->all, c);
    reply_error(r, "EXECABORT Transaction discarded because of previous errors.");
}

/* As much of the words as Redis repeats. */
static void unknown_command(struct run *r)
{
    char name[WORDS_MAX + 1];
    char args[2 * WORDS_MAX] = "";
    size_t len = 0;
    (void)reply_quote(name, sizeof name, r->args[0]);
    for (uint32_t i = 1; i < r->n && len < WORDS_MAX; i++) {
        char word[WORDS_MAX + 1];
        (void)reply_quote(word, WORDS_MAX - len + 1, r->args[i]);
        len += (size_t)snprintf(args + len, sizeof args - len, "'%s' ", word);
    }
    reply_error_of(r, "ERR unknown command '%s', with args beginning with: %s", name, args);
}

static void queue(struct run *r, struct bytes frame)
{
    if (r->connection->queued == MACHINE_CALLS_MAX)
        reply_error(r, "ERR a transaction has no more than 65536 commands");
    else if (add_queued(r, frame))
        reply_simple(r, "QUEUED");
    else
        run_refuse(r, ERROR_NO_MEMORY);
}

/* An EXEC that cannot be read ends its transaction all the same. */
static void wrong_arity(struct run *r)
{
    const char *name = r->kind->name;
    if (r->kind->run != connection_run_exec) {
        reply_error_of(r, "ERR wrong number of arguments for '%s' command", name);
        return;
    }
    end_multi(r->all, r->connection);
    unwatch(r->all, r->connection);
    reply_error_of(r,
                   "EXECABORT Transaction discarded because of: wrong number of arguments for "
                   "'%s' command",
                   name);
}

/* Answers what needs no keys; what is wrong in a transaction ends it later. False: it does. */
static bool answer(struct run *r, struct bytes frame)
{
    struct connection *c = r->connection;
    r->kind = call_find(r->args[0]);
    if (!r->kind) {
        unknown_command(r);
    } else if (!call_arity_ok(r->kind, r->n)) {
        wrong_arity(r);
    } else if (!local_sub_ok(r)) {
        CHECK(r->failed);
    } else if (c->multi && !(r->kind->flags & CALL_AT_ONCE)) {
        queue(r, frame);
    } else {
        if (r->kind->flags & (CALL_READ | CALL_WRITE))
            return false;
        r->kind->run(r);
        return true;
    }
    c->dirty = c->dirty || (c->multi && r->failed);
    return true;
}

/* A call of a transaction that needs no keys is answered here and now: the log gets its reply. */
static bool answer_queued(struct run *r, const struct queued *q, struct bytes *reply)
{
    struct bytes frame = bytes_of(q->frame, q->len);
    int n = resp_parse(frame, NULL, 0);
    struct bytes *args = run_alloc(r, (size_t)n * sizeof *args);
    if (!args)
        return false;
    CHECK(n > 0 && resp_parse(frame, args, (uint32_t)n) == n);
    r->args = args;
    r->n = (uint32_t)n;
    r->kind = q->kind;
    r->reply = (struct reply){0};
    r->kind->run(r);
    struct body body = reply_body(r);
    uint8_t *flat = run_alloc(r, r->reply.size);
    if (!flat)
        return false;
    *reply = bytes_of(flat, r->reply.size);
    for (uint32_t i = 0; i < body.n; flat += body.slices[i++].memory.len)
        memcpy(flat, body.slices[i].memory.base, body.slices[i].memory.len);
    return true;
}

/* The calls of the transaction, and what it watched before they ran: UNWATCH may be one. False:
 * they do not fit. */
static bool take_calls(struct run *r, struct asked *to)
{
    const struct connection *c = r->connection;
    struct machine_call *calls = run_alloc(r, c->queued * sizeof *calls);
    struct machine_watch *watches = run_alloc(r, c->watched * sizeof *watches);
    if (!calls || !watches)
        return false;
    to->command.calls = calls;
    to->command.watches = watches;
    for (const struct watch *w = c->watches; w; w = w->next) {
        struct bytes key = run_copy(r, bytes_of(w->key, w->len));
        if (!key.base)
            return false;
        *watches++ = (struct machine_watch){key, w->at};
    }
    to->command.n_calls = c->queued;
    to->command.n_watches = c->watched;
    for (const struct queued *q = c->queue; q; q = q->next, calls++) {
        *calls = (struct machine_call){0};
        if (q->kind->flags & CALL_WRITE)
            to->kind = ASKED_WRITE;
        if (q->kind->flags & (CALL_READ | CALL_WRITE))
            calls->frame = bytes_of(q->frame, q->len);
        else if (!answer_queued(r, q, &calls->reply))
            return false;
    }
    return true;
}

/* All in one command: nothing comes between, and a crash keeps all or nothing. */
static void take_exec(struct run *r, struct asked *to)
{
    to->kind = ASKED_READ;
    to->command.exec = true;
    to->command.resp3 = r->resp3;
    if (!take_calls(r, to)) {
        to->kind = ASKED_NOTHING;
        r->reply = (struct reply){0};
        run_refuse(r, ERROR_TOO_LARGE);
    }
    end_multi(r->all, r->connection);
    unwatch(r->all, r->connection);
}

static void take(struct run *r, struct bytes frame, struct asked *to)
{
    const struct connection *c = r->connection;
    bool exec = c->multi && !c->dirty && r->n == 1 && resp_word_is(r->args[0], "exec");
    if (exec) {
        take_exec(r, to);
    } else if (!answer(r, frame)) {
        to->kind = r->kind->flags & CALL_WRITE ? ASKED_WRITE : ASKED_READ;
        to->call =
            (struct machine_call){.frame = frame, .args = r->args, .n = r->n, .kind = r->kind};
        to->command.resp3 = r->resp3;
        to->command.calls = &to->call;
        to->command.n_calls = 1;
    }
}

static bool find_connection(struct run *r, client_id client)
{
    struct connections *all = r->all;
    struct connection **at = place(all, client);
    r->connection = at ? *at : NULL;
    if (r->connection)
        return true;
    if (all->n >= all->limit)
        reply_error(r, "ERR max number of clients reached");
    else if (!(r->connection = open_connection(all, client)))
        run_refuse(r, ERROR_NO_MEMORY);
    return r->connection != NULL;
}

/* The words; how many, or a negative code. */
static int parse(struct run *r, struct bytes frame, struct asked *to)
{
    enum { NEAR = sizeof to->near / sizeof to->near[0] };
    struct bytes *args = to->near;
    int n = resp_parse(frame, args, NEAR);
    if (n == ERROR_TOO_LARGE && (n = resp_parse(frame, NULL, 0)) > 0) {
        args = run_alloc(r, (size_t)n * sizeof *args);
        n = args ? resp_parse(frame, args, (uint32_t)n) : ERROR_NO_MEMORY;
    }
    r->args = args;
    r->n = n > 0 ? (uint32_t)n : 0;
    return n;
}

void connections_ask(struct connections *all, struct machine *m, client_id client,
                     struct bytes frame, int64_t now_ms, struct arena *a, struct asked *to)
{
    struct run r = {.m = m, .arena = a, .all = all, .reads = true};
    r.now_ms = now_ms > m->now_ms ? now_ms : m->now_ms;
    memset(to, 0, offsetof(struct asked, near));
    if (parse(&r, frame, to) <= 0) {
        to->malformed = true;
        reply_error(&r, "ERR Protocol error: expected an array of strings");
    } else if (find_connection(&r, client)) {
        r.resp3 = r.connection->resp3;
        take(&r, frame, to);
    }
    if (to->kind != ASKED_NOTHING)
        return;
    to->reply = reply_body(&r);
    to->reply_size = r.reply.size;
}
