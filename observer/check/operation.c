#include "check/operation.h"

#include "base/check.h"

#include <stdlib.h>
#include <string.h>

struct operation *operation_new(uint32_t n)
{
    struct operation *o = calloc(1, sizeof *o + n * sizeof o->actions[0]);
    CHECK(o);
    o->n = n;
    o->completed = NEVER;
    return o;
}

static bool action_stays(const struct action *a)
{
    if (a->refused)
        return true;
    switch (a->kind) {
    case ACTION_READ:
    case ACTION_EXISTS:
    case ACTION_LENGTH:
        return true;
    case ACTION_CAS:
        return (a->told && a->number == 0) || a->value == a->expected;
    case ACTION_DELETE:
        return a->told && a->number == 0;
    case ACTION_DEQUEUE:
        return a->told && a->value == VALUE_ABSENT;
    default:
        return false;
    }
}

void operation_settle(struct operation *o)
{
    o->stays = true;
    for (uint32_t i = 0; i < o->n; i++) {
        struct action *a = &o->actions[i];
        if (o->fate == FATE_UNKNOWN)
            a->told = false;
        o->stays = o->stays && action_stays(a);
    }
    const struct action *only = &o->actions[0];
    o->blind =
        o->n == 1 && (only->kind == ACTION_WRITE || (only->kind == ACTION_DELETE && !only->told));
}

bool operation_touches(const struct operation *o, uint32_t key)
{
    for (uint32_t i = 0; i < o->n; i++)
        if (o->actions[i].key == key)
            return true;
    return false;
}

bool operations_meet(const struct operation *a, const struct operation *b)
{
    for (uint32_t i = 0; i < a->n; i++)
        if (operation_touches(b, a->actions[i].key))
            return true;
    return false;
}

bool operation_twins(const struct operation *a, const struct operation *b)
{
    if (a->n != b->n)
        return false;
    for (uint32_t i = 0; i < a->n; i++) {
        const struct action *x = &a->actions[i];
        const struct action *y = &b->actions[i];
        if (x->kind != y->kind || x->key != y->key || x->value != y->value ||
            x->expected != y->expected || x->by != y->by || x->told != y->told ||
            x->refused != y->refused || (x->told && x->number != y->number))
            return false;
    }
    return true;
}
