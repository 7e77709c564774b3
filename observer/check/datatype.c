#include "check/datatype.h"

#include "base/check.h"
#include "base/hash.h"
#include "base/must.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MEMO_CAP_MIN = 256 };

struct datatype_memo {
    uint32_t left, right, joined; /* joined 0: free. */
};

void datatype_init(struct datatype *m, bool brief)
{
    *m = (struct datatype){.brief = brief};
    words_init(&m->words);
}

void datatype_free(struct datatype *m)
{
    words_free(&m->words);
    free(m->memo);
    free(m->taken);
    *m = (struct datatype){0};
}

uint32_t datatype_number(struct datatype *m, int64_t number)
{
    char text[NUMBER_TEXT_MAX];
    int n = snprintf(text, sizeof text, "%" PRId64, number);
    return words_add(&m->words, bytes_of(text, (size_t)n));
}

uint32_t datatype_increased(struct datatype *m, uint32_t value, int64_t by)
{
    int64_t number = 0;
    char text[NUMBER_TEXT_MAX];
    if (value == VALUE_ANY)
        return VALUE_ANY;
    if (value != VALUE_ABSENT) {
        struct bytes b = m->words.all[value];
        char *end = NULL;
        if (b.len == 0 || b.len >= sizeof text)
            return value;
        memcpy(text, b.base, b.len);
        text[b.len] = 0;
        number = strtoll(text, &end, 10);
        if (end != text + b.len)
            return value;
    }
    return __builtin_add_overflow(number, by, &number) ? value : datatype_number(m, number);
}

/* Words joined end to end. */
static uint32_t join_bytes(struct datatype *m, uint32_t left, struct bytes right)
{
    struct buf both = {0};
    if (left != VALUE_ABSENT)
        buf_append(&both, m->words.all[left]);
    buf_append(&both, right);
    uint32_t joined = words_add(&m->words, buf_bytes(&both));
    buf_free(&both);
    return joined;
}

static struct datatype_memo *memo_slot(const struct datatype *m, uint32_t left, uint32_t right)
{
    for (uint32_t at = hash_pair(left, right);; at++) {
        struct datatype_memo *e = &m->memo[at & (m->memo_cap - 1)];
        if (!e->joined || (e->left == left && e->right == right))
            return e;
    }
}

static void memo_grow(struct datatype *m)
{
    struct datatype_memo *old = m->memo;
    uint32_t old_cap = m->memo_cap;
    m->memo_cap = old_cap ? 2 * old_cap : MEMO_CAP_MIN;
    m->memo = must_alloc(m->memo_cap, sizeof *m->memo);
    for (uint32_t i = 0; i < old_cap; i++)
        if (old[i].joined)
            *memo_slot(m, old[i].left, old[i].right) = old[i];
    free(old);
}

/* A search joins the same words again and again. `queued`: the right one's number is added. */
static uint32_t joined(struct datatype *m, uint32_t left, uint32_t right, bool queued)
{
    if (2 * (m->memo_n + 1) > m->memo_cap)
        memo_grow(m);
    uint32_t as = left | (queued ? UINT32_C(1) << 31 : 0);
    struct datatype_memo *e = memo_slot(m, as, right);
    if (!e->joined) {
        uint8_t number[4];
        put_u32(number, right);
        struct bytes add = queued ? bytes_of(number, sizeof number) : m->words.all[right];
        uint32_t word = join_bytes(m, left, add);
        *e = (struct datatype_memo){as, right, word};
        m->memo_n++;
    }
    return e->joined;
}

bool datatype_shortened(const struct datatype *m, uint32_t value)
{
    return value == VALUE_ANY ||
           (m->brief && value != VALUE_ABSENT && m->words.all[value].len == 57 &&
            m->words.all[value].base[40] == '~');
}

static size_t length(const struct datatype *m, uint32_t value)
{
    return value == VALUE_ABSENT ? 0 : m->words.all[value].len;
}

/* Beside the numbers of words, which are far fewer. */
#define VALUE_GOING     (UINT32_C(1) << 30)
#define VALUE_ANY_GOING (VALUE_ANY - 1)

uint32_t datatype_held(uint32_t state, bool *going)
{
    *going = state == VALUE_ANY_GOING || (state & VALUE_GOING && state != VALUE_ANY);
    return state == VALUE_ANY_GOING ? VALUE_ANY : *going ? state & ~VALUE_GOING : state;
}

static uint32_t going(uint32_t state)
{
    if (state == VALUE_ANY || state == VALUE_ANY_GOING)
        return VALUE_ANY_GOING;
    return state == VALUE_ABSENT ? VALUE_ABSENT : state | VALUE_GOING;
}

static bool read_value(const struct action *a, uint32_t *state)
{
    if (!a->told)
        return true;
    if (*state == VALUE_ANY)
        *state = a->value; /* Now it is known. */
    return *state == a->value;
}

static bool compare_and_set(const struct action *a, uint32_t *state)
{
    bool known = *state != VALUE_ANY;
    if (a->told && a->number == 0)
        return !known || *state != a->expected;
    if (known && *state != a->expected)
        return false;
    *state = a->value;
    return true;
}

static bool add(struct datatype *m, const struct action *a, uint32_t *state)
{
    uint32_t sum = datatype_increased(m, *state, a->by);
    if (a->told) {
        uint32_t told = datatype_number(m, a->number);
        if (sum != VALUE_ANY && sum != told)
            return false;
        sum = told;
    }
    *state = sum;
    return true;
}

static bool append(struct datatype *m, const struct action *a, uint32_t *state)
{
    size_t whole = 0;
    bool known = !datatype_shortened(m, *state) && !datatype_shortened(m, a->value);
    if (known)
        whole = length(m, *state) + length(m, a->value);
    if (known && a->told && a->number != (int64_t)whole)
        return false;
    if (!known || (m->brief && whole > BRIEF_MAX))
        *state = VALUE_ANY;
    else if (a->value != VALUE_ABSENT)
        *state = joined(m, *state, a->value, false);
    return true;
}

/* Whether a value comes out of the queue before the one that is its last. */
static bool overtakes(const struct datatype *m, uint32_t value, uint32_t state)
{
    struct bytes all = m->words.all[state];
    if (state == VALUE_ABSENT || all.len < 4 || value >= m->n_taken)
        return false;
    uint32_t last = get_u32(all.base + all.len - 4);
    if (last == VALUE_ANY)
        return m->taken[value].to != NEVER;
    return last < m->n_taken && m->taken[value].to < m->taken[last].from;
}

static bool enqueue(struct datatype *m, const struct action *a, uint32_t *state)
{
    if (*state == VALUE_ANY)
        return true;
    if (overtakes(m, a->value, *state))
        return false;
    /* What is never taken out is all the same. */
    bool stays = a->value < m->n_taken && m->taken[a->value].from == NEVER;
    *state = joined(m, *state, stays ? VALUE_ANY : a->value, true);
    return true;
}

static bool dequeue(struct datatype *m, const struct action *a, uint32_t *state)
{
    if (*state == VALUE_ANY)
        return true;
    if (*state == VALUE_ABSENT)
        return !a->told || a->value == VALUE_ABSENT;
    struct bytes all = m->words.all[*state];
    if (all.len < 4 || (a->told && get_u32(all.base) != a->value))
        return false;
    *state =
        all.len == 4 ? VALUE_ABSENT : words_add(&m->words, bytes_of(all.base + 4, all.len - 4));
    return true;
}

/* Of a key that keeps what it has. */
static bool act(struct datatype *m, const struct action *a, uint32_t *state)
{
    bool any = *state == VALUE_ANY;
    switch (a->kind) {
    case ACTION_READ:
        return read_value(a, state);
    case ACTION_WRITE:
        *state = a->value;
        return true;
    case ACTION_CAS:
        return compare_and_set(a, state);
    case ACTION_ADD:
        return add(m, a, state);
    case ACTION_APPEND:
        return append(m, a, state);
    case ACTION_DELETE:
        if (a->told && !any && (*state != VALUE_ABSENT) != (a->number != 0))
            return false;
        *state = VALUE_ABSENT;
        return true;
    case ACTION_EXISTS:
        return !a->told || any || (*state != VALUE_ABSENT) == (a->number != 0);
    case ACTION_LENGTH:
        return !a->told || datatype_shortened(m, *state) || (int64_t)length(m, *state) == a->number;
    case ACTION_ENQUEUE:
        return enqueue(m, a, state);
    case ACTION_DEQUEUE:
        return dequeue(m, a, state);
    case ACTION_EXPIRE:
        *state = going(*state);
        return true;
    }
    return false;
}

/* Of one that is there still, or gone. */
static bool act_going(struct datatype *m, const struct action *a, uint32_t there, uint32_t *state)
{
    uint32_t gone = VALUE_ABSENT;
    bool can_be_there = act(m, a, &there);
    bool can_be_gone = act(m, a, &gone);
    if (!can_be_there)
        *state = can_be_gone ? gone : *state;
    else if (can_be_gone && gone != VALUE_ABSENT && gone != there)
        *state = VALUE_ANY_GOING;
    else
        *state = a->kind == ACTION_WRITE ? there : going(there);
    return can_be_there || can_be_gone;
}

bool datatype_act(struct datatype *m, const struct action *a, uint32_t *state)
{
    bool is_going;
    uint32_t held = datatype_held(*state, &is_going);
    if (a->refused)
        return true;
    return is_going ? act_going(m, a, held, state) : act(m, a, state);
}

bool datatype_apply(struct datatype *m, const struct operation *o, uint32_t *values,
                    const uint32_t *place)
{
    for (uint32_t i = 0; i < o->n; i++)
        if (!datatype_act(m, &o->actions[i], &values[place[o->actions[i].key]]))
            return false;
    return true;
}

/* --- what may have seen what --- */

static bool contains(struct bytes whole, struct bytes part)
{
    for (size_t i = 0; part.len && i + part.len <= whole.len; i++)
        if (memcmp(whole.base + i, part.base, part.len) == 0)
            return true;
    return part.len == 0;
}

/* Whether `by` may have been given its result, or have done what it did, because there was
 * `value`. */
static bool may_see_value(struct datatype *m, const struct action *by, uint32_t value)
{
    bool told = by->told;
    switch (by->kind) {
    case ACTION_READ:
        return told && (by->value == value || value == VALUE_ANY);
    case ACTION_CAS:
        return told && by->number == 0 ? by->expected != value : by->expected == value;
    case ACTION_ADD:
        return !told || value == VALUE_ANY ||
               datatype_increased(m, value, by->by) == datatype_number(m, by->number);
    case ACTION_EXISTS:
        return told && (by->number != 0) == (value != VALUE_ABSENT);
    case ACTION_DELETE:
        return told && (by->number != 0) == (value != VALUE_ABSENT);
    case ACTION_LENGTH:
    case ACTION_APPEND:
        return true;
    case ACTION_DEQUEUE:
        return !told || by->value == value;
    case ACTION_WRITE:
    case ACTION_ENQUEUE:
    case ACTION_EXPIRE:
        break;
    }
    return false;
}

static bool may_see_append(const struct datatype *m, const struct action *by, uint32_t added)
{
    switch (by->kind) {
    case ACTION_READ:
        return by->told && by->value != VALUE_ABSENT &&
               (m->brief || added == VALUE_ABSENT ||
                contains(m->words.all[by->value], m->words.all[added]));
    case ACTION_APPEND: /* It passes on what it finds. */
        return by->told;
    case ACTION_DELETE:
    case ACTION_EXISTS:
        return by->told;
    case ACTION_WRITE:
        return false;
    default:
        return true;
    }
}

bool datatype_action_may_see(struct datatype *m, const struct action *by, const struct action *a)
{
    if (by->key != a->key || by->refused || a->refused)
        return false;
    if (by->kind == ACTION_EXPIRE)
        return false; /* It tells nothing. */
    switch (a->kind) {
    case ACTION_WRITE:
    case ACTION_CAS:
    case ACTION_ENQUEUE:
        return may_see_value(m, by, a->value);
    case ACTION_DELETE:
        return may_see_value(m, by, VALUE_ABSENT);
    case ACTION_ADD:
        return may_see_value(m, by, a->told ? datatype_number(m, a->number) : VALUE_ANY);
    case ACTION_APPEND:
        return may_see_append(m, by, a->value);
    case ACTION_DEQUEUE: /* What it took must not have been put. */
        return !a->told || (by->kind == ACTION_ENQUEUE && by->value == a->value) ||
               (by->kind == ACTION_DEQUEUE && !by->told);
    case ACTION_EXPIRE: /* Whoever found nothing there, or what comes of nothing. */
        return by->kind != ACTION_WRITE;
    default:
        return false;
    }
}

bool datatype_may_see(struct datatype *m, const struct operation *by, const struct operation *o)
{
    for (uint32_t i = 0; i < by->n; i++)
        for (uint32_t k = 0; k < o->n; k++)
            if (datatype_action_may_see(m, &by->actions[i], &o->actions[k]))
                return true;
    return false;
}
