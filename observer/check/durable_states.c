#include "check/durable.h"

#include "base/check.h"
#include "base/crc32c.h"
#include "base/must.h"

#include <stdlib.h>
#include <string.h>

void store_drop_steps(struct store *s, uint32_t n)
{
    CHECK(n <= s->n_steps);
    for (uint32_t i = 0; i < n; i++)
        free(s->steps[i].ops);
    s->n_steps -= n;
    if (s->n_steps && n)
        memmove(s->steps, s->steps + n, s->n_steps * sizeof *s->steps);
}

static void close_states(struct store *s)
{
    for (uint32_t i = 0; i < s->n_open; i++)
        store_cell(s, s->open[i])->open = 0;
    s->n_open = s->n_states = 0;
}

void store_free(struct store *s)
{
    store_drop_steps(s, s->n_steps);
    free(s->steps);
    free(s->cells);
    free(s->open);
    free(s->states);
}

void store_forget(struct store *s)
{
    close_states(s);
    for (uint32_t i = 0; i < s->n_cells; i++)
        s->cells[i] = (struct cell){.value = VALUE_ANY};
}

struct cell *store_cell(struct store *s, uint32_t key)
{
    if (key >= s->n_cells) {
        uint32_t n = key + 1 > 2 * s->n_cells ? key + 1 : 2 * s->n_cells;
        s->cells = realloc(s->cells, n * sizeof *s->cells);
        CHECK(s->cells);
        /* A store of which nothing is known begins with unknown values, a fresh one empty. */
        for (uint32_t i = s->n_cells; i < n; i++)
            s->cells[i] = (struct cell){.value = s->promises ? VALUE_ABSENT : VALUE_ANY};
        s->n_cells = n;
    }
    return &s->cells[key];
}

static uint32_t applied(struct durable_check *h, const struct op *op, uint32_t value)
{
    switch (op->kind) {
    case OP_SET:
        return op->value;
    case OP_DEL:
        return VALUE_ABSENT;
    case OP_INCR:
        return datatype_increased(&h->values, value, op->by);
    case OP_OTHER:
        return VALUE_ANY;
    default:
        return value;
    }
}

/* What op `at` of step `i` would find under its key, if the life had begun with `value` there. */
static uint32_t found(struct durable_check *h, const struct store *s, uint32_t i, uint32_t at,
                      uint32_t value)
{
    uint32_t key = s->steps[i].ops[at].key;
    for (uint32_t k = 0; k <= i; k++) {
        const struct step *step = &s->steps[k];
        uint32_t n = k == i ? at : step->n;
        for (uint32_t o = 0; o < n && !step->nothing; o++)
            if (step->ops[o].key == key)
                value = applied(h, &step->ops[o], value);
    }
    return value;
}

/* INCR reads what it wrote. */
static uint32_t result(struct durable_check *h, const struct store *s, uint32_t i, uint32_t at,
                       uint32_t value)
{
    const struct op *op = &s->steps[i].ops[at];
    value = found(h, s, i, at, value);
    return op->kind == OP_INCR ? applied(h, op, value) : value;
}

static void collapse(struct store *s)
{
    if (s->n_states != 1)
        return;
    for (uint32_t k = 0; k < s->n_open; k++)
        store_cell(s, s->open[k])->value = s->states[k];
    close_states(s);
}

bool store_read(struct durable_check *h, struct store *s, uint32_t i, uint32_t at, uint32_t value)
{
    struct cell *c = store_cell(s, s->steps[i].ops[at].key);
    if (!c->open) {
        uint32_t there = result(h, s, i, at, c->value);
        return there == value || there == VALUE_ANY;
    }
    uint32_t kept = 0;
    for (uint32_t k = 0; k < s->n_states; k++) {
        uint32_t there = result(h, s, i, at, s->states[k * s->n_open + c->open - 1]);
        kept += there == value || there == VALUE_ANY;
    }
    if (kept == 0)
        return false;
    kept = 0;
    for (uint32_t k = 0; k < s->n_states; k++) {
        uint32_t *state = s->states + k * s->n_open;
        uint32_t there = result(h, s, i, at, state[c->open - 1]);
        if (there == value || there == VALUE_ANY)
            memmove(s->states + kept++ * s->n_open, state, s->n_open * sizeof *state);
    }
    s->n_states = kept;
    collapse(s);
    return true;
}

void store_settle(struct durable_check *h, struct store *s, uint32_t n, uint64_t ordinal)
{
    for (uint32_t i = 0; i < n; i++) {
        const struct step *step = &s->steps[i];
        for (uint32_t o = 0; o < step->n && !step->nothing; o++) {
            const struct op *op = &step->ops[o];
            if (op->kind <= OP_LOOK)
                continue;
            struct cell *c = store_cell(s, op->key);
            c->ordinal = ordinal;
            c->boot = s->boot;
            if (!c->open)
                c->value = applied(h, op, c->value);
            for (uint32_t k = 0; c->open && k < s->n_states; k++) {
                uint32_t *v = &s->states[k * s->n_open + c->open - 1];
                *v = applied(h, op, *v);
            }
        }
    }
    store_drop_steps(s, n);
}

/* Adds to the open keys those that the steps may have changed. */
static void open_keys(struct store *s)
{
    uint32_t before = s->n_open;
    for (uint32_t i = 0; i < s->n_steps; i++)
        for (uint32_t o = 0; o < s->steps[i].n; o++) {
            struct cell *c = store_cell(s, s->steps[i].ops[o].key);
            if (c->open || s->steps[i].ops[o].kind <= OP_LOOK)
                continue;
            s->open = realloc(s->open, (s->n_open + 1) * sizeof *s->open);
            CHECK(s->open);
            s->open[s->n_open++] = s->steps[i].ops[o].key;
            c->open = s->n_open;
        }
    uint32_t n = s->n_states ? s->n_states : 1;
    uint32_t *states = must_alloc((size_t)n * (s->n_open + 1), sizeof *states);
    for (uint32_t k = 0; k < n; k++)
        for (uint32_t i = 0; i < s->n_open; i++)
            states[k * s->n_open + i] = i < before && s->n_states
                                            ? s->states[k * before + i]
                                            : store_cell(s, s->open[i])->value;
    free(s->states);
    s->states = states;
    s->n_states = n;
}

struct state_set {
    uint32_t *states;
    uint32_t n;
    uint32_t width;
    uint32_t table[4 * STATES_MAX]; /* Open addressing; index + 1. */
};

/* False when there are too many. */
static bool add_state(struct state_set *set, const uint32_t *state)
{
    uint32_t mask = sizeof set->table / sizeof set->table[0] - 1;
    uint32_t at = crc32c(0, state, set->width * sizeof *state) & mask;
    for (; set->table[at]; at = (at + 1) & mask)
        if (memcmp(set->states + (size_t)(set->table[at] - 1) * set->width, state,
                   set->width * sizeof *state) == 0)
            return true;
    if (set->n == STATES_MAX)
        return false;
    memcpy(set->states + (size_t)set->n * set->width, state, set->width * sizeof *state);
    set->table[at] = ++set->n;
    return true;
}

void store_crash(struct durable_check *h, struct store *s)
{
    open_keys(s);
    if (s->n_open == 0) {
        close_states(s);
        store_drop_steps(s, s->n_steps);
        return;
    }
    struct state_set *set = calloc(1, sizeof *set);
    uint32_t *state = calloc(s->n_open, sizeof *state);
    CHECK(set && state);
    set->width = s->n_open;
    set->states = must_alloc((size_t)STATES_MAX * s->n_open, sizeof *set->states);
    bool room = true;
    for (uint32_t k = 0; k < s->n_states && room; k++) {
        memcpy(state, s->states + (size_t)k * s->n_open, s->n_open * sizeof *state);
        room = add_state(set, state);
        for (uint32_t i = 0; i < s->n_steps && room; i++) {
            const struct step *step = &s->steps[i];
            for (uint32_t o = 0; o < step->n && !step->nothing; o++) {
                const struct op *op = &step->ops[o];
                uint32_t open = op->kind <= OP_LOOK ? 0 : store_cell(s, op->key)->open;
                if (open)
                    state[open - 1] = applied(h, op, state[open - 1]);
            }
            room = add_state(set, state);
        }
    }
    free(state);
    store_drop_steps(s, s->n_steps);
    if (room) {
        free(s->states);
        s->states = set->states;
        s->n_states = set->n;
        collapse(s);
    } else { /* Too many to follow: of these keys anything is believed, once. */
        for (uint32_t i = 0; i < s->n_open; i++)
            store_cell(s, s->open[i])->value = VALUE_ANY;
        close_states(s);
        free(set->states);
    }
    free(set);
}
