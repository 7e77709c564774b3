/* What must wait for the disk: one queue for each log that is waited for, so that no protocol waits
 * for a sync that does not concern it. Within a queue nothing overtakes. */
#include "base/check.h"
#include "core/host_internal.h"

#include <string.h>

/* In the queue: this, the slices, the receivers, the bytes of the slices in memory. */
struct held {
    struct effect effect;
    size_t n_slices;
};

/* The log that an effect changes or reads; its effects must not overtake one another. */
static bool touches(const struct effect *e, uint32_t *log)
{
    switch ((int)e->kind) {
    case EFFECT_APPEND:
        *log = e->append.log;
        return true;
    case EFFECT_TRUNCATE:
        *log = e->truncate.log;
        return true;
    case EFFECT_SNAPSHOT:
        *log = e->snapshot.log;
        return true;
    case EFFECT_READ:
        *log = e->read.log;
        return true;
    default:
        return false;
    }
}

static bool is_due(const struct instance *in, const struct effect *e)
{
    return !e->held || in->durable[e->after_log] >= e->after;
}

bool hold_must(const struct instance *in, const struct effect *e)
{
    uint32_t log;
    if (touches(e, &log) && in->blocked[log] > 0)
        return true;
    return e->held && (!is_due(in, e) || !queue_empty(&in->held[e->after_log]));
}

static size_t memory_bytes(const struct effect *e)
{
    size_t n = 0;
    for (uint32_t i = 0; i < e->body.n; i++)
        if (e->body.slices[i].kind == SLICE_MEMORY)
            n += e->body.slices[i].memory.len;
    return n;
}

static uint8_t *copy(uint8_t *at, const void *from, size_t n)
{
    if (n > 0)
        memcpy(at, from, n);
    return at + n;
}

void hold_push(struct instance *in, const struct effect *e)
{
    uint32_t where = e->after_log;
    uint32_t log;
    if (touches(e, &log)) {
        CHECK(e->kind != EFFECT_TRUNCATE || !e->truncate.suffix);
        if (in->blocked[log] > 0)
            where = in->blocked_in[log];
        in->blocked[log]++;
        in->blocked_in[log] = where;
    }
    size_t n_slices = e->body.n * sizeof *e->body.slices;
    size_t n_to = e->kind == EFFECT_SEND ? e->send.n * sizeof *e->send.to : 0;
    struct held *held =
        queue_push(&in->held[where], sizeof *held + n_slices + n_to + memory_bytes(e));
    held->effect = *e;
    held->n_slices = e->body.n;
    uint8_t *at = copy((uint8_t *)(held + 1), e->body.slices, n_slices);
    at = copy(at, e->kind == EFFECT_SEND ? e->send.to : NULL, n_to);
    for (uint32_t i = 0; i < e->body.n; i++)
        if (e->body.slices[i].kind == SLICE_MEMORY)
            at = copy(at, e->body.slices[i].memory.base, e->body.slices[i].memory.len);
}

/* The queue's memory may have moved since: points everything to where it lies now. */
static struct effect *mend(struct held *held)
{
    struct effect *e = &held->effect;
    struct slice *slices = (struct slice *)(void *)(held + 1);
    uint8_t *at = (uint8_t *)(slices + held->n_slices);
    e->body.slices = slices;
    if (e->kind == EFFECT_SEND) {
        e->send.to = (const node_id *)(const void *)at;
        at += e->send.n * sizeof *e->send.to;
    }
    for (size_t i = 0; i < held->n_slices; i++) {
        if (slices[i].kind != SLICE_MEMORY)
            continue;
        slices[i].memory.base = at;
        at += slices[i].memory.len;
    }
    return e;
}

static bool release_first(struct host *h, struct instance *in, struct queue *q)
{
    struct held *held = queue_first(q);
    if (!held || !is_due(in, &held->effect))
        return false;
    const struct effect *e = mend(held);
    if (h->n_breaks > 0) {
        struct happening what = happening_effect(in, e);
        host_match(h, &what);
    }
    if (!host_go_on(h))
        return false;
    uint32_t log;
    if (touches(e, &log)) {
        CHECK(in->blocked[log] > 0);
        in->blocked[log]--;
    }
    host_leave(h, in, e);
    queue_pop(q);
    return true;
}

void hold_release(struct host *h, struct instance *in)
{
    for (uint32_t log = 0; log < in->n_logs; log++)
        while (h->phase != PHASE_DEAD && release_first(h, in, &in->held[log]))
            ;
}

void hold_forget_above(struct instance *in, uint32_t log, lsn last)
{
    if (in->durable[log] > last)
        in->durable[log] = last;
    for (uint32_t q = 0; q < in->n_logs; q++) {
        struct held *held;
        size_t at = 0;
        while ((held = queue_each(&in->held[q], &at)) != NULL)
            if (held->effect.after_log == log && held->effect.after > last)
                held->effect.after = last;
    }
}
