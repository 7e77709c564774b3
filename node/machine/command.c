#include "base/check.h"
#include "core/back.h"
#include "machine/machine_impl.h"

#include <string.h>

enum { BRIEF_MAX = 64, BRIEF_HEAD = 40, HEX_DIGITS = 16 };
/* Fields of machine.proto. */
enum { COMMAND_TICKET = 1, COMMAND_EXEC, COMMAND_RESP3, COMMAND_CALLS, COMMAND_WATCHES };
enum { TICKET_OPEN = 1, TICKET_SESSION, TICKET_SEQUENCE, TICKET_ANSWERED };
enum { CALL_FRAME = 1, CALL_REPLY };
enum { WATCH_KEY = 1, WATCH_AT };
enum { HEADS_MAX = 64 }; /* Bytes around one call, watch or ticket, at most. */

/* What is asked for most comes first. */
static const struct call_kind *const kinds[] = {string_calls, expiry_calls, scan_calls,
                                                local_calls};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

const struct call_kind *call_next(const struct call_kind *k)
{
    if (!k)
        return kinds[0];
    if (k[1].name)
        return k + 1;
    for (int i = 0; i + 1 < KINDS; i++)
        for (const struct call_kind *each = kinds[i]; each->name; each++)
            if (each == k)
                return kinds[i + 1];
    return NULL;
}

const struct call_kind *call_find(struct bytes name)
{
    for (int i = 0; i < KINDS; i++)
        for (const struct call_kind *k = kinds[i]; k->name; k++)
            if (resp_word_is(name, k->name))
                return k;
    return NULL;
}

bool call_arity_ok(const struct call_kind *k, uint32_t n)
{
    return k->arity >= 0 ? n == (uint32_t)k->arity : n >= (uint32_t)-k->arity;
}

struct bytes run_brief(struct run *r, struct bytes b)
{
    size_t head = b.len <= BRIEF_MAX ? b.len : BRIEF_HEAD;
    uint8_t *at = run_alloc(r, BRIEF_MAX);
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

struct history_op *tell(struct run *r, const char *f, struct bytes key)
{
    struct machine_result *to = r->result;
    uint32_t i = to->n_ops < MACHINE_OPS_MAX ? to->n_ops++ : MACHINE_OPS_MAX;
    to->partial = to->partial || i == MACHINE_OPS_MAX;
    to->ops[i] = (struct history_op){.f = f};
    if (i < MACHINE_OPS_MAX)
        to->ops[i].key = key.len > BRIEF_MAX ? run_brief(r, key) : key;
    return &to->ops[i];
}

void tell_keys(struct run *r)
{
    const struct call_kind *k = r->kind;
    uint32_t last = k->last_key < 0 ? r->n - 1 : (uint32_t)k->last_key;
    for (uint32_t i = (uint32_t)k->first_key; i <= last; i += (uint32_t)k->step)
        (void)tell(r, k->f, r->args[i]);
}

bool call_room(struct run *r, const struct machine_command *c, struct bytes **room)
{
    int most = 0;
    *room = NULL;
    for (uint32_t i = 0; i < c->n_calls; i++) {
        if (c->calls[i].args)
            continue;
        int n = resp_parse(c->calls[i].frame, NULL, 0);
        most = n > most ? n : most;
    }
    if (most > 0)
        *room = run_alloc(r, (size_t)most * sizeof(struct bytes));
    return most == 0 || *room;
}

void call_begin(struct run *r, const struct machine_call *call, struct bytes *room)
{
    r->args = call->args;
    r->n = call->n;
    r->kind = call->kind;
    if (!r->args) {
        int n = resp_parse(call->frame, NULL, 0);
        CHECK(n > 0 && resp_parse(call->frame, room, (uint32_t)n) == n);
        r->args = room;
        r->n = (uint32_t)n;
        r->kind = call_find(room[0]);
        CHECK(r->kind && call_arity_ok(r->kind, r->n));
    }
    r->first_op = r->result->n_ops;
    if (r->kind->tell)
        r->kind->tell(r);
}

void machine_invoke(const struct machine_command *c, struct arena *a, struct machine_result *to)
{
    struct machine none = {0}; /* No replica: where this one's arena ends, less is told. */
    struct run r = {.m = &none, .arena = a, .result = to};
    to->n_ops = 0;
    to->partial = false;
    struct bytes *room;
    bool fits = call_room(&r, c, &room);
    for (uint32_t i = 0; fits && i < c->n_calls; i++)
        if (c->calls[i].frame.base)
            call_begin(&r, &c->calls[i], room);
}

static size_t packed_size(const struct machine_command *c)
{
    size_t n = HEADS_MAX;
    for (uint32_t i = 0; i < c->n_calls; i++)
        n += c->calls[i].frame.len + c->calls[i].reply.len + HEADS_MAX;
    for (uint32_t i = 0; i < c->n_watches; i++)
        n += c->watches[i].key.len + HEADS_MAX;
    return n;
}

static void pack_watches(struct back *w, const struct machine_command *c)
{
    for (uint32_t i = c->n_watches; i-- > 0;) {
        const uint8_t *end = w->at;
        back_uint(w, WATCH_AT, c->watches[i].at);
        back_bytes(w, WATCH_KEY, c->watches[i].key);
        back_around(w, COMMAND_WATCHES, end);
    }
}

static void pack_calls(struct back *w, const struct machine_command *c)
{
    for (uint32_t i = c->n_calls; i-- > 0;) {
        const uint8_t *end = w->at;
        back_bytes(w, CALL_REPLY, c->calls[i].reply);
        back_bytes(w, CALL_FRAME, c->calls[i].frame);
        back_around(w, COMMAND_CALLS, end);
    }
}

static void pack_ticket(struct back *w, const struct session_ticket *t)
{
    const uint8_t *end = w->at;
    back_uint(w, TICKET_ANSWERED, t->answered);
    back_uint(w, TICKET_SEQUENCE, t->sequence);
    back_uint(w, TICKET_SESSION, t->session);
    back_uint(w, TICKET_OPEN, t->open);
    if (w->at != end)
        back_around(w, COMMAND_TICKET, end);
}

struct bytes machine_pack(const struct machine_command *c, struct arena *a)
{
    size_t size = packed_size(c);
    uint8_t *room = size <= MACHINE_CHANGES_MAX ? arena_alloc(a, size) : NULL;
    if (!room)
        return bytes_of(NULL, 0);
    struct back w = {room + size};
    pack_watches(&w, c);
    pack_calls(&w, c);
    back_uint(&w, COMMAND_RESP3, c->resp3);
    back_uint(&w, COMMAND_EXEC, c->exec);
    pack_ticket(&w, &c->ticket);
    return bytes_of(w.at, (size_t)(room + size - w.at));
}

static bool unpack_ticket(struct bytes b, struct session_ticket *t)
{
    struct wire w = wire_of(b);
    struct wire_field f;
    int got;
    while ((got = wire_step(&w, &f)) == 1) {
        if (f.number == TICKET_OPEN)
            t->open = f.value != 0;
        else if (f.number == TICKET_SESSION)
            t->session = f.value;
        else if (f.number == TICKET_SEQUENCE)
            t->sequence = f.value;
        else if (f.number == TICKET_ANSWERED)
            t->answered = f.value;
    }
    return got == 0;
}

static bool unpack_call(struct bytes b, struct machine_call *call)
{
    struct wire w = wire_of(b);
    struct wire_field f;
    int got;
    *call = (struct machine_call){0};
    while ((got = wire_step(&w, &f)) == 1) {
        if (f.number == CALL_FRAME && f.bytes.len > 0)
            call->frame = f.bytes;
        else if (f.number == CALL_REPLY)
            call->reply = f.bytes;
    }
    return got == 0;
}

static bool unpack_watch(struct bytes b, struct machine_watch *watch)
{
    struct wire w = wire_of(b);
    struct wire_field f;
    int got;
    *watch = (struct machine_watch){0};
    while ((got = wire_step(&w, &f)) == 1) {
        if (f.number == WATCH_KEY)
            watch->key = f.bytes;
        else if (f.number == WATCH_AT)
            watch->at = f.value;
    }
    return got == 0;
}

/* A call on keys, or a reply: nothing else comes into a log. Its words are left where they are. */
static int check_call(const struct machine_call *call, struct arena *a)
{
    if (!call->frame.base)
        return call->reply.len > 0 ? 0 : ERROR_MALFORMED;
    int n = resp_parse(call->frame, NULL, 0);
    if (n <= 0)
        return ERROR_MALFORMED;
    size_t used = a->used;
    struct bytes *words = arena_alloc(a, (size_t)n * sizeof *words);
    if (!words)
        return ERROR_NO_MEMORY;
    CHECK(resp_parse(call->frame, words, (uint32_t)n) == n);
    const struct call_kind *k = call_find(words[0]);
    bool ok = k && (k->flags & (CALL_READ | CALL_WRITE)) && call_arity_ok(k, (uint32_t)n);
    a->used = used;
    return ok ? 0 : ERROR_MALFORMED;
}

/* How many calls and watches there are; what else there is is taken. */
static bool unpack_head(struct bytes b, struct machine_command *c)
{
    struct wire w = wire_of(b);
    struct wire_field f;
    int got;
    bool ok = true;
    while (ok && (got = wire_step(&w, &f)) != 0) {
        if (got < 0)
            return false;
        c->n_calls += f.number == COMMAND_CALLS;
        c->n_watches += f.number == COMMAND_WATCHES;
        if (f.number == COMMAND_TICKET)
            ok = unpack_ticket(f.bytes, &c->ticket);
        else if (f.number == COMMAND_EXEC)
            c->exec = f.value != 0;
        else if (f.number == COMMAND_RESP3)
            c->resp3 = f.value != 0;
    }
    return ok && (c->exec || c->n_calls <= 1) && c->n_calls <= MACHINE_CALLS_MAX &&
           c->n_watches <= MACHINE_WATCHES_MAX;
}

int machine_unpack(struct bytes b, struct arena *a, struct machine_command *c)
{
    *c = (struct machine_command){0};
    if (!unpack_head(b, c))
        return ERROR_MALFORMED;
    struct machine_call *calls = arena_alloc(a, c->n_calls * sizeof *calls);
    struct machine_watch *watches = arena_alloc(a, c->n_watches * sizeof *watches);
    if (!calls || !watches)
        return ERROR_NO_MEMORY;
    c->calls = calls;
    c->watches = watches;
    struct wire w = wire_of(b);
    struct wire_field f;
    while (wire_step(&w, &f) == 1) {
        int error = 0;
        if (f.number == COMMAND_WATCHES)
            error = unpack_watch(f.bytes, watches++) ? 0 : ERROR_MALFORMED;
        else if (f.number == COMMAND_CALLS)
            error = unpack_call(f.bytes, calls) ? check_call(calls++, a) : ERROR_MALFORMED;
        if (error != 0)
            return error;
    }
    return 0;
}
