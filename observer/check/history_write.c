#include "check/history_read.h"

#include "base/must.h"
#include "timeline/text.h"

#include <inttypes.h>
#include <stdlib.h>

/* One that asks, and waits for its answer: a client may be several of them at once. */
struct process {
    uint32_t number;
    uint32_t next; /* Of the same client, + 1. */
    bool busy;
};

struct moment {
    uint64_t at;
    uint32_t which; /* Of the history's operations. */
    bool completes;
};

struct writing {
    const struct history *history;
    struct buf *into;
    struct process *processes;
    uint32_t n;
    uint32_t cap;
    uint32_t *of_client; /* By client: its first process, + 1. */
    uint32_t *of;        /* By operation, as it is in the history: its process. */
    uint64_t index;
};

static void put_string(struct writing *w, struct bytes b)
{
    buf_printf(w->into, "\"");
    while (b.len > 0) {
        uint32_t point;
        bool ok;
        size_t n = text_next(b, &point, &ok);
        if (!ok) /* No text: a byte of a private kind. */
            buf_printf(w->into, "\\uf7%02x", b.base[0]);
        else if (point == '"' || point == '\\')
            buf_printf(w->into, "\\%c", (char)point);
        else if (point < 0x20 || (point >= 0x7f && point < 0x10000))
            buf_printf(w->into, "\\u%04x", point);
        else
            buf_append(w->into, bytes_of(b.base, n));
        b = bytes_of(b.base + n, b.len - n);
    }
    buf_printf(w->into, "\"");
}

static void put_value(struct writing *w, uint32_t value)
{
    if (value == VALUE_ABSENT || value == VALUE_ANY)
        buf_printf(w->into, "nil");
    else
        put_string(w, w->history->datatype.words.all[value]);
}

static const char *const verbs[] = {"get",    "set",    "cas",    "incr",    "append", "del",
                                    "exists", "length", "expire", "enqueue", "dequeue"};

/* What was asked; what was answered, where something was. */
static void put_action(struct writing *w, const struct action *a, bool answer)
{
    bool reads = a->kind == ACTION_READ || a->kind == ACTION_DEQUEUE;
    if (a->kind == ACTION_CAS) {
        buf_printf(w->into, "[");
        put_value(w, a->expected);
        buf_printf(w->into, " ");
        put_value(w, a->value);
        buf_printf(w->into, "]");
    } else if (reads) {
        put_value(w, answer ? a->value : VALUE_ABSENT);
    } else if (answer && a->told) {
        buf_printf(w->into, "%" PRId64, a->number);
    } else if (a->kind == ACTION_ADD) {
        buf_printf(w->into, "%" PRId64, a->by);
    } else {
        put_value(w, a->value);
    }
}

static void put_txn(struct writing *w, const struct operation *o, bool answer)
{
    bool first = true;
    buf_printf(w->into, ":f :txn, :value [");
    for (uint32_t i = 0; i < o->n; i++) {
        if (o->actions[i].refused) /* It neither did nor told anything. */
            continue;
        buf_printf(w->into, "%s[:%s ", first ? "" : " ", verbs[o->actions[i].kind]);
        put_string(w, w->history->keys.all[o->actions[i].key]);
        buf_printf(w->into, " ");
        put_action(w, &o->actions[i], answer);
        buf_printf(w->into, "]");
        first = false;
    }
    buf_printf(w->into, "]");
}

static void put_line(struct writing *w, const struct operation *o, uint32_t process,
                     const char *type, uint64_t ns, bool answer)
{
    buf_printf(w->into, "{:index %" PRIu64 ", :time %" PRIu64 ", :process %u, :type :%s, ",
               w->index++, ns, process, type);
    if (o->n == 1) {
        const struct action *a = &o->actions[0];
        bool named = w->history->keys.all[a->key].len > 0;
        bool of_one = !named && a->kind <= ACTION_WRITE; /* A register has words of its own. */
        const char *verb = a->kind == ACTION_READ ? "read" : "write";
        buf_printf(w->into, ":f :%s, ", of_one ? verb : verbs[a->kind]);
        if (named || (a->kind >= ACTION_ADD && a->kind <= ACTION_LENGTH)) {
            buf_printf(w->into, ":key ");
            put_string(w, w->history->keys.all[a->key]);
            buf_printf(w->into, ", ");
        }
        buf_printf(w->into, ":value ");
        put_action(w, a, answer);
    } else {
        put_txn(w, o, answer);
    }
    buf_printf(w->into, "}\n");
}

static uint32_t take_process(struct writing *w, uint32_t client)
{
    uint32_t at = w->of_client[client];
    while (at && w->processes[at - 1].busy)
        at = w->processes[at - 1].next;
    if (!at) {
        if (w->n == w->cap) {
            uint32_t cap = w->cap ? 2 * w->cap : 64;
            w->processes = must_grow(w->processes, w->cap, cap, sizeof *w->processes);
            w->cap = cap;
        }
        w->processes[w->n] = (struct process){.number = w->n, .next = w->of_client[client]};
        w->of_client[client] = at = ++w->n;
    }
    w->processes[at - 1].busy = true;
    return at - 1;
}

static int by_time(const void *a, const void *b)
{
    const struct moment *x = a;
    const struct moment *y = b;
    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    return x->completes < y->completes ? -1 : x->completes > y->completes;
}

static bool is_told(const struct operation *o)
{
    bool any = false;
    for (uint32_t i = 0; i < o->n; i++)
        any |= !o->actions[i].refused;
    return any;
}

static bool is_shortened(const struct history *h)
{
    for (uint32_t i = 1; h->datatype.brief && i < h->datatype.words.n; i++)
        if (datatype_shortened(&h->datatype, i))
            return true;
    return false;
}

static void put_moment(struct writing *w, const struct moment *m)
{
    const struct operation *o = w->history->operations.all[m->which];
    uint32_t *process = &w->of[m->which];
    if (!m->completes) {
        *process = take_process(w, (uint32_t)o->client);
        put_line(w, o, *process, "invoke", o->invoke_ns, false);
        return;
    }
    bool ok = o->fate == FATE_OK;
    put_line(w, o, *process,
             ok                        ? "ok"
             : o->fate == FATE_DROPPED ? "fail"
                                       : "info",
             o->complete_ns ? o->complete_ns : o->invoke_ns, ok);
    w->processes[*process].busy = o->fate == FATE_UNKNOWN; /* Who got no answer asks no more. */
}

uint32_t history_write(const struct history *h, struct buf *into)
{
    const struct operations *l = &h->operations;
    struct writing w = {.history = h, .into = into};
    struct moment *all = must_alloc(2 * (size_t)l->n, sizeof *all);
    uint32_t n = 0;
    if (is_shortened(h))
        buf_printf(into, "%s", HISTORY_SHORTENED);
    for (uint32_t i = 0; i < l->n; i++) { /* What nobody knows is told at the end. */
        if (!is_told(l->all[i]))
            continue;
        all[n++] = (struct moment){l->all[i]->invoked, i, false};
        all[n++] = (struct moment){l->all[i]->completed, i, true};
    }
    qsort(all, n, sizeof *all, by_time);
    w.of_client = must_alloc(h->clients.n, sizeof *w.of_client);
    w.of = must_alloc(l->n, sizeof *w.of);
    for (uint32_t i = 0; i < n; i++)
        put_moment(&w, &all[i]);
    free(all);
    free(w.of);
    free(w.of_client);
    free(w.processes);
    return n / 2;
}
