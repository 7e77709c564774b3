#include "check/foresight.h"

#include "base/must.h"

#include <stdlib.h>
#include <string.h>

enum { LOOKS_MAX = 200000000 }; /* Longer histories are judged as they are. */

/* Where a key is touched. */
struct touch {
    uint32_t operation;
    uint32_t action;
};

struct foresight {
    struct history *history;
    uint32_t *first;       /* By key: of its touches; behind the last key, their number. */
    struct touch *touches; /* By key. */
    uint32_t *offset;      /* By operation: of its actions in seen. */
    bool *seen;
    bool *plain; /* By key: its values are only written, compared and read. */
};

static bool is_plain(const struct action *a)
{
    return a->kind != ACTION_ADD && a->kind != ACTION_APPEND && a->kind != ACTION_ENQUEUE &&
           a->kind != ACTION_DEQUEUE;
}

static void foresight_init(struct foresight *f, struct history *h)
{
    const struct operations *l = &h->operations;
    uint32_t n = 0;
    *f = (struct foresight){.history = h};
    f->first = must_alloc(h->keys.n + 2, sizeof *f->first);
    f->offset = must_alloc(l->n, sizeof *f->offset);
    f->plain = must_alloc(h->keys.n, sizeof *f->plain);
    memset(f->plain, 1, h->keys.n * sizeof *f->plain);
    for (uint32_t i = 0; i < l->n; i++) {
        f->offset[i] = n;
        n += l->all[i]->n;
        for (uint32_t k = 0; k < l->all[i]->n; k++) {
            const struct action *a = &l->all[i]->actions[k];
            f->first[a->key + 2]++;
            f->plain[a->key] = f->plain[a->key] && (is_plain(a) || a->refused);
        }
    }
    for (uint32_t key = 2; key < h->keys.n + 2; key++)
        f->first[key] += f->first[key - 1];
    f->touches = must_alloc(n, sizeof *f->touches);
    f->seen = must_alloc(n, sizeof *f->seen);
    for (uint32_t i = 0; i < l->n; i++)
        for (uint32_t k = 0; k < l->all[i]->n; k++)
            f->touches[f->first[l->all[i]->actions[k].key + 1]++] = (struct touch){i, k};
}

static void foresight_free(struct foresight *f)
{
    free(f->first);
    free(f->touches);
    free(f->offset);
    free(f->seen);
    free(f->plain);
}

static bool is_seen(struct foresight *f, uint32_t i, uint32_t k)
{
    struct operation *const *all = f->history->operations.all;
    const struct action *a = &all[i]->actions[k];
    for (uint32_t t = f->first[a->key]; t < f->first[a->key + 1]; t++) {
        uint32_t j = f->touches[t].operation;
        uint32_t m = f->touches[t].action;
        const struct operation *by = all[j];
        bool counts =
            by->fate == FATE_OK || (by->fate == FATE_UNKNOWN && f->seen[f->offset[j] + m]);
        if (counts && (j != i || m > k) && by->completed > all[i]->invoked &&
            datatype_action_may_see(&f->history->datatype, &by->actions[m], a))
            return true;
    }
    return false;
}

/* What was seen by what was seen was seen. */
static void find_seen(struct foresight *f)
{
    const struct operations *l = &f->history->operations;
    for (bool more = true; more;) {
        more = false;
        for (uint32_t i = 0; i < l->n; i++)
            for (uint32_t k = 0; l->all[i]->fate == FATE_UNKNOWN && k < l->all[i]->n; k++) {
                bool *seen = &f->seen[f->offset[i] + k];
                if (*seen)
                    continue;
                *seen = is_seen(f, i, k);
                more |= *seen;
            }
    }
}

/* The first that read what this one alone wrote; NULL. */
static const struct operation *reader_of(const struct foresight *f, const struct operation *o,
                                         const struct action *a)
{
    const struct operation *first = NULL;
    uint32_t writers = 0;
    if (a->kind != ACTION_WRITE || a->value == VALUE_ABSENT || a->value == VALUE_ANY ||
        !f->plain[a->key] || f->history->initial == VALUE_ANY)
        return NULL;
    for (uint32_t t = f->first[a->key]; t < f->first[a->key + 1]; t++) {
        const struct operation *by = f->history->operations.all[f->touches[t].operation];
        const struct action *b = &by->actions[f->touches[t].action];
        if (b->refused || by->fate == FATE_DROPPED)
            continue;
        writers += (b->kind == ACTION_WRITE || b->kind == ACTION_CAS) && b->value == a->value;
        if (b->kind == ACTION_READ && b->told && b->value == a->value && by != o &&
            (!first || by->completed < first->completed))
            first = by;
    }
    return writers == 1 ? first : NULL;
}

/* With what was seen of it, and done if that is known. NULL: nothing was seen. */
static struct operation *slimmed(const struct foresight *f, uint32_t i)
{
    const struct operation *o = f->history->operations.all[i];
    struct operation *copy = operation_new(o->n);
    memcpy(copy, o, sizeof *o);
    copy->n = 0;
    for (uint32_t k = 0; k < o->n; k++) {
        if (!f->seen[f->offset[i] + k])
            continue;
        copy->actions[copy->n++] = o->actions[k];
        const struct operation *reader = reader_of(f, o, &o->actions[k]);
        if (!reader || reader->completed >= copy->completed)
            continue;
        copy->fate = FATE_OK;
        copy->foretold = true;
        copy->completed = reader->completed;
        copy->complete_event = reader->complete_event;
    }
    operation_settle(copy);
    if (copy->n > 0)
        return copy;
    free(copy);
    return NULL;
}

/* How often a look at one action from another may be needed, at most, in one round. */
static uint64_t looks(const struct foresight *f)
{
    uint64_t n = 0;
    const struct operations *l = &f->history->operations;
    for (uint32_t i = 0; i < l->n; i++)
        for (uint32_t k = 0; l->all[i]->fate == FATE_UNKNOWN && k < l->all[i]->n; k++) {
            uint32_t key = l->all[i]->actions[k].key;
            n += f->first[key + 1] - f->first[key];
        }
    return n;
}

static bool any_unknown(const struct operations *l)
{
    for (uint32_t i = 0; i < l->n; i++)
        if (l->all[i]->fate == FATE_UNKNOWN)
            return true;
    return false;
}

void foresee(struct history *h, struct operations *told, struct operations *copies)
{
    struct foresight f = {0};
    *told = *copies = (struct operations){0};
    bool can = any_unknown(&h->operations);
    if (can) {
        foresight_init(&f, h);
        can = looks(&f) <= LOOKS_MAX;
    }
    if (can)
        find_seen(&f);
    for (uint32_t i = 0; i < h->operations.n; i++) {
        struct operation *o = h->operations.all[i];
        if (can && o->fate == FATE_UNKNOWN) {
            o = slimmed(&f, i);
            if (!o)
                continue;
            operations_add(copies, o);
        }
        operations_add(told, o);
    }
    foresight_free(&f);
}
