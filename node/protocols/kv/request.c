#include "kv_impl.h"

#include "base/check.h"

#include <stdio.h>
#include <string.h>

enum { ARGS_NEAR = 16, BRIEF_MAX = 64, BRIEF_HEAD = 40, HEX_DIGITS = 16 };

void *request_alloc(struct request *r, size_t n)
{
    if (n > STEP_MEMORY_MAX - r->spent)
        return NULL;
    void *p = out_alloc(r->out, n);
    r->spent += p ? n : 0;
    return p;
}

struct bytes request_brief(struct request *r, struct bytes b)
{
    size_t head = b.len <= BRIEF_MAX ? b.len : BRIEF_HEAD;
    uint8_t *at = request_alloc(r, BRIEF_MAX);
    if (!at)
        return bytes_of(NULL, 0);
    if (head > 0)
        memcpy(at, b.base, head);
    if (head == b.len)
        return bytes_of(at, head);
    uint64_t hash = table_hash(b);
    at[head++] = '~';
    for (int i = HEX_DIGITS - 1; i >= 0; i--)
        at[head++] = (uint8_t) "0123456789abcdef"[hash >> (4 * i) & 15];
    return bytes_of(at, head);
}

struct history_op *request_op(struct request *r, const char *f, struct bytes key)
{
    uint32_t i = r->n_ops < HISTORY_OPS_MAX ? r->n_ops++ : HISTORY_OPS_MAX;
    r->partial = r->partial || i == HISTORY_OPS_MAX;
    r->ops[i] = (struct history_op){.f = f};
    if (i < HISTORY_OPS_MAX)
        r->ops[i].key = key.len > BRIEF_MAX ? request_brief(r, key) : key;
    return &r->ops[i];
}

static bool remember(struct request *r, const struct change *what)
{
    size_t size = pack_change_size(what->key.len, what->value.len);
    if (r->n_changes == WRITES_MAX || size > CHANGE_MAX - r->change_size)
        return false;
    struct change *c = request_alloc(r, sizeof *c);
    if (!c)
        return false;
    *c = *what;
    if (r->changes_end)
        r->changes_end->next = c;
    else
        r->changes = c;
    r->changes_end = c;
    r->n_changes++;
    r->change_size += size;
    return true;
}

/* Whether the setting memory_bytes allows so many more. */
static bool allowed(const struct kv *kv, uint64_t more)
{
    uint64_t limit = kv->settings->memory_bytes;
    return limit == 0 || more <= limit - (kv->table.bytes < limit ? kv->table.bytes : limit);
}

int request_put(struct request *r, struct bytes key, struct bytes value)
{
    struct kv *kv = r->kv;
    struct table *t = &kv->table;
    if (!table_fits(t, key, value.len))
        return ERROR_TOO_LARGE;
    const struct entry *old = table_find(t, key);
    uint64_t now = old ? (uint64_t)old->key_len + old->value_len : 0;
    uint64_t then = (uint64_t)key.len + value.len;
    if (then > now && !allowed(kv, then - now))
        return ERROR_NO_MEMORY;
    size_t size = pack_change_size(key.len, value.len);
    if (r->n_changes == WRITES_MAX || size > CHANGE_MAX - r->change_size ||
        sizeof(struct change) > STEP_MEMORY_MAX - r->spent)
        return ERROR_TOO_LARGE;
    if (!table_put(t, key, value, r->at))
        return ERROR_NO_MEMORY;
    table_touch(table_page(t, table_hash(key)), r->at);
    bool remembered = remember(r, &(struct change){.key = key, .value = value});
    CHECK(remembered);
    return 0;
}

bool request_room(struct request *r, size_t bytes, size_t keys)
{
    const struct memory *m = r->kv->memory;
    size_t more = bytes + keys * (sizeof(struct entry) + 128);
    return allowed(r->kv, bytes) && bytes <= KV_VALUE_MAX && keys < WRITES_MAX - r->n_changes &&
           keys * (sizeof(struct change) + 160) < STEP_MEMORY_MAX - r->spent &&
           pack_change_size(bytes, keys * KV_ENTRY_EXTRA) < CHANGE_MAX - r->change_size &&
           more < m->limit - m->used;
}

void request_remove(struct request *r, struct bytes key)
{
    /* A deletion is never refused for want of room: the last bytes of a record are kept for them.
     */
    table_touch(table_page(&r->kv->table, table_hash(key)), r->at);
    bool there = table_remove(&r->kv->table, key);
    bool remembered = remember(r, &(struct change){.key = key, .deleted = true});
    CHECK(there && remembered);
}

void request_remove_all(struct request *r)
{
    struct table *t = &r->kv->table;
    for (uint32_t i = 0; i < t->n; i++) {
        if (t->pages[i].keys == 0)
            continue;
        table_empty_page(t, &t->pages[i]);
        table_touch(&t->pages[i], r->at);
    }
    bool remembered = remember(r, &(struct change){.everything = true});
    CHECK(remembered);
}

void request_refuse(struct request *r, int error)
{
    request_error(r, error == ERROR_NO_MEMORY
                         ? "OOM command not allowed when used memory > 'maxmemory'."
                         : "ERR string exceeds maximum allowed size");
}

const struct command *kv_find_command(struct bytes name)
{
    for (const struct command *c = kv_key_commands; c->name; c++)
        if (resp_word_is(name, c->name))
            return c;
    for (const struct command *c = kv_admin_commands; c->name; c++)
        if (resp_word_is(name, c->name))
            return c;
    return NULL;
}

bool request_arity_ok(const struct command *c, uint32_t n)
{
    return c->arity >= 0 ? n == (uint32_t)c->arity : n >= (uint32_t)-c->arity;
}

/* An operation that a command refused changed nothing, and its history says so. */
void request_run(struct request *r, const struct command *c)
{
    uint32_t before = r->n_ops;
    r->failed = false;
    r->waits = r->waits || (c->flags & (COMMAND_READ | COMMAND_WRITE)) != 0;
    c->run(r);
    for (uint32_t i = before; r->failed && i < r->n_ops; i++)
        r->ops[i].failed = true;
}

/* What a client may see of its own words: printable, and not too much of it. */
static size_t quote(char *into, size_t size, struct bytes b)
{
    size_t n = b.len < size ? b.len : size;
    for (size_t i = 0; i < n; i++)
        into[i] = b.base[i] >= ' ' && b.base[i] < 127 ? (char)b.base[i] : '?';
    return n;
}

static void unknown_command(struct request *r)
{
    char text[320];
    char word[64];
    size_t n = quote(word, sizeof word, r->args[0]);
    int at = snprintf(text, sizeof text,
                      "ERR unknown command '%.*s', with args beginning with: ", (int)n, word);
    for (uint32_t i = 1; i < r->n && at < 200; i++) {
        n = quote(word, sizeof word, r->args[i]);
        at += snprintf(text + at, sizeof text - (size_t)at, "'%.*s' ", (int)n, word);
    }
    request_error(r, text);
}

static void wrong_arity(struct request *r, const struct command *c)
{
    char text[96];
    (void)snprintf(text, sizeof text, "ERR wrong number of arguments for '%s' command", c->name);
    request_error(r, text);
}

static void queue(struct request *r, struct bytes frame)
{
    struct session *s = r->session;
    if (session_queue(r->kv, s, frame)) {
        reply_simple(r, "QUEUED");
        return;
    }
    s->dirty = true;
    request_refuse(r, ERROR_NO_MEMORY);
}

static uint64_t unsynced(const struct kv *kv)
{
    return kv->waiting[0] + kv->waiting[1];
}

static void dispatch(struct request *r, struct bytes frame)
{
    struct session *s = r->session;
    const struct command *c = kv_find_command(r->args[0]);
    if (!c)
        unknown_command(r);
    else if (!request_arity_ok(c, r->n))
        wrong_arity(r, c);
    else if (s->multi && !(c->flags & COMMAND_AT_ONCE))
        queue(r, frame);
    else if (unsynced(r->kv) > UNSYNCED_REPLIES_MAX)
        request_error(r, "ERR too many replies wait for the disk, try again");
    else {
        request_run(r, c);
        return;
    }
    s->dirty = s->dirty || (s->multi && r->failed);
}

/* Held replies take memory until the disk catches up. */
static void account(struct kv *kv, size_t size)
{
    if (kv->durable[LOG_WAL] >= kv->last[LOG_WAL])
        return;
    if (kv->waiting_until == LSN_NONE)
        kv->waiting_until = kv->last[LOG_WAL];
    kv->waiting[kv->last[LOG_WAL] > kv->waiting_until] += size;
}

static void append_changes(struct request *r)
{
    struct kv *kv = r->kv;
    struct body body = pack_changes(r->out, r->changes);
    CHECK(body.n > 0); /* What it may take has been kept free. */
    lsn at = out_append(r->out, LOG_WAL, RECORD_CHANGE, body);
    CHECK(at == r->at);
    kv->last[LOG_WAL] = at;
    checkpoint_logged(kv, r->change_size);
}

static void finish(struct request *r)
{
    struct kv *kv = r->kv;
    const struct history history = {r->client, r->id, r->ops, r->n_ops, r->partial};
    if (history.n > 0)
        history_invoke(r->out, &history);
    if (r->changes)
        append_changes(r);
    struct body body = reply_body(r);
    if (kv->flaw_ack || !r->waits) {
        out_reply_now(r->out, r->client, r->id, body);
    } else {
        account(kv, r->reply.size);
        out_reply(r->out, r->client, r->id, body);
    }
    if (history.n > 0)
        history_complete(r->out, &history, !kv->flaw_ack);
}

static bool open_session(struct request *r)
{
    struct kv *kv = r->kv;
    r->session = session_find(kv, r->client);
    if (r->session)
        return true;
    if (kv->sessions.n >= kv->settings->clients_max)
        request_error(r, "ERR max number of clients reached");
    else if (!(r->session = session_open(kv, r->client)))
        request_refuse(r, ERROR_NO_MEMORY);
    return r->session != NULL;
}

void kv_request(struct kv *kv, const struct input *in, struct out *out)
{
    struct request r;
    struct bytes near[ARGS_NEAR];
    struct bytes frame = in->request.body;
    /* Without the operations, which are set as they come. */
    memset(&r, 0, offsetof(struct request, ops));
    r.n_ops = 0;
    r.partial = false;
    r.kv = kv;
    r.out = out;
    r.client = in->request.client;
    r.id = in->request.id;
    r.at = kv->last[LOG_WAL] + 1;
    struct bytes *args = near;
    int n = resp_parse(frame, near, ARGS_NEAR);
    if (n == ERROR_TOO_LARGE && (n = resp_parse(frame, NULL, 0)) > 0) {
        args = request_alloc(&r, (size_t)n * sizeof *args);
        n = args ? resp_parse(frame, args, (uint32_t)n) : ERROR_NO_MEMORY;
    }
    if (n <= 0) {
        out_violation(out, NODE_NONE, "a client's request is not an array of strings", frame);
        request_error(&r, "ERR Protocol error: expected an array of strings");
    } else if (open_session(&r)) {
        r.args = args;
        r.n = (uint32_t)n;
        dispatch(&r, frame);
    }
    finish(&r);
}
