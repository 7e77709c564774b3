#include "lab/clues.h"

#include "session/filter.h"

#include <stdio.h>
#include <string.h>

static void forget(struct clues *c)
{
    filter_free(c->wanted);
    filter_free(c->unless);
    c->wanted = c->unless = NULL;
    c->compiled = false;
}

void clues_begin(struct clues *c, Orrery__Clue *const *all, size_t n, uint64_t since_ns)
{
    forget(c);
    *c = (struct clues){
        .all = all, .n = n < CLUES_MAX ? n : CLUES_MAX, .since = since_ns, .on = true};
}

void clues_end(struct clues *c)
{
    forget(c);
    *c = (struct clues){0};
}

bool clues_done(const struct clues *c)
{
    return c->on && c->at == c->n;
}

static struct filter *compile_one(struct clues *c, const struct bindings *b, struct timeline *t,
                                  const char *text)
{
    struct buf filled = {0};
    struct filter *f = NULL;
    if (bindings_fill(b, text, &filled, c->why, sizeof c->why))
        f = filter_new(t, (const char *)filled.base, NULL, 0, c->why, sizeof c->why);
    buf_free(&filled);
    return f;
}

/* Only once it is waited for: earlier clues catch what it may name. */
static bool compile(struct clues *c, const struct bindings *b, struct timeline *t)
{
    const Orrery__Clue *clue = c->all[c->at];
    if (c->compiled)
        return true;
    forget(c);
    c->wanted = compile_one(c, b, t, clue->event);
    if (*clue->unless)
        c->unless = compile_one(c, b, t, clue->unless);
    c->compiled = c->wanted && (c->unless || !*clue->unless);
    return c->compiled;
}

static void back_to_begin(struct clues *c)
{
    c->at = c->acted = 0;
    c->seen = 0;
    forget(c);
}

static void came(struct clues *c, struct bindings *b, struct timeline *t, const struct entry *e)
{
    const Orrery__Clue *clue = c->all[c->at];
    c->events[c->at] = e->ordinal;
    if (++c->seen < clue->count)
        return;
    if (*clue->as)
        bindings_event(b, clue->as, e);
    for (size_t i = 0; i < clue->n_catch_; i++)
        bindings_catch(b, clue->catch_[i], t, e);
    c->at++;
    c->seen = 0;
    forget(c);
}

bool clues_entry(struct clues *c, struct bindings *b, struct timeline *t, const struct entry *e)
{
    if (!c->on || c->at == c->n || *c->why || e->head.mono_ns < c->since || !compile(c, b, t))
        return false;
    if (filter_passes(c->wanted, e)) {
        came(c, b, t, e);
        return true;
    }
    if (c->unless && filter_passes(c->unless, e) && (c->at || c->seen)) {
        back_to_begin(c);
        return true;
    }
    return false;
}
