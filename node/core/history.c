#include "core/history.h"

#include "base/check.h"
#include "core/back.h"
#include "history.pb-c.h"

enum { NUMBERS_ROOM = 64 }; /* Upper bound of what is neither key nor value nor name. */

static void pack_invoked(struct back *w, const struct history_op *op)
{
    back_bytes(w, 7, op->expected);
    back_sint(w, 5, op->by);
    if (!op->reads)
        back_bytes(w, 3, op->value);
}

static void pack_completed(struct back *w, const struct history_op *op)
{
    back_uint(w, 6, op->failed);
    if (!op->failed) {
        back_sint(w, 5, op->result);
        back_uint(w, 4, op->absent && op->reads);
        if (op->reads)
            back_bytes(w, 3, op->value);
    }
}

static void pack_op(struct back *w, uint32_t field, const struct history_op *op, bool complete)
{
    const uint8_t *end = w->at;
    if (complete)
        pack_completed(w, op);
    else
        pack_invoked(w, op);
    back_bytes(w, 2, op->key);
    back_bytes(w, 1, bytes_str(op->f));
    back_around(w, field, end);
}

/* Room in the step's arena; its end. */
static uint8_t *room_for(struct out *o, const struct history *h)
{
    size_t n = NUMBERS_ROOM;
    for (uint32_t i = 0; i < h->n; i++)
        n += NUMBERS_ROOM + strlen(h->ops[i].f) + h->ops[i].key.len + h->ops[i].value.len +
             h->ops[i].expected.len;
    uint8_t *room = out_alloc(o, n);
    CHECK(room); /* Our own message must fit our own arena. */
    return room + n;
}

void history_invoke(struct out *o, const struct history *h)
{
    const uint8_t *end = room_for(o, h);
    struct back w = {(uint8_t *)(uintptr_t)end};
    back_uint(&w, 4, h->partial);
    for (uint32_t i = h->n; i-- > 0;)
        pack_op(&w, 3, &h->ops[i], false);
    back_uint(&w, 2, h->request);
    back_uint(&w, 1, h->client);
    out_trace_packed(o, &history__invoke__descriptor, bytes_of(w.at, (size_t)(end - w.at)), false);
}

void history_complete(struct out *o, const struct history *h, bool held)
{
    bool all_failed = true;
    const uint8_t *end = room_for(o, h);
    struct back w = {(uint8_t *)(uintptr_t)end};
    back_uint(&w, 5, h->partial);
    for (uint32_t i = h->n; i-- > 0;) {
        pack_op(&w, 4, &h->ops[i], true);
        all_failed = all_failed && h->ops[i].failed;
    }
    back_uint(&w, 3, all_failed ? HISTORY__OUTCOME__FAIL : HISTORY__OUTCOME__OK);
    back_uint(&w, 2, h->request);
    back_uint(&w, 1, h->client);
    out_trace_packed(o, &history__complete__descriptor, bytes_of(w.at, (size_t)(end - w.at)), held);
}
