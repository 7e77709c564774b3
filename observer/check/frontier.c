#include "check/frontier.h"

#include "base/check.h"
#include "base/hash.h"
#include "base/must.h"

#include <stdlib.h>
#include <string.h>

/* A row: the values by place, a bit for each slot that has happened, and one for each that must be
 * seen by what comes next. Of the last there are none between two completions. */

enum {
    ALIKE_MAX = 256, /* So many configurations are looked at for one that stands for another. */
    LOOKS = 4,       /* So many are looked at for each that is kept. */
};

static uint32_t width(const struct frontier *f)
{
    return f->n_keys + 2 * f->mask_words;
}

static uint32_t *mask(const struct frontier *f, uint32_t *row)
{
    return row + f->n_keys;
}

static uint32_t *owed(const struct frontier *f, uint32_t *row)
{
    return row + f->n_keys + f->mask_words;
}

static bool owes(const struct frontier *f, uint32_t *row)
{
    uint32_t any = 0;
    for (uint32_t w = 0; w < f->mask_words; w++)
        any |= owed(f, row)[w];
    return any != 0;
}

static bool has(const uint32_t *bits, uint32_t slot)
{
    return bits[slot / 32] >> (slot % 32) & 1;
}

static void put(uint32_t *bits, uint32_t slot, bool on)
{
    uint32_t bit = UINT32_C(1) << (slot % 32);
    bits[slot / 32] = on ? bits[slot / 32] | bit : bits[slot / 32] & ~bit;
}

static void grow_scratch(struct frontier *f)
{
    for (int i = 0; i < 2; i++) {
        free(f->scratch[i]);
        f->scratch[i] = must_alloc(width(f), sizeof(uint32_t));
    }
}

static void grow_masks(struct frontier *f)
{
    uint32_t from = f->mask_words;
    uint32_t to = from ? 2 * from : 1;
    f->slots = must_grow(f->slots, (size_t)from * 32, (size_t)to * 32, sizeof *f->slots);
    f->open = must_grow(f->open, from, to, sizeof *f->open);
    f->stays = must_grow(f->stays, from, to, sizeof *f->stays);
    f->unknown = must_grow(f->unknown, from, to, sizeof *f->unknown);
    struct configurations old = f->now;
    f->mask_words = to;
    grow_scratch(f);
    f->now = (struct configurations){0};
    configurations_clear(&f->now, width(f));
    for (uint32_t i = 0; i < old.n; i++) {
        memset(f->scratch[0], 0, width(f) * sizeof(uint32_t));
        memcpy(f->scratch[0], configurations_row(&old, i), (f->n_keys + from) * sizeof(uint32_t));
        configurations_put(&f->now, f->scratch[0]);
    }
    configurations_free(&old);
}

void frontier_init(struct frontier *f, struct datatype *datatype, const uint32_t *place)
{
    *f = (struct frontier){.datatype = datatype, .place = place, .rows_max = CONFIGURATIONS_MAX};
    configurations_clear(&f->now, 1);
    configurations_put(&f->now, (const uint32_t[]){0});
    grow_masks(f);
}

void frontier_free(struct frontier *f)
{
    free(f->keys);
    free(f->slots);
    free(f->open);
    free(f->stays);
    free(f->unknown);
    free(f->scratch[0]);
    free(f->scratch[1]);
    configurations_free(&f->now);
    configurations_free(&f->seen);
    configurations_free(&f->next);
    *f = (struct frontier){0};
}

void frontier_add_key(struct frontier *f, uint32_t key, uint32_t value)
{
    f->keys = realloc(f->keys, (f->n_keys + 1) * sizeof *f->keys);
    CHECK(f->keys);
    f->keys[f->n_keys++] = key;
    struct configurations old = f->now;
    grow_scratch(f);
    f->now = (struct configurations){0};
    configurations_clear(&f->now, width(f));
    for (uint32_t i = 0; i < old.n; i++) {
        const uint32_t *row = configurations_row(&old, i);
        uint32_t before = f->n_keys - 1;
        memcpy(f->scratch[0], row, before * sizeof *row);
        f->scratch[0][before] = value;
        memcpy(f->scratch[0] + before + 1, row + before, 2 * f->mask_words * sizeof *row);
        configurations_put(&f->now, f->scratch[0]);
    }
    configurations_free(&old);
}

static uint32_t free_slot(struct frontier *f)
{
    for (uint32_t w = 0; w < f->mask_words; w++)
        if (~f->open[w])
            return 32 * w + (uint32_t)__builtin_ctz(~f->open[w]);
    uint32_t slot = 32 * f->mask_words;
    grow_masks(f);
    return slot;
}

static uint32_t take_slot(struct frontier *f, const struct operation *o)
{
    uint32_t slot = free_slot(f);
    f->slots[slot] = (struct slot){.operation = o};
    put(f->open, slot, true);
    put(f->stays, slot, o->stays);
    put(f->unknown, slot, o->fate == FATE_UNKNOWN);
    f->n_open++;
    f->n_unknown += o->fate == FATE_UNKNOWN;
    return slot;
}

static void release_slot(struct frontier *f, uint32_t slot)
{
    f->n_open--;
    f->n_unknown -= has(f->unknown, slot);
    put(f->open, slot, false);
    put(f->stays, slot, false);
    put(f->unknown, slot, false);
    for (uint32_t i = 0; i < 32 * f->mask_words; i++) {
        if (f->slots[i].elder == slot + 1)
            f->slots[i].elder = f->slots[slot].elder;
        if (f->slots[i].after == slot + 1)
            f->slots[i].after = f->slots[slot].after;
    }
    f->slots[slot] = (struct slot){0};
}

/* The youngest equal of unknown fate. */
static uint32_t elder_of(const struct frontier *f, const struct operation *o)
{
    uint32_t elder = 0;
    for (uint32_t i = 0; i < 32 * f->mask_words; i++)
        if (has(f->unknown, i) && operation_twins(f->slots[i].operation, o) &&
            (!elder || f->slots[i].operation->invoked > f->slots[elder - 1].operation->invoked))
            elder = i + 1;
    return elder;
}

/* What its client asked before it, unless it was not told what became of either. */
static uint32_t before_of(const struct frontier *f, const struct operation *o)
{
    uint32_t before = 0;
    for (uint32_t i = 0; i < 32 * f->mask_words && !o->foretold; i++) {
        const struct operation *x = f->slots[i].operation;
        if (x && x->client == o->client && x->fate == FATE_OK && !x->foretold &&
            (!before || x->invoked > f->slots[before - 1].operation->invoked))
            before = i + 1;
    }
    return before;
}

static bool waits(const struct frontier *f, uint32_t *row, uint32_t slot)
{
    uint32_t after = f->slots[slot].after;
    return after && !has(mask(f, row), after - 1);
}

/* Something that changes nothing happens here, if it can. */
static bool settle_slot(struct frontier *f, uint32_t *row, uint32_t slot)
{
    if (waits(f, row, slot))
        return false;
    memcpy(f->scratch[1], row, f->n_keys * sizeof *row);
    if (!datatype_apply(f->datatype, f->slots[slot].operation, f->scratch[1], f->place) ||
        memcmp(f->scratch[1], row, f->n_keys * sizeof *row) != 0)
        return false;
    put(mask(f, row), slot, true);
    return true;
}

static void was_seen(struct frontier *f, uint32_t *row, const struct operation *by)
{
    for (uint32_t w = 0; w < f->mask_words; w++)
        for (uint32_t bits = owed(f, row)[w]; bits; bits &= bits - 1) {
            uint32_t slot = 32 * w + (uint32_t)__builtin_ctz(bits);
            if (operations_meet(by, f->slots[slot].operation))
                put(owed(f, row), slot, false);
        }
}

/* All that changes nothing and can happen here has happened, and has seen what it touches. */
static void settle_row(struct frontier *f, uint32_t *row)
{
    for (bool more = true; more;) { /* One may have waited for another. */
        more = false;
        for (uint32_t w = 0; w < f->mask_words; w++)
            for (uint32_t bits = f->stays[w] & ~mask(f, row)[w]; bits; bits &= bits - 1) {
                uint32_t slot = 32 * w + (uint32_t)__builtin_ctz(bits);
                if (!settle_slot(f, row, slot))
                    continue;
                more = true;
                was_seen(f, row, f->slots[slot].operation);
            }
    }
}

enum progress frontier_invoke(struct frontier *f, const struct operation *o)
{
    if (o->fate == FATE_UNKNOWN && o->stays)
        return PROGRESS_DONE; /* It tells nothing, and does nothing. */
    if (f->n_open >= SLOTS_MAX)
        return PROGRESS_TOO_MANY;
    bool unknown = o->fate == FATE_UNKNOWN;
    uint32_t elder = unknown ? elder_of(f, o) : 0;
    uint32_t after = unknown ? 0 : before_of(f, o);
    uint32_t slot = take_slot(f, o);
    f->slots[slot].elder = elder;
    f->slots[slot].after = after;
    for (uint32_t i = 0; o->stays && i < f->now.n; i++)
        (void)settle_slot(f, configurations_row(&f->now, i), slot);
    return PROGRESS_DONE;
}

void frontier_complete(struct frontier *f, const struct operation *o)
{
    uint32_t slot = 0;
    while (f->slots[slot].operation != o)
        slot++;
    f->completes = slot + 1;
    f->at = 0;
    configurations_clear(&f->seen, width(f));
    configurations_clear(&f->next, width(f));
    for (uint32_t i = 0; i < f->now.n; i++) {
        uint32_t *row = configurations_row(&f->now, i);
        if (!has(mask(f, row), slot)) {
            configurations_put(&f->seen, row);
            continue;
        }
        memcpy(f->scratch[0], row, width(f) * sizeof *row);
        put(mask(f, f->scratch[0]), slot, false);
        configurations_add(&f->next, f->scratch[0]);
    }
}

/* Whether `by` overwrites the only key of `o` before it has looked at it. */
static bool overwrites(const struct operation *by, const struct operation *o)
{
    if (o->n > 1)
        return false;
    for (uint32_t i = 0; i < by->n; i++)
        if (by->actions[i].key == o->actions[0].key && !by->actions[i].refused)
            return by->actions[i].kind == ACTION_WRITE;
    return false;
}

static bool sees(const struct operation *by, const struct operation *o)
{
    return operations_meet(by, o) && !overwrites(by, o);
}

/* Whether `slot`, which happens now, leaves `before` to be seen by something later. What does not
 * meet may happen in either order: of those, in that of their slots. */
static bool leaves(const struct frontier *f, uint32_t slot, uint32_t before)
{
    const struct operation *o = f->slots[slot].operation;
    return has(f->unknown, slot) && slot > before &&
           !operations_meet(o, f->slots[before].operation);
}

/* Whether `slot` may happen next in this row, as far as its value does not matter. Then it sees
 * what it owes to, or leaves it. */
static bool follow(struct frontier *f, uint32_t *row, uint32_t slot)
{
    const struct slot *s = &f->slots[slot];
    if (waits(f, row, slot) || (s->elder && !has(mask(f, row), s->elder - 1)))
        return false;
    for (uint32_t w = 0; w < f->mask_words; w++)
        for (uint32_t bits = owed(f, row)[w]; bits; bits &= bits - 1) {
            uint32_t before = 32 * w + (uint32_t)__builtin_ctz(bits);
            const struct operation *o = f->slots[before].operation;
            if (sees(s->operation, o))
                put(owed(f, row), before, false);
            else if (!leaves(f, slot, before))
                return false;
        }
    put(mask(f, row), slot, true);
    put(owed(f, row), slot, has(f->unknown, slot));
    return true;
}

/* Whether something on several keys that may never have happened, and has not, meets `o`. */
static bool passed_on(const struct frontier *f, uint32_t *row, const struct operation *o)
{
    for (uint32_t w = 0; w < f->mask_words; w++)
        for (uint32_t bits = f->unknown[w] & ~mask(f, row)[w]; bits; bits &= bits - 1) {
            const struct operation *x = f->slots[32 * w + (uint32_t)__builtin_ctz(bits)].operation;
            if (x->n > 1 && operations_meet(x, o))
                return true;
        }
    return false;
}

static bool can_see_all(const struct frontier *f, uint32_t *row, const struct operation *by)
{
    for (uint32_t w = 0; w < f->mask_words; w++)
        for (uint32_t bits = owed(f, row)[w]; bits; bits &= bits - 1) {
            const struct operation *o = f->slots[32 * w + (uint32_t)__builtin_ctz(bits)].operation;
            if (!sees(by, o) && !passed_on(f, row, o))
                return false;
        }
    return true;
}

/* Whether all that is owed can be seen by one that is still to come. */
static bool is_hopeful(const struct frontier *f, uint32_t *row)
{
    for (uint32_t w = 0; w < f->mask_words; w++)
        for (uint32_t bits = f->open[w] & ~f->unknown[w] & ~mask(f, row)[w]; bits; bits &= bits - 1)
            if (can_see_all(f, row, f->slots[32 * w + (uint32_t)__builtin_ctz(bits)].operation))
                return true;
    return false;
}

static uint32_t looks_max(const struct frontier *f)
{
    return f->rows_max < CONFIGURATIONS_MAX / LOOKS ? LOOKS * f->rows_max : CONFIGURATIONS_MAX;
}

static void keep(struct frontier *f, struct configurations *among, const uint32_t *row)
{
    if (among->n >= looks_max(f) || !configurations_add(among, row))
        f->cut = true;
}

/* The row of `seen` goes on by one slot. */
static void go_on(struct frontier *f, uint32_t from, uint32_t slot)
{
    uint32_t *row = f->scratch[0];
    memcpy(row, configurations_row(&f->seen, from), width(f) * sizeof *row);
    if (!follow(f, row, slot) ||
        !datatype_apply(f->datatype, f->slots[slot].operation, row, f->place))
        return;
    settle_row(f, row);
    bool is_owed = owes(f, row);
    bool completes = has(mask(f, row), f->completes - 1);
    if (!completes && (!is_owed || is_hopeful(f, row))) {
        keep(f, &f->seen, row);
    } else if (completes && !is_owed) {
        put(mask(f, row), f->completes - 1, false);
        keep(f, &f->next, row);
    }
}

/* What may never have happened has by now, however it went: it is done. */
static void release_settled(struct frontier *f)
{
    for (uint32_t w = 0; w < f->mask_words; w++) {
        uint32_t all = f->unknown[w];
        for (uint32_t i = 0; all && i < f->now.n; i++)
            all &= mask(f, configurations_row(&f->now, i))[w];
        for (uint32_t i = 0; all && i < f->now.n; i++)
            mask(f, configurations_row(&f->now, i))[w] &= ~all;
        for (; all; all &= all - 1)
            release_slot(f, 32 * w + (uint32_t)__builtin_ctz(all));
    }
}

struct ranked {
    uint64_t hash;     /* Of all but what may never have happened, */
    uint32_t happened; /* and how much of that did. */
    uint32_t row;
};

static int by_hash(const void *a, const void *b)
{
    const struct ranked *x = a;
    const struct ranked *y = b;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    if (x->happened != y->happened)
        return x->happened < y->happened ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

/* What needed little leaves more open, and is shorter. */
static int by_happened(const void *a, const void *b)
{
    const struct ranked *x = a;
    const struct ranked *y = b;
    if (x->happened != y->happened)
        return x->happened < y->happened ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

static struct ranked rank(const struct frontier *f, uint32_t at)
{
    uint64_t h = 0;
    struct ranked r = {.row = at};
    const uint32_t *row = configurations_row(&f->next, at);
    for (uint32_t i = 0; i < f->n_keys + f->mask_words; i++) {
        uint32_t word = row[i];
        if (i >= f->n_keys) {
            uint32_t unknown = f->unknown[i - f->n_keys];
            r.happened += (uint32_t)__builtin_popcount(word & unknown);
            word &= ~unknown;
        }
        h = hash_word(h, word);
    }
    r.hash = h;
    return r;
}

/* Whether `more` is `less` but for some that happened and may never have. */
static bool stands_for(const struct frontier *f, uint32_t *less, uint32_t *more)
{
    if (memcmp(less, more, f->n_keys * sizeof *less) != 0)
        return false;
    for (uint32_t w = 0; w < f->mask_words; w++) {
        uint32_t a = mask(f, less)[w];
        uint32_t b = mask(f, more)[w];
        if ((a & ~b) || ((a ^ b) & ~f->unknown[w]))
            return false;
    }
    return true;
}

/* Of configurations of which one stands for others, that one is kept. */
static void reduce(struct frontier *f)
{
    struct configurations *c = &f->next;
    struct ranked *all = must_alloc(c->n, sizeof *all);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < c->n; i++)
        all[i] = rank(f, i);
    qsort(all, c->n, sizeof *all, by_hash);
    uint32_t first = 0; /* Of those kept, alike. */
    for (uint32_t i = 0; i < c->n; i++) {
        struct ranked one = all[i];
        bool stands = true;
        if (kept > 0 && all[kept - 1].hash != one.hash)
            first = kept;
        for (uint32_t k = first; k < kept && k - first < ALIKE_MAX && stands; k++)
            stands =
                !stands_for(f, configurations_row(c, all[k].row), configurations_row(c, one.row));
        if (stands)
            all[kept++] = one;
    }
    if (kept > f->rows_max)
        qsort(all, kept, sizeof *all, by_happened);
    configurations_clear(&f->seen, width(f));
    for (uint32_t i = 0; i < kept; i++)
        configurations_put(&f->seen, configurations_row(c, all[i].row));
    free(all);
    struct configurations swap = f->next;
    f->next = f->seen;
    f->seen = swap;
}

static void finish(struct frontier *f)
{
    if (f->n_unknown && f->next.n > 1)
        reduce(f);
    if (f->next.n > f->rows_max) {
        f->next.n = f->rows_max;
        f->cut = true;
    }
    struct configurations swap = f->now;
    f->now = f->next;
    f->next = swap;
    release_slot(f, f->completes - 1);
    f->completes = 0;
    if (f->n_unknown)
        release_settled(f);
}

enum progress frontier_work(struct frontier *f, uint64_t *steps)
{
    for (; f->at < f->seen.n && f->next.n < looks_max(f); f->at++) {
        if (*steps == 0)
            return PROGRESS_MORE;
        --*steps;
        for (uint32_t w = 0; w < f->mask_words; w++) {
            uint32_t *row = configurations_row(&f->seen, f->at);
            for (uint32_t bits = f->open[w] & ~mask(f, row)[w]; bits; bits &= bits - 1)
                go_on(f, f->at, 32 * w + (uint32_t)__builtin_ctz(bits));
        }
    }
    if (f->next.n == 0)
        return f->cut ? PROGRESS_TOO_MANY : PROGRESS_REFUTED;
    f->cut |= f->at < f->seen.n;
    finish(f);
    return PROGRESS_DONE;
}

/* Of each so many that all pairs of them can be kept. */
static void fit(struct frontier *f, struct frontier *other)
{
    while ((uint64_t)f->now.n * other->now.n > f->rows_max) {
        struct configurations *more = f->now.n > other->now.n ? &f->now : &other->now;
        more->n = (more->n + 1) / 2;
        f->cut = true;
    }
}

enum progress frontier_join(struct frontier *f, struct frontier *other)
{
    uint32_t moved[SLOTS_MAX];
    uint32_t slots = 32 * other->mask_words;
    uint32_t before = f->n_keys;
    if (f->n_open + other->n_open > SLOTS_MAX)
        return PROGRESS_TOO_MANY;
    f->cut |= other->cut;
    fit(f, other);
    for (uint32_t i = 0; i < slots; i++)
        if (other->slots[i].operation)
            moved[i] = take_slot(f, other->slots[i].operation);
    for (uint32_t i = 0; i < slots; i++) {
        if (other->slots[i].elder)
            f->slots[moved[i]].elder = moved[other->slots[i].elder - 1] + 1;
        if (other->slots[i].after)
            f->slots[moved[i]].after = moved[other->slots[i].after - 1] + 1;
    }
    for (uint32_t k = 0; k < other->n_keys; k++)
        frontier_add_key(f, other->keys[k], VALUE_ABSENT);
    struct configurations ours = f->now;
    f->now = (struct configurations){0};
    configurations_clear(&f->now, width(f));
    for (uint32_t i = 0; i < ours.n; i++)
        for (uint32_t k = 0; k < other->now.n; k++) {
            uint32_t *row = f->scratch[0];
            uint32_t *theirs = configurations_row(&other->now, k);
            memcpy(row, configurations_row(&ours, i), width(f) * sizeof *row);
            memcpy(row + before, theirs, other->n_keys * sizeof *row);
            for (uint32_t s = 0; s < slots; s++)
                if (other->slots[s].operation && has(mask(other, theirs), s))
                    put(mask(f, row), moved[s], true);
            configurations_put(&f->now, row);
        }
    configurations_free(&ours);
    frontier_free(other);
    return PROGRESS_DONE;
}

bool frontier_quiet(const struct frontier *f)
{
    return f->now.n == 1 && f->n_open == f->n_unknown && !f->completes;
}

uint32_t frontier_value(const struct frontier *f, uint32_t key)
{
    return configurations_row(&f->now, 0)[f->place[key]];
}
